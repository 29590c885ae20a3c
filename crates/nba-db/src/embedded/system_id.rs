//! A new system identifier for a copied data folder.
//!
//! Copies of one template would all carry the template's identifier, and two servers could no longer
//! be told apart: exactly what target identity is for. PostgreSQL's own `pg_createsubscriber` does
//! the same to a copied cluster: new identifier in `global/pg_control` with its checksum, and in the
//! first page header of each WAL segment.

use std::{fs, path::Path};

/// Where `xlp_sysid` stands in the long header of a WAL segment's first page.
const WAL_IDENTIFIER_AT: usize = 24;
/// `ControlFileData` has been 280–300 bytes long for a decade; its checksum is its last field.
const CHECKSUM_SEARCH: std::ops::Range<usize> = 200..512;

/// Replaces the system identifier; `Err` says what did not look as expected, and then the folder
/// must not be used.
pub(super) fn renew(data: &Path, identifier: u64) -> Result<(), String> {
    let control = data.join("global/pg_control");
    let mut bytes = fs::read(&control).map_err(|error| format!("pg_control: {error}"))?;
    let old: [u8; 8] = bytes
        .get(..8)
        .and_then(|head| head.try_into().ok())
        .ok_or("pg_control is too short")?;
    let at = checksum_position(&bytes).ok_or("no checksum found in pg_control")?;
    let new = identifier.to_ne_bytes();
    bytes[..8].copy_from_slice(&new);
    let checksum = crc32c(&bytes[..at]).to_ne_bytes();
    bytes[at..at + 4].copy_from_slice(&checksum);

    let wal = data.join("pg_wal");
    let entries = fs::read_dir(&wal).map_err(|error| format!("pg_wal: {error}"))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("pg_wal: {error}"))?;
        let name = entry.file_name();
        let is_segment = name
            .to_str()
            .is_some_and(|n| n.len() == 24 && n.bytes().all(|b| b.is_ascii_hexdigit()));
        if is_segment {
            renew_segment(&entry.path(), old, new)
                .map_err(|error| format!("{}: {error}", name.to_string_lossy()))?;
        }
    }
    fs::write(&control, bytes).map_err(|error| format!("pg_control: {error}"))
}

fn renew_segment(path: &Path, old: [u8; 8], new: [u8; 8]) -> Result<(), String> {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| error.to_string())?;
    let at = u64::try_from(WAL_IDENTIFIER_AT).map_err(|error| error.to_string())?;
    let mut found = [0; 8];
    file.read_exact_at(&mut found, at)
        .map_err(|error| error.to_string())?;
    if found != old {
        return Err("does not carry the identifier of pg_control".to_owned());
    }
    file.write_all_at(&new, at)
        .map_err(|error| error.to_string())
}

/// Where the checksum stands: the only place whose four bytes are the CRC of all before it.
pub(super) fn checksum_position(control: &[u8]) -> Option<usize> {
    CHECKSUM_SEARCH.step_by(4).find(|&at| {
        control
            .get(at..at + 4)
            .is_some_and(|stored| *stored == crc32c(&control[..at]).to_ne_bytes())
    })
}

/// CRC-32C (Castagnoli), bit by bit: it runs over 300 bytes.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
        }
    }
    !crc
}
