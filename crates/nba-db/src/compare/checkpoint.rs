//! The file in which finished key ranges are kept.
//!
//! One line per record: sixteen digits of a digest, a space, JSON. Lines are only ever appended; a range counts once its last
//! line is on disk. What a crash leaves unfinished at the end is cut off; damage anywhere else is an error.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::CompareError;
use super::found::Found;
use super::outcome::Difference;
use super::schedule::Division;
use crate::quiet::{ServerMarks, TableMarks};

/// What the file belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Version of this form.
    pub(super) format: u32,
    /// What is compared with what and how, by parts: a difference is told by its name.
    pub(super) identity: BTreeMap<String, String>,
    pub(super) division: Division,
    /// Write counters before the first snapshot, left and right; the reason where there are none.
    pub(super) marks: [Result<Marks, String>; 2],
}

/// Write counters of a table before a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    pub(super) server: ServerMarks,
    pub(super) table: TableMarks,
}

/// Form of the file.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Header(Box<Header>),
    /// A run, with snapshots of its own, begins.
    Run(u64),
    Difference {
        run: u64,
        first: usize,
        difference: Box<Difference>,
    },
    Finished {
        run: u64,
        first: usize,
        end: usize,
        found: Box<Found>,
    },
}

/// A finished range of an earlier run.
#[derive(Debug)]
struct Done {
    run: u64,
    pieces: Range<usize>,
    found: Found,
}

/// An open checkpoint.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    file: BufWriter<File>,
    run: u64,
    done: Vec<Done>,
    earlier: Option<Header>,
}

impl Checkpoint {
    /// Opens the file, or makes it; nobody else may use it meanwhile.
    pub(super) fn open(path: &Path) -> Result<Self, CompareError> {
        let failed = |source| CompareError::Checkpoint {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let file = options.open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => failed(io::Error::new(
                io::ErrorKind::WouldBlock,
                "another comparison is using it",
            )),
            std::fs::TryLockError::Error(error) => failed(error),
        })?;
        let mut open = Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            run: 0,
            done: Vec::new(),
            earlier: None,
        };
        open.load().map_err(failed)?;
        Ok(open)
    }

    fn load(&mut self) -> io::Result<()> {
        let mut sound = 0;
        let mut header = None;
        let mut runs = 0;
        let mut done = Vec::new();
        self.each(&mut |record, end| {
            sound = end;
            match record {
                Record::Header(found) => header = Some(*found),
                Record::Run(run) => runs = run,
                Record::Difference { .. } => {}
                Record::Finished {
                    run,
                    first,
                    end,
                    found,
                } => done.push(Done {
                    run,
                    pieces: first..end,
                    found: *found,
                }),
            }
            Ok(())
        })?;
        if sound == 0 && !is_torn_start(&self.path)? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is no checkpoint of a comparison",
            ));
        }
        let file = self.file.get_mut();
        file.set_len(sound)?;
        self.run = runs;
        self.done = done;
        self.earlier = header;
        Ok(())
    }

    /// Reads all records with where they end.
    fn each(&self, see: &mut dyn FnMut(Record, u64) -> io::Result<()>) -> io::Result<()> {
        let mut file = BufReader::new(File::open(&self.path)?);
        let mut line = Vec::new();
        let mut end = 0_u64;
        for number in 1_u64.. {
            line.clear();
            let length = file.read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(());
            }
            match parse(&line) {
                Some(record) => {
                    end += u64::try_from(length).unwrap_or(0);
                    see(record, end)?;
                }
                // The last line may be torn; after any other there is more.
                None if file.fill_buf()?.is_empty() => return Ok(()),
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("line {number} is damaged"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The header an earlier run wrote.
    pub(super) fn earlier(&self) -> Option<&Header> {
        self.earlier.as_ref()
    }

    /// Begins a run; the header is written where there is none.
    pub(super) fn begin(&mut self, header: &Header) -> Result<(), CompareError> {
        self.run += 1;
        let run = self.run;
        self.keep(|open| {
            if open.earlier.is_none() {
                open.write(&Record::Header(Box::new(header.clone())))?;
            }
            open.write(&Record::Run(run))?;
            open.sync()
        })
    }

    /// The pieces that are finished.
    pub(super) fn done(&self) -> Vec<Range<usize>> {
        self.done.iter().map(|done| done.pieces.clone()).collect()
    }

    /// Runs that finished a piece.
    pub(super) fn runs(&self) -> u64 {
        let mut runs: Vec<u64> = self.done.iter().map(|done| done.run).collect();
        runs.sort_unstable();
        runs.dedup();
        u64::try_from(runs.len()).unwrap_or(u64::MAX)
    }

    /// What was found in the finished pieces.
    pub(super) fn found(&self) -> impl Iterator<Item = &Found> {
        self.done.iter().map(|done| &done.found)
    }

    /// Hands on the differences in the finished pieces, with the first piece of their range.
    pub(super) fn replay(
        &self,
        see: &mut dyn FnMut(usize, Difference) -> Result<(), CompareError>,
    ) -> Result<(), CompareError> {
        let mut stopped = None;
        let outcome = self.each(&mut |record, _| {
            if let Record::Difference {
                run,
                first,
                difference,
            } = record
                && self
                    .done
                    .iter()
                    .any(|done| done.run == run && done.pieces.start == first)
                && let Err(error) = see(first, *difference)
            {
                stopped = Some(error);
                return Err(io::Error::other("stopped"));
            }
            Ok(())
        });
        match (stopped, outcome) {
            (Some(error), _) => Err(error),
            (None, Err(source)) => Err(self.failed(source)),
            (None, Ok(_)) => Ok(()),
        }
    }

    /// Keeps a difference; it counts only once its range is finished.
    pub(super) fn difference(
        &mut self,
        first: usize,
        difference: &Difference,
    ) -> Result<(), CompareError> {
        let run = self.run;
        self.keep(|open| {
            open.write(&Record::Difference {
                run,
                first,
                difference: Box::new(difference.clone()),
            })
        })
    }

    /// Keeps a finished range; it is on disk when this returns.
    pub(super) fn finished(
        &mut self,
        pieces: Range<usize>,
        found: &Found,
    ) -> Result<(), CompareError> {
        let run = self.run;
        self.keep(|open| {
            open.write(&Record::Finished {
                run,
                first: pieces.start,
                end: pieces.end,
                found: Box::new(found.clone()),
            })?;
            open.sync()
        })
    }

    fn keep(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), CompareError> {
        act(self).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> CompareError {
        CompareError::Checkpoint {
            path: self.path.clone(),
            source,
        }
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let json = serde_json::to_string(record)?;
        writeln!(self.file, "{} {json}", digest(json.as_bytes()))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_data()
    }
}

/// Whether a file without a sound line is empty or the start of one of ours, so that nothing of somebody else's is overwritten.
fn is_torn_start(path: &Path) -> io::Result<bool> {
    const START: &[u8] = b" {\"header\":";
    let mut head = Vec::new();
    File::open(path)?.take(28).read_to_end(&mut head)?;
    let (sum, json) = head.split_at(head.len().min(16));
    let length = json.len().min(START.len());
    Ok(sum.iter().all(u8::is_ascii_hexdigit) && json[..length] == START[..length])
}

fn parse(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(17)?;
    if sum[..16] != *digest(json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn digest(json: &[u8]) -> String {
    blake3::hash(json).to_hex().chars().take(16).collect()
}
