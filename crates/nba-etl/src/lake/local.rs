//! A lake that is a folder.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use nba_utils::atomic::{self, NewFile};

use super::{LakeError, LakeObject, Parts};

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// Entries listed ahead of the reader.
const QUEUE: usize = 1024;

/// A folder whose files are objects.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder { path }
    }

    pub(super) fn describe(&self) -> String {
        format!("`{}`", self.path.display())
    }

    pub(super) fn path_of(&self, key: &str) -> PathBuf {
        self.path.join(key)
    }

    /// Walks the folder on a blocking thread that ends when nobody listens any more.
    pub(super) fn list(
        &self,
        prefixes: Vec<String>,
    ) -> BoxStream<'_, Result<LakeObject, LakeError>> {
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let root = self.path.clone();
        let walk = async move {
            // A panic of the walk must not look like the end of the listing.
            if let Err(error) =
                tokio::task::spawn_blocking(move || walk(&root, &prefixes, &sender)).await
            {
                std::panic::resume_unwind(error.into_panic());
            }
        };
        let walking = futures::stream::once(walk).filter_map(|()| async { None });
        let entries = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
        futures::stream::select(walking, entries).boxed()
    }

    /// The file's bytes, piece by piece.
    pub(super) async fn open(&self, key: &str) -> Result<(LakeObject, Parts<'_>), LakeError> {
        let path = self.path.join(key);
        let io = |source| LakeError::Io {
            path: path.clone(),
            source,
        };
        let missing = || LakeError::NoSuchKey {
            lake: self.describe(),
            key: key.to_owned(),
        };
        let file = match tokio::fs::File::open(&path).await {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            Err(e) => return Err(io(e)),
        };
        let metadata = file.metadata().await.map_err(io)?;
        if !metadata.is_file() {
            return Err(missing());
        }
        let object = LakeObject {
            key: key.to_owned(),
            size: metadata.len(),
            etag: None,
            modified: metadata.modified().ok().map(DateTime::<Utc>::from),
        };
        let parts =
            futures::stream::try_unfold((file, path.clone()), |(mut file, path)| async move {
                let mut bytes = vec![0; PIECE];
                match file.read(&mut bytes).await {
                    Ok(0) => Ok(None),
                    Ok(read) => {
                        bytes.truncate(read);
                        Ok(Some((Bytes::from(bytes), (file, path))))
                    }
                    Err(source) => Err(LakeError::Io { path, source }),
                }
            })
            .boxed();
        Ok((object, parts))
    }

    /// Writes a new file; one that is there is never replaced.
    pub(super) async fn put_new(&self, key: &str, bytes: Bytes) -> Result<(), LakeError> {
        let path = self.path.join(key);
        let lake = self.describe();
        let key = key.to_owned();
        let written = tokio::task::spawn_blocking(move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|source| LakeError::Write {
                    path: folder.to_owned(),
                    source,
                })?;
            }
            match atomic::create(&path, &bytes, NewFile::Readable) {
                Ok(()) => Ok(()),
                Err(error) if error.is_already_there() => {
                    Err(LakeError::AlreadyThere { lake, key })
                }
                Err(error) => Err(LakeError::Write {
                    path,
                    source: std::io::Error::other(error),
                }),
            }
        });
        match written.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    pub(super) async fn get(
        &self,
        key: &str,
        limit: u64,
    ) -> Result<(LakeObject, Bytes), LakeError> {
        let path = self.path.join(key);
        let io = |source| LakeError::Io {
            path: path.clone(),
            source,
        };
        let mut file = match tokio::fs::File::open(&path).await {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(LakeError::NoSuchKey {
                    lake: self.describe(),
                    key: key.to_owned(),
                });
            }
            Err(e) => return Err(io(e)),
        };
        let metadata = file.metadata().await.map_err(io)?;
        if !metadata.is_file() {
            return Err(LakeError::NoSuchKey {
                lake: self.describe(),
                key: key.to_owned(),
            });
        }
        let size = metadata.len();
        if size > limit {
            return Err(LakeError::TooLarge {
                key: key.to_owned(),
                size,
                limit,
            });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // One byte more than announced shows a file that grows while it is read.
        (&mut file)
            .take(size.saturating_add(1))
            .read_to_end(&mut bytes)
            .await
            .map_err(io)?;
        let object = LakeObject {
            key: key.to_owned(),
            size,
            etag: None,
            modified: metadata.modified().ok().map(DateTime::<Utc>::from),
        };
        Ok((object, Bytes::from(bytes)))
    }
}

fn walk(root: &Path, prefixes: &[String], sender: &mpsc::Sender<Result<LakeObject, LakeError>>) {
    if !root.is_dir() {
        let path = root.to_owned();
        // Nobody listening is a way to end, here and below.
        let _ = sender.blocking_send(Err(LakeError::NoSuchFolder { path }));
        return;
    }
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let object = match entry {
            Ok(entry) if !entry.file_type().is_file() => continue,
            Ok(entry) => object(root, &entry),
            Err(error) => Err(LakeError::Io {
                path: error.path().unwrap_or(root).to_owned(),
                source: error.into(),
            }),
        };
        if let Ok(object) = &object
            && !(prefixes.is_empty() || prefixes.iter().any(|p| object.key.starts_with(p.as_str())))
        {
            continue;
        }
        let failed = object.is_err();
        if sender.blocking_send(object).is_err() || failed {
            return;
        }
    }
}

fn object(root: &Path, entry: &walkdir::DirEntry) -> Result<LakeObject, LakeError> {
    let io = |source| LakeError::Io {
        path: entry.path().to_owned(),
        source,
    };
    let metadata = entry.metadata().map_err(|e| io(e.into()))?;
    let parts: Option<Vec<&str>> = entry
        .path()
        .strip_prefix(root)
        .unwrap_or(entry.path())
        .iter()
        .map(|part| part.to_str())
        .collect();
    let parts = parts.ok_or_else(|| LakeError::BadKey {
        key: entry.path().to_string_lossy().into_owned(),
    })?;
    Ok(LakeObject {
        key: parts.join("/"),
        size: metadata.len(),
        etag: None,
        modified: metadata.modified().ok().map(DateTime::<Utc>::from),
    })
}
