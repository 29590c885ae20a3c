//! A data lake: a local folder or a bucket, listed completely and read with proof of what was read.
//!
//! Nothing here deletes or replaces: [`Lake::put_new`] only adds, and [`sync`] writes into a local copy. A listing is either complete or an error: the legacy inventories that counted the first 1,000
//! keys and called it a total (monitoring dossier 1.2) are the reason.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use nba_etl::lake::{Inventory, Lake};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::create_dir(dir.path().join("espn_schedules"))?;
//! std::fs::write(dir.path().join("espn_schedules/20240115.json"), b"{}")?;
//!
//! let lake = Lake::local(dir.path());
//! let totals = lake.totals(&Inventory::default()).await?;
//! assert_eq!(totals.by_prefix["espn_schedules"].objects, 1);
//! let object = lake.get("espn_schedules/20240115.json").await?;
//! assert_eq!(object.bytes.as_ref(), b"{}");
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};

mod compare;
mod digests;
#[cfg(feature = "manifest")]
mod drill;
mod error;
mod local;
#[cfg(feature = "manifest")]
mod manifest;
#[cfg(feature = "s3")]
mod s3;
mod sync;
#[cfg(test)]
mod tests;

pub use compare::{CopyReport, Findings, verify_copy};
pub use digests::{Digests, digests_of_file, etag_of_file};
#[cfg(feature = "manifest")]
pub use drill::{Drill, DrillOptions, drill};
#[cfg(feature = "manifest")]
pub use manifest::{
    Entry, Manifest, ManifestDiff, ManifestError, ManifestOptions, diff, verify_manifest,
};
pub use sync::{Download, SyncOptions, SyncReport, download, sync};

pub use error::{LakeError, LakeErrorKind};

/// Largest object read into memory, in bytes, unless the caller says otherwise: the largest documented ESPN document is
/// about 1.2 MB, a season of hoopR play-by-play about 20 MB (ETL dossier 2.1 and 4.1).
pub const DEFAULT_OBJECT_LIMIT: u64 = 64 * 1024 * 1024;

/// How many prefixes are listed at once: enough to hide the latency of S3, few enough not to be throttled.
const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeObject {
    /// Key, with `/` between its parts whatever the system.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// ETag without quotes, where the lake gives one. It is an MD5 only for objects uploaded in one piece.
    pub etag: Option<String>,
    /// Last modification. A copy inside S3 resets it: it is not the age of the data.
    pub modified: Option<DateTime<Utc>>,
}

impl LakeObject {
    /// The first part of the key: `espn_schedules` of `espn_schedules/20240115.json`, empty for an object at the top.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.key.split_once('/').map_or("", |(prefix, _)| prefix)
    }
}

/// An object that was read.
#[derive(Debug, Clone)]
pub struct LakeDocument {
    /// What the lake said about it while handing it over.
    pub object: LakeObject,
    /// Its bytes.
    pub bytes: Bytes,
    /// BLAKE3 of the bytes, for evidence.
    pub digest: blake3::Hash,
}

/// What to list and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Key prefixes, each ending in `/` if a folder is meant; empty for the whole lake. Prefixes that contain one another
    /// are listed once.
    pub prefixes: Vec<String>,
    /// How many prefixes are listed at the same time.
    pub concurrency: NonZeroUsize,
}

impl Default for Inventory {
    /// The whole lake, eight prefixes at a time.
    fn default() -> Self {
        Inventory {
            prefixes: Vec::new(),
            concurrency: DEFAULT_CONCURRENCY,
        }
    }
}

impl Inventory {
    /// The objects under one prefix.
    pub fn of(prefix: impl Into<String>) -> Self {
        Inventory {
            prefixes: vec![prefix.into()],
            ..Inventory::default()
        }
    }

    /// Sorted, without those that begin with another one: no object is listed twice.
    fn disjoint(&self) -> Vec<String> {
        let mut sorted = self.prefixes.clone();
        sorted.sort();
        let mut kept: Vec<String> = Vec::new();
        for prefix in sorted {
            if !kept.last().is_some_and(|last| prefix.starts_with(last)) {
                kept.push(prefix);
            }
        }
        kept
    }
}

/// Number and size of objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PrefixTotal {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl PrefixTotal {
    fn add(&mut self, size: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(size);
    }
}

/// A complete listing, summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct LakeTotals {
    /// By first part of the key.
    pub by_prefix: BTreeMap<String, PrefixTotal>,
    /// All of them.
    pub all: PrefixTotal,
}

impl LakeTotals {
    /// Counts one more object.
    pub fn add(&mut self, object: &LakeObject) {
        self.all.add(object.size);
        match self.by_prefix.get_mut(object.prefix()) {
            Some(total) => total.add(object.size),
            None => {
                let mut total = PrefixTotal::default();
                total.add(object.size);
                self.by_prefix.insert(object.prefix().to_owned(), total);
            }
        }
    }
}

/// The bytes of an object as they arrive.
type Parts<'a> = BoxStream<'a, Result<Bytes, LakeError>>;

/// What a lake knows about an object besides its listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// ETag without quotes.
    pub etag: Option<String>,
    /// Version id, where the bucket keeps versions.
    pub version: Option<String>,
    /// The checksum the service keeps, `algorithm:value` in its own spelling.
    pub checksum: Option<String>,
}

enum Store {
    Local(local::Folder),
    #[cfg(feature = "s3")]
    S3(Box<s3::Bucket>),
}

/// A lake that can be listed and read.
pub struct Lake {
    store: Store,
    object_limit: u64,
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lake").field(&self.describe()).finish()
    }
}

impl Lake {
    /// A folder whose files are the objects; it need not exist yet.
    pub fn local(folder: impl Into<PathBuf>) -> Lake {
        Lake {
            store: Store::Local(local::Folder::new(folder.into())),
            object_limit: DEFAULT_OBJECT_LIMIT,
        }
    }

    /// A bucket. Keys come from the settings, or from the AWS credential chain where they hold none.
    ///
    /// Nothing is requested yet: a wrong name or key shows with the first call.
    #[cfg(feature = "s3")]
    pub async fn s3(settings: &nba_config::S3Settings) -> Lake {
        Lake {
            store: Store::S3(Box::new(s3::Bucket::new(settings).await)),
            object_limit: DEFAULT_OBJECT_LIMIT,
        }
    }

    /// Sets the largest size [`Lake::get`] reads, in bytes.
    #[must_use]
    pub fn with_object_limit(mut self, bytes: u64) -> Lake {
        self.object_limit = bytes;
        self
    }

    /// What it is, for messages and evidence: a path, or `s3://bucket/prefix`, with the endpoint unless it is AWS.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.store {
            Store::Local(folder) => folder.describe(),
            #[cfg(feature = "s3")]
            Store::S3(bucket) => bucket.describe(),
        }
    }

    /// Where an object of a local lake is, whether it is there or not; `None` in a bucket, and for a key that leaves the folder.
    #[must_use]
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        check_key(key).ok()?;
        match &self.store {
            Store::Local(folder) => Some(folder.path_of(key)),
            #[cfg(feature = "s3")]
            Store::S3(_) => None,
        }
    }

    /// Lists objects, page after page to the end, in no particular order across prefixes.
    ///
    /// Dropping the stream stops the listing. After an error the stream ends, and what came before is incomplete.
    pub fn inventory<'a>(
        &'a self,
        what: &Inventory,
    ) -> BoxStream<'a, Result<LakeObject, LakeError>> {
        let all = match &self.store {
            Store::Local(folder) => folder.list(what.disjoint()),
            #[cfg(feature = "s3")]
            Store::S3(bucket) => bucket.list(what.disjoint(), what.concurrency),
        };
        all.scan(false, |failed, item| {
            let item = (!*failed).then_some(item);
            *failed = matches!(item, Some(Err(_)));
            std::future::ready(item)
        })
        .boxed()
    }

    /// Sums a complete listing up.
    ///
    /// # Errors
    ///
    /// The first error of the listing: a partial total is never given.
    pub async fn totals(&self, what: &Inventory) -> Result<LakeTotals, LakeError> {
        self.inventory(what)
            .try_fold(LakeTotals::default(), |mut totals, object| async move {
                totals.add(&object);
                Ok(totals)
            })
            .await
    }

    /// What the lake knows about an object besides its listing; of a local file nothing.
    ///
    /// # Errors
    ///
    /// [`LakeError::NoSuchKey`] or the lake's own trouble.
    pub async fn facts(&self, key: &str) -> Result<Facts, LakeError> {
        check_key(key)?;
        match &self.store {
            Store::Local(_) => Ok(Facts::default()),
            #[cfg(feature = "s3")]
            Store::S3(bucket) => bucket.head(key).await,
        }
    }

    /// Opens one object of any size and hands its bytes over as they arrive. Their number is compared at the end.
    ///
    /// # Errors
    ///
    /// As [`Lake::get`], without a limit; the stream ends with the first error.
    pub async fn open(
        &self,
        key: &str,
    ) -> Result<(LakeObject, BoxStream<'_, Result<Bytes, LakeError>>), LakeError> {
        check_key(key)?;
        let (object, parts) = match &self.store {
            Store::Local(folder) => folder.open(key).await?,
            #[cfg(feature = "s3")]
            Store::S3(bucket) => bucket.open(key).await?,
        };
        let (size, lake, key) = (object.size, self.describe(), key.to_owned());
        let counted = futures::stream::try_unfold((parts, 0_u64), move |(mut parts, before)| {
            let (lake, key) = (lake.clone(), key.clone());
            async move {
                let damaged = |message| LakeError::Damaged { lake, key, message };
                match parts.try_next().await? {
                    Some(bytes) => {
                        let so_far = before + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                        if so_far > size {
                            return Err(damaged(format!("more than its {size} bytes")));
                        }
                        Ok(Some((bytes, (parts, so_far))))
                    }
                    None if before < size => Err(damaged(format!("{before} of {size} bytes"))),
                    None => Ok(None),
                }
            }
        })
        .boxed();
        Ok((object, counted))
    }

    /// Adds an object. One that is there is never replaced; a bucket compares a SHA-256 of what arrives.
    ///
    /// # Errors
    ///
    /// [`LakeError::AlreadyThere`], or the lake's own trouble.
    pub async fn put_new(&self, key: &str, bytes: Bytes) -> Result<(), LakeError> {
        check_key(key)?;
        match &self.store {
            Store::Local(folder) => folder.put_new(key, bytes).await,
            #[cfg(feature = "s3")]
            Store::S3(bucket) => bucket.put_new(key, bytes).await,
        }
    }

    /// Reads one object whole; its length, and its checksum where the lake keeps one, have been compared.
    ///
    /// # Errors
    ///
    /// [`LakeError::NoSuchKey`], [`LakeError::TooLarge`], [`LakeError::Damaged`], or the lake's own trouble.
    pub async fn get(&self, key: &str) -> Result<LakeDocument, LakeError> {
        check_key(key)?;
        let (object, bytes) = match &self.store {
            Store::Local(folder) => folder.get(key, self.object_limit).await?,
            #[cfg(feature = "s3")]
            Store::S3(bucket) => bucket.get(key, self.object_limit).await?,
        };
        let received = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if received != object.size {
            return Err(LakeError::Damaged {
                lake: self.describe(),
                key: key.to_owned(),
                message: format!("{received} of {} bytes", object.size),
            });
        }
        let digest = blake3::hash(&bytes);
        Ok(LakeDocument {
            object,
            bytes,
            digest,
        })
    }

    /// Reads many objects with at most `concurrency` on the way, in the order they arrive.
    pub fn get_many<'a, I>(
        &'a self,
        keys: I,
        concurrency: NonZeroUsize,
    ) -> BoxStream<'a, (String, Result<LakeDocument, LakeError>)>
    where
        I: IntoIterator<Item = String>,
        I::IntoIter: Send + 'a,
    {
        futures::stream::iter(keys)
            .map(move |key| async move {
                let result = self.get(&key).await;
                (key, result)
            })
            .buffer_unordered(concurrency.get())
            .boxed()
    }
}

/// Refuses what would leave a folder.
fn check_key(key: &str) -> Result<(), LakeError> {
    let bad = key.is_empty()
        || key.starts_with('/')
        || key.contains('\0')
        || key.split('/').any(|part| part == "..");
    if bad {
        return Err(LakeError::BadKey {
            key: key.to_owned(),
        });
    }
    Ok(())
}
