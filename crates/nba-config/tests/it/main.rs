//! Configuration as a whole, from files in a temporary project and a made-up environment.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod families;
mod layers;
mod legacy_names;
mod process;
mod project_file;
mod reports;
mod secrets;
mod world;

#[test]
fn every_file_here_is_compiled() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            stem == "main" || main.contains(&format!("mod {stem};")),
            "{stem} is forgotten"
        );
    }
}
