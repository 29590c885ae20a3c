//! Integration tests: real servers, one module per subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod agreement;
mod defects;
mod legacy_loaders;
mod memory;
mod replica;
mod support;

#[test]
fn no_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let declared = format!("\nmod {name};");
        assert!(
            name == "main" || include_str!("main.rs").contains(&declared),
            "{name} is not compiled"
        );
    }
}
