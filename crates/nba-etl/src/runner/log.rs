//! The whole output of a run in a file of bounded size, secrets hidden.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{SecondsFormat, Utc};
use nba_utils::redact::Redactor;

use super::output::Tail;

/// Longest line written, in bytes; the rest of a longer one is left out.
const LONGEST_LINE: usize = 64 * 1024;

/// Where a run's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The file; folders above it are made. Readable for its owner alone.
    pub path: PathBuf,
    /// Bytes of output that go in while the script runs. Of a longer output the kept end follows: the summary comes last.
    pub max_bytes: u64,
}

impl LogFile {
    /// 8 MiB, a hundred thousand lines.
    pub fn at(path: impl Into<PathBuf>) -> LogFile {
        LogFile {
            path: path.into(),
            max_bytes: 8 * 1024 * 1024,
        }
    }
}

/// Removes the oldest log files of a folder until `keep` are left; by name, which begins with an id that grows with time.
///
/// Only names that end in `.log` are touched.
///
/// # Errors
///
/// The folder cannot be read. A file that cannot be removed is left.
pub fn prune_logs(folder: &Path, keep: usize) -> io::Result<usize> {
    let mut logs = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            logs.insert(path);
        }
    }
    let surplus = logs.len().saturating_sub(keep);
    let oldest = logs.into_iter().take(surplus);
    Ok(oldest
        .filter(|path| std::fs::remove_file(path).is_ok())
        .count())
}

/// The open log, shared by both streams; without a file it swallows everything.
#[derive(Clone)]
pub(super) struct Log(Arc<Shared>);

struct Shared {
    file: Mutex<Option<Open>>,
    problem: Mutex<Option<String>>,
    redactor: Redactor,
}

struct Open {
    file: File,
    left: u64,
}

impl Log {
    /// A log that cannot be opened or written is a problem of the report, not of the run.
    pub(super) fn open(file: Option<&LogFile>, redactor: &Redactor) -> Log {
        let mut problem = None;
        let file = file.and_then(|file| {
            let open = || {
                if let Some(folder) = file.path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                File::options()
                    .create(true)
                    .append(true)
                    .mode(0o600)
                    .open(&file.path)
            };
            open()
                .inspect_err(|error| {
                    problem = Some(format!("cannot open `{}`: {error}", file.path.display()));
                })
                .map(|open| Open {
                    file: open,
                    left: file.max_bytes,
                })
                .ok()
        });
        Log(Arc::new(Shared {
            file: Mutex::new(file),
            problem: Mutex::new(problem),
            redactor: redactor.clone(),
        }))
    }

    pub(super) fn lines(&self, stream: &'static str, margin: usize) -> Lines {
        Lines {
            log: self.clone(),
            stream,
            margin,
            pending: Vec::new(),
            cut: false,
            active: self.is_open(),
        }
    }

    /// Whether there is room for more while the script runs.
    fn is_open(&self) -> bool {
        let file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().is_some_and(|open| open.left > 0)
    }

    fn write(&self, bytes: &[u8]) {
        let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        open.left = open
            .left
            .saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Err(error) = open.file.write_all(bytes) {
            // Once is enough: a full disk stays full, and the script must not wait for us.
            *file = None;
            let mut problem = self
                .0
                .problem
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *problem = Some(format!("cannot write the log: {error}"));
        }
    }

    /// Adds the end of what did not fit, and tells why the log is incomplete, if it is.
    pub(super) fn finish(&self, tails: [(&str, &Tail); 2]) -> Option<String> {
        let full = {
            let file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.as_ref().is_some_and(|open| open.left == 0)
        };
        if full {
            for (stream, tail) in tails {
                let text = format!(
                    "--- {stream}: {} bytes in all; it ended with\n{}\n",
                    tail.total_bytes,
                    tail.text.trim_end()
                );
                self.write(text.as_bytes());
            }
        }
        self.0
            .problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Cuts one stream into lines.
pub(super) struct Lines {
    log: Log,
    stream: &'static str,
    margin: usize,
    pending: Vec<u8>,
    /// Whether the rest of the current line is left out.
    cut: bool,
    active: bool,
}

impl Lines {
    pub(super) fn add(&mut self, mut chunk: &[u8]) {
        if !self.active {
            return;
        }
        if !self.log.is_open() {
            // Full or broken: hiding secrets in what nobody will see would only slow the script down.
            self.active = false;
            self.pending = Vec::new();
            return;
        }
        if self.cut {
            let Some(end) = chunk.iter().position(|byte| *byte == b'\n') else {
                return;
            };
            chunk = &chunk[end + 1..];
            self.cut = false;
        }
        self.pending.extend_from_slice(chunk);
        if let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.pending.split_off(end + 1);
            let whole = std::mem::replace(&mut self.pending, rest);
            self.write(&whole);
        }
        if self.pending.len() > LONGEST_LINE {
            let line = std::mem::take(&mut self.pending);
            let hidden = self
                .log
                .0
                .redactor
                .redact(&String::from_utf8_lossy(&line))
                .into_owned();
            // A secret that was cut by the end of what we have is within the margin.
            let mut end = hidden.len().saturating_sub(self.margin);
            while !hidden.is_char_boundary(end) {
                end -= 1;
            }
            self.put(&format!(
                "{}… (the rest of the line is left out)",
                &hidden[..end]
            ));
            self.cut = true;
        }
    }

    pub(super) fn end(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.write(&rest);
        }
    }

    fn write(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let hidden = self.log.0.redactor.redact(&text);
        self.put(hidden.trim_end_matches('\n'));
    }

    fn put(&self, text: &str) {
        let prefix = format!(
            "{} {} ",
            Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            self.stream
        );
        let mut out = String::with_capacity(text.len() + prefix.len() * 8);
        for line in text.split('\n') {
            out.push_str(&prefix);
            out.push_str(line);
            out.push('\n');
        }
        self.log.write(out.as_bytes());
    }
}
