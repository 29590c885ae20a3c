//! Where play-by-play is: files, objects of a lake, games of a table.
//!
//! A place names its units and reads them one after the other. A unit is what is read at once, and what a store remembers: a file, an
//! object, a game of a table.

mod files;
mod lake;
#[cfg(feature = "boxscore-db")]
mod tables;
mod wanted;

use std::path::{Path, PathBuf};

use nba_boxscore::GameLog;

use super::{Form, PlaysError};

pub use files::Files;
pub use lake::Objects;
#[cfg(feature = "boxscore-db")]
pub use tables::Tables;
pub use wanted::{Fit, Wanted};

/// Tells one state of a unit from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of a file or object, rows of a game.
    pub size: u64,
    /// Last change of a file in nanoseconds since 1970; a digest of what tells states apart elsewhere.
    pub state: u64,
}

/// What became of a unit that a store remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is as it was, or belongs to another place.
    Same,
    /// It is there in another state, or may be.
    Changed,
    /// It is there no more.
    Gone,
}

/// What comes out of a unit: its games, then its end.
#[derive(Debug)]
pub enum Step {
    /// A game.
    Game(Form, Box<GameLog>),
    /// The unit is read to its end, or cannot be read further; the state it was read in.
    End(Result<(), PlaysError>, Mark),
    /// The unit cannot be opened now; it may be another time.
    Closed(PlaysError),
}

/// Where play-by-play is.
pub trait Place: Sync {
    /// What its units are called, in the plural.
    fn noun(&self) -> &'static str;

    /// Its units, in order.
    fn units(&self) -> &[PathBuf];

    /// Whether a unit that a store remembers could be read from here.
    fn has(&self, unit: &Path) -> bool;

    /// Bytes of a unit; 0 where nobody knows before it is read.
    fn bytes(&self, unit: &Path) -> u64;

    /// Units with different numbers stand in different parts of a store: what is read here together may not be another time.
    fn group(&self, _: &Path) -> usize {
        0
    }

    /// What became of units that a store remembers, in their order. Units of other places are as they were.
    ///
    /// # Errors
    ///
    /// When the place itself fails.
    fn states(&self, known: &[(&Path, Mark)]) -> Result<Vec<State>, PlaysError>;

    /// Reads units in this order. Every one ends with [`Step::End`] or [`Step::Closed`]; the number is its position.
    ///
    /// # Errors
    ///
    /// When the place itself fails: nothing can be said of the units that did not end.
    fn read(&self, units: &[PathBuf], take: &mut dyn FnMut(usize, Step)) -> Result<(), PlaysError>;

    /// What is not read here although somebody may expect it, and why.
    fn left_out(&self) -> &[String] {
        &[]
    }

    /// The units that hold a game by what they are called.
    fn named_after(&self, game: &str) -> Vec<PathBuf> {
        let units = self.units().iter();
        units
            .filter(|unit| super::stem(unit).split('_').any(|part| part == game))
            .cloned()
            .collect()
    }
}

/// The first eight bytes of a digest.
fn short(digest: &blake3::Hash) -> u64 {
    let (first, _) = digest.as_bytes().split_at(8);
    first
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A key or id as a part of a name. Paths take `a//b` and `a/./b` for `a/b`; here they are three.
fn encoded(key: &str) -> String {
    let parts: Vec<String> = key
        .split('/')
        .map(|part| match part {
            "" => "%".to_owned(),
            "." => "%2E".to_owned(),
            part => part.replace('%', "%25"),
        })
        .collect();
    parts.join("/")
}

/// What was [`encoded`].
fn decoded(name: &str) -> String {
    let parts: Vec<String> = name
        .split('/')
        .map(|part| match part {
            "%" => String::new(),
            "%2E" => ".".to_owned(),
            part => part.replace("%25", "%"),
        })
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_name_of_its_own() {
        let keys = [
            "a/b", "a//b", "a/./b", "a/b/", "a/b/.", "a/%/b", "a/%2E/b", "a/%25", "/a/b", "",
        ];
        let names: std::collections::BTreeSet<PathBuf> = keys
            .iter()
            .map(|key| PathBuf::from(format!("s3://bucket/{}", encoded(key))))
            .collect();
        assert_eq!(names.len(), keys.len(), "{names:?}");
        for key in keys {
            assert_eq!(decoded(&encoded(key)), key);
        }
    }
}
