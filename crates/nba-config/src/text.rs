//! Reading text files with errors that name the byte.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read as _},
    path::Path,
};

use crate::error::{ConfigError, Result};

/// Largest configuration file, in bytes: twenty times the longest real one. A larger file is something else.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The file as text, without a byte order mark.
pub(crate) fn read(path: &Path) -> Result<String> {
    let bytes = bytes(path).map_err(|source| ConfigError::Read {
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

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before opening: opening a pipe waits for its writer.
    let kind = std::fs::metadata(path)?;
    if !kind.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("it is larger than {LARGEST} bytes, which no configuration file is"),
        ));
    }
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    use super::{LARGEST, read};
    use std::error::Error as _;

    #[test]
    fn a_file_too_large_for_settings_is_refused_and_one_at_the_limit_is_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join(".env");
        let file = std::fs::File::create(&path).expect("a new file");
        file.set_len(LARGEST).expect("room for it");
        assert!(read(&path).is_ok());
        file.set_len(LARGEST + 1).expect("room for it");
        let error = read(&path).expect_err("it is too large");
        let cause = error.source().expect("a cause").to_string();
        assert!(cause.contains("larger than 4194304 bytes"), "{cause}");
        let folder = read(dir.path()).expect_err("a folder is no file");
        assert!(
            folder
                .source()
                .is_some_and(|cause| cause.to_string().contains("no regular file"))
        );
    }

    #[test]
    fn many_lines_take_time_in_proportion() {
        let text: String = (0..200_000)
            .map(|number| format!("V{number}=x\n"))
            .collect();
        let file = crate::envfile::EnvFile::parse(&text, |_| None);
        assert_eq!(file.entries.len(), 200_000);
        assert_eq!(file.get("V199999"), Some("x"));
    }
}
