//! What a script reports on purpose, in a file of its own.
//!
//! A script that wants to appends lines of JSON to the file named by `NBA_MESSAGES`; one that does not know of it notices
//! nothing. The form follows Dagster Pipes: one object per line, with a `type`.
//!
//! ```json
//! {"type": "counter", "name": "plays inserted", "value": 1204}
//! {"type": "log", "text": "season 2024 is complete"}
//! {"type": "result", "ok": false, "reason": "the API answered 403"}
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use nba_utils::redact::Redactor;
use serde::{Deserialize, Serialize};

/// Variable that names the file.
pub const MESSAGES_VARIABLE: &str = "NBA_MESSAGES";

/// Largest file read, in bytes; what follows is left out and said.
const LIMIT: u64 = 1024 * 1024;

/// Most log texts and problems kept.
const KEPT: usize = 100;

/// Messages of one run. Claims of the script, like everything it prints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Messages {
    /// Figures by name; the last of each.
    pub counters: BTreeMap<String, u64>,
    /// What it wanted to be said.
    pub log: Vec<String>,
    /// Whether it says that it did its work, and why not.
    pub result: Option<(bool, Option<String>)>,
    /// Lines that could not be read.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    Counter { name: String, value: u64 },
    Log { text: String },
    Result { ok: bool, reason: Option<String> },
}

/// The file, in a folder that nobody else may enter; removed when dropped.
pub(super) struct Inbox {
    dir: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Inbox {
    pub(super) fn open() -> io::Result<Inbox> {
        let dir = tempfile::Builder::new().prefix("nba-run-").tempdir()?;
        let path = dir.path().join("messages.jsonl");
        Ok(Inbox { dir, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(self, redactor: &Redactor) -> Messages {
        let mut messages = Messages::default();
        let mut problem = |text: String| {
            if messages.problems.len() < KEPT {
                messages.problems.push(text);
            }
        };
        // A link or a pipe in its place is not what we asked for.
        let regular = std::fs::symlink_metadata(&self.path).map(|found| found.is_file());
        let mut bytes = Vec::new();
        match regular {
            Err(_) => return messages,
            Ok(false) => problem("the messages are no regular file".to_owned()),
            Ok(true) => {
                let read = std::fs::File::open(&self.path)
                    .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
                if let Err(error) = read {
                    problem(format!("cannot read the messages: {error}"));
                }
            }
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LIMIT {
            problem(format!(
                "more than {LIMIT} bytes of messages: the rest is left out"
            ));
        }
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            match serde_json::from_str(line) {
                Ok(Message::Counter { name, value }) => {
                    messages
                        .counters
                        .insert(redactor.redact(&name).to_ascii_lowercase(), value);
                }
                Ok(Message::Log { text }) => {
                    if messages.log.len() < KEPT {
                        messages.log.push(redactor.redact(&text).into_owned());
                    }
                }
                Ok(Message::Result { ok, reason }) => {
                    let reason = reason.map(|reason| redactor.redact(&reason).into_owned());
                    messages.result = Some((ok, reason));
                }
                Err(error) => {
                    if messages.problems.len() < KEPT {
                        messages
                            .problems
                            .push(format!("line {}: {error}", number + 1));
                    }
                }
            }
        }
        drop(self.dir);
        messages
    }
}
