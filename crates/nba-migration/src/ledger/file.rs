//! The files of the ledger and how they grow.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::Utc;
use nba_utils::Digest;
use nba_utils::atomic::{self, NewFile};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Entry, LedgerError, Record, Recovery, genesis};
use crate::fault;

/// The program as records name it.
const TOOL: &str = concat!("nba ", env!("CARGO_PKG_VERSION"));

/// The ledger of one project.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

/// Number and hash of the newest record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub sequence: u64,
    /// Its hash.
    pub hash: Digest,
}

/// What an append gives back: quote it where the ledger's owner cannot reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// Number of the record.
    pub sequence: u64,
    /// Its hash.
    pub hash: Digest,
    /// What had to be set aside first.
    pub recovery: Option<Recovery>,
}

/// One line. The entry stays the text it is, because the hash is over exactly these bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct Line<'a> {
    pub(super) hash: Digest,
    #[serde(borrow)]
    pub(super) record: &'a RawValue,
}

pub(super) fn line_hash(record: &str) -> Digest {
    Digest::of(record.as_bytes())
}

impl Ledger {
    /// The ledger in this folder, usually `.nba`; nothing is read or created yet.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of records.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join("ledger.jsonl")
    }

    pub(super) fn head_path(&self) -> PathBuf {
        self.folder.join("ledger.head")
    }

    /// Adds a record; when this returns it is on the disk. Other processes wait.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Damaged`] when the end does not fit the head; otherwise when a file cannot be read or written.
    pub fn append(&self, entry: &Entry) -> Result<Receipt, LedgerError> {
        let path = self.path();
        fs::create_dir_all(&self.folder).map_err(io("create", &self.folder))?;
        let lock_path = self.folder.join("ledger.lock");
        let lock = open(&lock_path).map_err(io("open", &lock_path))?;
        // Released when it is closed, also by the end of the process.
        lock.lock().map_err(io("lock", &lock_path))?;

        let mut file = open(&path).map_err(io("open", &path))?;
        let mut text = Vec::new();
        let tail = read_tail(&mut file, &mut text).map_err(io("read", &path))?;
        let last = tail.last_record(&path)?;
        let recovery = self.reconcile(&mut file, &path, &tail, last)?;

        let record = Record {
            sequence: last.map_or(0, |head| head.sequence) + 1,
            previous: last.map_or_else(genesis, |head| head.hash),
            time: Utc::now(),
            tool: TOOL.to_owned(),
            recovery: recovery.clone(),
            entry: entry.clone(),
        };
        let text = serde_json::to_string(&record)?;
        let hash = line_hash(&text);
        let raw = RawValue::from_string(text)?;
        let mut line = serde_json::to_vec(&Line { hash, record: &raw })?;
        line.push(b'\n');
        file.seek(SeekFrom::End(0))
            .and_then(|_| file.write_all(&line))
            .and_then(|()| file.sync_all())
            .map_err(io("append to", &path))?;
        fault::point("ledger.line");
        let head = Head {
            sequence: record.sequence,
            hash,
        };
        let mut json = serde_json::to_vec(&head)?;
        json.push(b'\n');
        atomic::replace(&self.head_path(), &json, NewFile::Private)?;
        Ok(Receipt {
            sequence: head.sequence,
            hash,
            recovery,
        })
    }

    /// The newest record according to the head file; `None` before the first.
    pub(super) fn head(&self) -> Result<Option<Head>, LedgerError> {
        let path = self.head_path();
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(io("read", &path))?,
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| LedgerError::Damaged {
                path,
                what: format!("the head cannot be read: {error}"),
            })
    }

    /// Checks the end against the head, and sets an unfinished line aside.
    fn reconcile(
        &self,
        file: &mut File,
        path: &Path,
        tail: &Tail<'_>,
        last: Option<Head>,
    ) -> Result<Option<Recovery>, LedgerError> {
        let damaged = |what: String| LedgerError::Damaged {
            path: path.to_owned(),
            what,
        };
        let sequence = last.map_or(0, |head| head.sequence);
        match self.head()? {
            // A crash between line and head leaves the head one behind; the line is there and counts.
            Some(head) if head.sequence + 1 == sequence => {}
            Some(head) if Some(head) == last => {}
            None if sequence <= 1 => {}
            None => return Err(damaged(format!("{sequence} records and no head"))),
            Some(head) => {
                return Err(damaged(format!(
                    "the head names record {}, the last whole line is record {sequence}",
                    head.sequence
                )));
            }
        }
        if tail.unfinished.is_empty() {
            return Ok(None);
        }
        let name = format!(
            "ledger.unfinished-{}-{}",
            sequence + 1,
            Utc::now().format("%Y%m%dT%H%M%S%6fZ")
        );
        atomic::create(&self.folder.join(&name), tail.unfinished, NewFile::Private)?;
        file.set_len(tail.whole_bytes)
            .map_err(io("cut the unfinished line off", path))?;
        let bytes = u64::try_from(tail.unfinished.len()).unwrap_or(u64::MAX);
        Ok(Some(Recovery {
            moved_to: name,
            bytes,
        }))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

pub(super) fn io(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> LedgerError + use<> {
    let path = path.to_owned();
    move |source| LedgerError::Io {
        operation,
        path,
        source,
    }
}

/// The end of the file.
struct Tail<'a> {
    /// The last line that has a line feed, without it.
    last_line: Option<&'a [u8]>,
    /// What follows the last line feed.
    unfinished: &'a [u8],
    /// Bytes up to and including the last line feed.
    whole_bytes: u64,
}

/// First look at this many bytes from the end; doubled until a whole line is in it.
const TAIL_BYTES: u64 = 64 * 1024;

fn read_tail<'a>(file: &mut File, buffer: &'a mut Vec<u8>) -> io::Result<Tail<'a>> {
    let length = file.metadata()?.len();
    let mut want = TAIL_BYTES;
    loop {
        let start = length.saturating_sub(want);
        file.seek(SeekFrom::Start(start))?;
        buffer.clear();
        file.take(length - start).read_to_end(buffer)?;
        let feeds = buffer.iter().filter(|&&byte| byte == b'\n').count();
        // Two feeds enclose the last line, unless the file begins with it.
        if feeds >= 2 || start == 0 {
            break;
        }
        want = want.saturating_mul(2);
    }
    let Some(end) = buffer.iter().rposition(|&byte| byte == b'\n') else {
        return Ok(Tail {
            last_line: None,
            unfinished: buffer,
            whole_bytes: 0,
        });
    };
    let begin = buffer[..end]
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |feed| feed + 1);
    let unfinished = &buffer[end + 1..];
    let whole_bytes = length - u64::try_from(unfinished.len()).unwrap_or(0);
    Ok(Tail {
        last_line: Some(&buffer[begin..end]),
        unfinished,
        whole_bytes,
    })
}

impl Tail<'_> {
    /// Number and hash of the last whole record; its hash is checked, its chain is [`Ledger::verify`]'s business.
    fn last_record(&self, path: &Path) -> Result<Option<Head>, LedgerError> {
        let Some(line) = self.last_line else {
            return Ok(None);
        };
        let damaged = |what: String| LedgerError::Damaged {
            path: path.to_owned(),
            what,
        };
        let parsed: Line<'_> = serde_json::from_slice(line)
            .map_err(|error| damaged(format!("the last record: {error}")))?;
        if line_hash(parsed.record.get()) != parsed.hash {
            return Err(damaged("the last record does not have its hash".to_owned()));
        }
        let record: Record = serde_json::from_str(parsed.record.get())
            .map_err(|error| damaged(format!("the last record: {error}")))?;
        Ok(Some(Head {
            sequence: record.sequence,
            hash: parsed.hash,
        }))
    }
}
