//! One entry of a tree, its text forms, and the digest over all of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// A regular file.
    File {
        /// Permission bits.
        mode: Mode,
        /// Bytes.
        size: u64,
        /// Digest of the contents.
        blake3: Digest,
    },
    /// A folder, also an empty one.
    Folder {
        /// Permission bits.
        mode: Mode,
    },
    /// A symbolic link, not followed.
    Link {
        /// Where it points, as it is written there, in the form of [`text_of_path`].
        target: String,
    },
    /// A pipe, socket or device; it is not opened.
    Special {
        /// Permission bits.
        mode: Mode,
    },
}

impl Entry {
    /// The word for its kind: `file`, `folder`, `link`, `special`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Folder { .. } => "folder",
            Self::Link { .. } => "link",
            Self::Special { .. } => "special",
        }
    }

    /// Permission bits; a link has none of its own.
    pub fn mode(&self) -> Option<Mode> {
        match self {
            Self::File { mode, .. } | Self::Folder { mode } | Self::Special { mode } => Some(*mode),
            Self::Link { .. } => None,
        }
    }
}

/// Permission bits with set-user, set-group and sticky bit, written in octal (`0644`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: nothing but the lowest twelve bits.
pub struct Mode(u32);

impl Mode {
    /// The permission part of a mode as the system gives it.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & 0o7777)
    }

    /// The twelve bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octal = text.len() == 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
        bits.map(Self).ok_or_else(|| ModeError {
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for Mode {
    type Error = ModeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

/// A text that is not four octal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a mode of four octal digits")]
pub struct ModeError {
    text: String,
}

/// A path as text, without loss: bytes that are not UTF-8 become `\xNN`, a backslash becomes `\\`, everything else stays.
///
/// ```
/// use std::path::Path;
/// use nba_utils::tree::{path_of_text, text_of_path};
/// assert_eq!(text_of_path(Path::new("sql/é.sql")), "sql/é.sql");
/// assert_eq!(path_of_text("a\\\\b").as_deref(), Some(Path::new("a\\b")));
/// ```
pub fn text_of_path(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The path that [`text_of_path`] wrote; `None` if it did not write this text.
pub fn path_of_text(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        if let Some(after) = escape.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            let (digits, after) = escape.strip_prefix('x')?.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    let path = PathBuf::from(OsString::from_vec(bytes));
    (text_of_path(&path) == text).then_some(path)
}

/// The digest over patterns and entries. Every text is preceded by its length, so that no two trees give the same bytes.
pub(super) fn root_digest(excludes: &[String], entries: &BTreeMap<String, Entry>) -> Digest {
    let mut bytes = b"nba tree 1\n".to_vec();
    number(&mut bytes, length(excludes.len()));
    excludes
        .iter()
        .for_each(|pattern| text(&mut bytes, pattern));
    number(&mut bytes, length(entries.len()));
    for (path, entry) in entries {
        text(&mut bytes, path);
        text(&mut bytes, entry.kind());
        number(
            &mut bytes,
            entry.mode().map_or(0, |mode| u64::from(mode.bits())),
        );
        match entry {
            Entry::File { size, blake3, .. } => {
                number(&mut bytes, *size);
                bytes.extend_from_slice(blake3.as_bytes());
            }
            Entry::Link { target } => text(&mut bytes, target),
            Entry::Folder { .. } | Entry::Special { .. } => {}
        }
    }
    Digest::of(&bytes)
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    number(bytes, length(text.len()));
    bytes.extend_from_slice(text.as_bytes());
}

fn number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn length(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory fits into 64 bits")
}
