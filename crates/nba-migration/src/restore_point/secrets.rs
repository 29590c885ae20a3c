//! Telling files with secrets by name, and by what they begin with.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Bytes of a file that are looked at.
const LOOKED_AT: u64 = 256 * 1024;

/// Names of files that hold secrets, in lower case; `*` stands for anything.
const NAMES: [&str; 20] = [
    ".env",
    ".env.*",
    "*.env",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    ".pgpass",
    "pgpass.conf",
    ".netrc",
    "_netrc",
    "id_rsa*",
    "id_ed25519*",
    "id_ecdsa*",
    "*credentials*",
    "*.kdbx",
    ".npmrc",
    ".pypirc",
];

/// Names that look like those and are templates.
const HARMLESS: [&str; 4] = [".example", ".sample", ".template", ".dist"];

/// Why a file must stay out; `None` when nothing speaks against it.
pub(super) fn why(path: &str, file: &Path) -> io::Result<Option<String>> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let template = HARMLESS.iter().any(|ending| name.ends_with(ending))
        // Code about credentials is code.
        || [".py", ".rs", ".md", ".sh", ".r"].iter().any(|ending| name.ends_with(ending));
    if !template && NAMES.iter().any(|pattern| fits(pattern, &name)) {
        return Ok(Some("its name is that of a file with secrets".to_owned()));
    }
    if !file.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    let mut start = Vec::new();
    File::open(file)?.take(LOOKED_AT).read_to_end(&mut start)?;
    let text = String::from_utf8_lossy(&start);
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return Ok(Some("it holds a private key".to_owned()));
    }
    if access_key(&text) {
        return Ok(Some("it holds an access key of AWS".to_owned()));
    }
    Ok(None)
}

/// `AKIA` or `ASIA` and sixteen capitals or digits.
fn access_key(text: &str) -> bool {
    ["AKIA", "ASIA"].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let rest = &text.as_bytes()[at + 4..];
            let length = rest
                .iter()
                .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                .count();
            length == 16
        })
    })
}

/// One or two `*` at the ends are enough.
fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}
