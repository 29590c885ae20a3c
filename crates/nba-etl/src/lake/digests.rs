//! Digests of contents: BLAKE3 for evidence, and the ETags S3 would give a file.
//!
//! The ETag of an object that was uploaded in one piece is its MD5, unless it is encrypted with a key of KMS. One that was
//! uploaded in `N` parts has the MD5 of the parts' MD5s and `-N` behind it, so that it depends on the size of the parts: the
//! legacy uploads used 8 MiB (boto3) and 5 MiB (`S3Loader`; ETL dossier 4.2).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use md5::{Digest as _, Md5};

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// Part sizes that clients use, in MiB.
const PART_SIZES: [u64; 12] = [8, 5, 16, 10, 15, 32, 64, 50, 100, 128, 256, 512];

/// What identifies a content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Digests {
    /// Bytes.
    pub size: u64,
    /// BLAKE3.
    pub blake3: blake3::Hash,
    /// MD5 in hexadecimal: the ETag of an upload in one piece.
    pub md5: String,
}

/// Digests that are fed piece by piece.
#[derive(Default)]
pub(super) struct Hasher {
    size: u64,
    blake3: blake3::Hasher,
    md5: Md5,
}

impl Hasher {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.blake3.update(bytes);
        self.md5.update(bytes);
    }

    pub(super) fn finish(self) -> Digests {
        Digests {
            size: self.size,
            blake3: self.blake3.finalize(),
            md5: hex(&self.md5.finalize()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digests of a file. Blocks.
///
/// # Errors
///
/// The file cannot be read.
pub fn digests_of_file(path: &Path) -> io::Result<Digests> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.add(&piece[..read]);
    }
}

/// Whether a file has this ETag; `None` when that cannot be known, because the parts or the encryption of the upload are not.
/// Blocks.
///
/// # Errors
///
/// The file cannot be read.
pub fn etag_of_file(path: &Path, etag: &str) -> io::Result<Option<bool>> {
    let (digest, parts) = match etag.split_once('-') {
        None => (etag, None),
        Some((digest, parts)) => match parts.parse::<u64>() {
            Ok(parts) if parts > 0 => (digest, Some(parts)),
            _ => return Ok(None),
        },
    };
    if digest.len() != 32 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let Some(parts) = parts else {
        let same = digests_of_file(path)?.md5.eq_ignore_ascii_case(digest);
        // A difference may be one of encryption.
        return Ok(same.then_some(true));
    };
    let size = std::fs::metadata(path)?.len();
    for mebibytes in PART_SIZES {
        let part = mebibytes * 1024 * 1024;
        if size.div_ceil(part).max(1) == parts && parted(path, part)?.eq_ignore_ascii_case(digest) {
            return Ok(Some(true));
        }
    }
    Ok(None)
}

/// MD5 of the MD5s of parts of that size.
fn parted(path: &Path, part: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut all = Md5::new();
    let mut piece = vec![0; PIECE];
    loop {
        let mut one = Md5::new();
        let mut left = part;
        let mut any = false;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let read = file.read(&mut piece[..want])?;
            if read == 0 {
                break;
            }
            any = true;
            one.update(&piece[..read]);
            left -= u64::try_from(read).unwrap_or(left);
        }
        if !any {
            return Ok(hex(&all.finalize()));
        }
        all.update(one.finalize());
    }
}
