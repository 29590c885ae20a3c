//! Why a lake did not answer.

use std::io;
use std::path::PathBuf;

use nba_utils::Hint;

/// What callers branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LakeErrorKind {
    /// The bucket, folder or object does not exist.
    NotFound,
    /// The lake is there and refuses.
    Denied,
    /// The lake did not answer, or not in time.
    Unreachable,
    /// The object arrived damaged or is not what the listing said.
    Corrupt,
    /// A request the lake should have understood failed.
    Other,
}

/// An error of a lake, local or in S3.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// The bucket does not exist, or not in this account and region.
    #[error("bucket `{bucket}` does not exist")]
    NoSuchBucket {
        /// Bucket name.
        bucket: String,
    },
    /// The folder of a local lake does not exist.
    #[error("lake folder `{}` does not exist", path.display())]
    NoSuchFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The object does not exist.
    #[error("object `{key}` does not exist in {lake}")]
    NoSuchKey {
        /// The lake, as it describes itself.
        lake: String,
        /// Key.
        key: String,
    },
    /// A key that would leave the folder, or is no key at all.
    #[error("`{key}` is not an object key")]
    BadKey {
        /// What was given.
        key: String,
    },
    /// The keys are valid, the permission is missing.
    #[error("{lake} denies to {operation} (code `{code}`)")]
    AccessDenied {
        /// The lake.
        lake: String,
        /// What was tried.
        operation: String,
        /// The service's code.
        code: String,
    },
    /// The keys themselves are wrong, expired or missing.
    #[error("{lake} does not accept the access keys (code `{code}`)")]
    BadCredentials {
        /// The lake.
        lake: String,
        /// The service's code.
        code: String,
    },
    /// No connection, or no answer in time.
    #[error("{lake} cannot be reached to {operation}")]
    Unreachable {
        /// The lake.
        lake: String,
        /// What was tried.
        operation: String,
        /// What the network said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The object did not pass its checksum or ended early.
    #[error("object `{key}` of {lake} arrived damaged: {message}")]
    Damaged {
        /// The lake.
        lake: String,
        /// Key.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// The object is larger than the caller allows.
    #[error("object `{key}` has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Key.
        key: String,
        /// Size in bytes.
        size: u64,
        /// Limit in bytes.
        limit: u64,
    },
    /// The listing contradicts itself, so that it cannot be complete.
    #[error("listing of `{prefix}` in {lake} cannot be followed: {message}")]
    Listing {
        /// The lake.
        lake: String,
        /// Prefix being listed.
        prefix: String,
        /// The contradiction.
        message: String,
    },
    /// The file system of a local lake failed.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An object of that key is there already, and nothing here replaces one.
    #[error("object `{key}` is already in {lake}")]
    AlreadyThere {
        /// The lake.
        lake: String,
        /// Key.
        key: String,
    },
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other answer of the service.
    #[error("{lake} failed to {operation}: {message} (code `{code}`)")]
    Service {
        /// The lake.
        lake: String,
        /// What was tried.
        operation: String,
        /// The service's code.
        code: String,
        /// The service's words.
        message: String,
    },
}

impl LakeError {
    /// What callers branch on.
    #[must_use]
    pub fn kind(&self) -> LakeErrorKind {
        match self {
            LakeError::NoSuchBucket { .. }
            | LakeError::NoSuchFolder { .. }
            | LakeError::NoSuchKey { .. } => LakeErrorKind::NotFound,
            LakeError::AccessDenied { .. } | LakeError::BadCredentials { .. } => {
                LakeErrorKind::Denied
            }
            LakeError::Unreachable { .. } => LakeErrorKind::Unreachable,
            LakeError::Damaged { .. } | LakeError::Listing { .. } => LakeErrorKind::Corrupt,
            LakeError::Io { source, .. } | LakeError::Write { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => LakeErrorKind::NotFound,
                io::ErrorKind::PermissionDenied => LakeErrorKind::Denied,
                _ => LakeErrorKind::Other,
            },
            LakeError::BadKey { .. }
            | LakeError::TooLarge { .. }
            | LakeError::AlreadyThere { .. }
            | LakeError::Service { .. } => LakeErrorKind::Other,
        }
    }
}

impl Hint for LakeError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            LakeError::NoSuchBucket { .. } => {
                "check the bucket name (S3_BUCKET) and the region (AWS_REGION)"
            }
            LakeError::NoSuchFolder { .. } => {
                "give the folder that holds `espn_play_by_play/` and the others"
            }
            LakeError::AccessDenied { .. } => {
                "the keys need `s3:ListBucket` on the bucket and `s3:GetObject` on its objects"
            }
            LakeError::BadCredentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of one and the same key, or AWS_PROFILE"
            }
            LakeError::Unreachable { .. } => "check the endpoint, the network and any proxy",
            LakeError::TooLarge { .. } => "raise the limit if the object is wanted",
            _ => return None,
        };
        Some(text.to_owned())
    }
}
