//! Reading text files with errors that name the byte.

use std::{fs, path::Path};

use crate::error::{ConfigError, Result};

/// The file as text, without a byte order mark.
pub(crate) fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|source| ConfigError::Read {
        path: path.into(),
        source,
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let line = line_at(&error.as_bytes()[..offset]);
            Err(ConfigError::NotUtf8 {
                path: path.into(),
                line,
                offset,
            })
        }
    }
}

/// Like [`read`], but a file or folder that does not exist is `None`.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>> {
    match read(path) {
        Ok(text) => Ok(Some(text)),
        Err(ConfigError::Read { source, .. })
            if matches!(
                source.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The line, from 1, on which the byte after `before` stands.
pub(crate) fn line_at(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
