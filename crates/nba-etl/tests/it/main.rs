//! The crate against real servers and real scripts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[cfg(feature = "plays")]
mod boxes;
#[cfg(all(feature = "manifest", feature = "s3"))]
mod copies;
#[cfg(feature = "plays")]
mod divergences;
#[cfg(feature = "plays")]
mod feeds;
#[cfg(all(feature = "legacy", feature = "native-hoopr"))]
mod hoopr;
#[cfg(feature = "s3")]
mod lake;
#[cfg(feature = "legacy")]
mod legacy;
#[cfg(all(feature = "boxscore-db", feature = "s3"))]
mod places;
#[cfg(feature = "history")]
mod processes;
#[cfg(all(feature = "legacy", feature = "native-espn"))]
mod python;
#[cfg(feature = "legacy")]
mod registry;
#[cfg(feature = "s3")]
mod s3;
#[cfg(all(feature = "legacy", feature = "native-espn"))]
mod shadow;

/// A file that is not listed above would never run.
#[test]
fn no_test_file_is_forgotten() {
    let main = include_str!("main.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || main.contains(&format!("mod {module};")),
            "{name}"
        );
    }
}
