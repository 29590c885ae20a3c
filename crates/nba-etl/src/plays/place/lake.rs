//! Objects of a lake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::runtime::Handle;

use super::{Mark, Place, State, Step, decoded, encoded, short};
use crate::lake::{Inventory, Lake, LakeError, LakeObject};
use crate::plays::{PlaysError, read_document};

/// Objects on their way while one is read: with documents of a megabyte, one bucket in the same region keeps two cores busy.
const AHEAD: usize = 8;

/// Bytes that may be on their way at once.
const BYTES_AHEAD: u64 = 64 * 1024 * 1024;

/// Largest object that is read, in bytes: a season of plays in one file has some 40 MB.
const LARGEST: u64 = 512 * 1024 * 1024;

/// Objects below some prefixes, named by their address.
#[derive(Debug)]
pub struct Objects {
    lake: Arc<Lake>,
    /// What every name begins with, such as `s3://bucket/`.
    root: String,
    prefixes: Vec<String>,
    units: Vec<PathBuf>,
    listed: BTreeMap<PathBuf, LakeObject>,
    runtime: Handle,
}

impl Objects {
    /// Lists the objects. `root` goes before their keys to name them and ends in `/`. `runtime` is where requests are made; [`Place::read`]
    /// must not be called by its own tasks.
    ///
    /// # Errors
    ///
    /// When the lake cannot be listed to its end.
    pub async fn list(
        lake: Lake,
        root: String,
        what: &Inventory,
        runtime: Handle,
    ) -> Result<Self, PlaysError> {
        let lake = lake.with_object_limit(LARGEST);
        let objects: Vec<LakeObject> = lake
            .inventory(what)
            .try_collect()
            .await
            .map_err(|source| PlaysError::Lake { source })?;
        let listed: BTreeMap<PathBuf, LakeObject> = objects
            .into_iter()
            .map(|object| {
                (
                    PathBuf::from(format!("{root}{}", encoded(&object.key))),
                    object,
                )
            })
            .collect();
        Ok(Self {
            lake: Arc::new(lake),
            prefixes: what.prefixes.clone(),
            units: listed.keys().cloned().collect(),
            root,
            listed,
            runtime,
        })
    }

    /// The key of a unit of this lake.
    fn key(&self, unit: &Path) -> Option<String> {
        unit.to_str()?.strip_prefix(&self.root).map(decoded)
    }

    /// Whether a key was listed, if it is there.
    fn is_below(&self, key: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| key.starts_with(prefix))
    }
}

/// What tells one state of an object from another: its ETag and the time it was put there.
fn mark(object: &LakeObject) -> Mark {
    let mut hasher = blake3::Hasher::new();
    hasher.update(object.etag.as_deref().unwrap_or_default().as_bytes());
    hasher.update(b"\0");
    if object.etag.is_none() {
        let time = object.modified.map(|time| time.timestamp_millis());
        hasher.update(&time.unwrap_or(0).to_le_bytes());
    }
    Mark {
        size: object.size,
        state: short(&hasher.finalize()),
    }
}

impl Place for Objects {
    fn noun(&self) -> &'static str {
        "objects"
    }

    fn units(&self) -> &[PathBuf] {
        &self.units
    }

    fn has(&self, unit: &Path) -> bool {
        // Of what was not listed nobody knows: it shows when it is read.
        self.listed.contains_key(unit) || self.key(unit).is_some_and(|key| !self.is_below(&key))
    }

    fn bytes(&self, unit: &Path) -> u64 {
        self.listed.get(unit).map_or(0, |object| object.size)
    }

    fn states(&self, known: &[(&Path, Mark)]) -> Result<Vec<State>, PlaysError> {
        let states = known.iter().map(|(unit, known)| {
            let Some(key) = self.key(unit) else {
                return State::Same;
            };
            match self.listed.get(*unit) {
                Some(object) if mark(object) == *known => State::Same,
                Some(_) => State::Changed,
                // All of its neighbours were listed.
                None if self.is_below(&key) => State::Gone,
                None => State::Same,
            }
        });
        Ok(states.collect())
    }

    fn read(&self, units: &[PathBuf], take: &mut dyn FnMut(usize, Step)) -> Result<(), PlaysError> {
        let keys: Vec<String> = units
            .iter()
            .map(|unit| self.key(unit).unwrap_or_default())
            .collect();
        let largest = units.iter().map(|unit| self.bytes(unit)).max().unwrap_or(0);
        let ahead = usize::try_from(BYTES_AHEAD / largest.max(1)).unwrap_or(AHEAD);
        let lake = &self.lake;
        let mut documents = stream::iter(keys)
            .map(|key| async move { lake.get(&key).await })
            .buffered(ahead.clamp(1, AHEAD));
        for (number, unit) in units.iter().enumerate() {
            let Some(document) = self.runtime.block_on(documents.next()) else {
                break;
            };
            let document = match document {
                Ok(document) => document,
                // What one object has is no reason to leave out the others.
                Err(
                    error @ (LakeError::NoSuchKey { .. }
                    | LakeError::TooLarge { .. }
                    | LakeError::Damaged { .. }
                    | LakeError::BadKey { .. }),
                ) => {
                    take(
                        number,
                        Step::Closed(PlaysError::Read {
                            path: unit.clone(),
                            source: std::io::Error::other(error),
                        }),
                    );
                    continue;
                }
                Err(source) => return Err(PlaysError::Lake { source }),
            };
            let read = read_document(unit, &document.bytes, |form, log| {
                take(number, Step::Game(form, Box::new(log)));
            });
            // What the listing said, so that the next run finds the same; what came since is read then.
            let said = self.listed.get(unit).unwrap_or(&document.object);
            take(number, Step::End(read, mark(said)));
        }
        Ok(())
    }
}
