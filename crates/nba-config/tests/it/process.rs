//! The one reader of the process, and the shared configuration.

use nba_config::{Config, Inputs};

#[test]
fn the_process_is_read_once_and_hermetic_inputs_never() {
    let inputs = Inputs::from_process().unwrap();
    assert!(inputs.environment.contains_key("PATH"));
    // cargo runs tests in the crate's folder, which has no nba.toml above it
    assert_eq!(inputs.project, std::env::current_dir().unwrap());
    let first: *const Config = Config::global().unwrap();
    assert!(std::ptr::eq(first, Config::global().unwrap()));
    assert!(Inputs::new("/nowhere").environment.is_empty());
}
