//! What the crate promises, used as another crate would.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod counting;
mod game;
mod possessions;
mod properties;
mod reference;
mod storage;

/// Every file beside this one is a module of it.
#[test]
fn no_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || main.contains(&format!("mod {module};")),
            "{name} is not compiled"
        );
    }
}
