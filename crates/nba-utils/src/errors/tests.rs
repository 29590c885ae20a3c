use std::io;

use super::{ErrorReport, Hint, one_line};

#[derive(Debug, thiserror::Error)]
#[error("cannot read `nba.toml`")]
struct Outer(#[source] Inner);

#[derive(Debug, thiserror::Error)]
enum Inner {
    #[error("line 3 is not a key: {0}")]
    Repeats(#[source] io::Error),
    #[error("line 3 is not a key")]
    Silent(#[source] io::Error),
}

impl Hint for Inner {
    fn hint(&self) -> Option<String> {
        Some("look at line 3".to_owned())
    }
}

impl Hint for Outer {
    fn hint(&self) -> Option<String> {
        None
    }
}

fn io_error() -> io::Error {
    io::Error::other("boom")
}

#[test]
fn walks_the_chain_and_ends_with_the_hint() {
    let error = Outer(Inner::Silent(io_error()));
    assert_eq!(
        ErrorReport::new(&error)
            .knowing::<Outer>()
            .knowing::<Inner>()
            .to_string(),
        "error: cannot read `nba.toml`\ncaused by: line 3 is not a key\ncaused by: boom\nhint: look at line 3"
    );
}

#[test]
fn repeated_cause_is_printed_once() {
    let error = Outer(Inner::Repeats(io_error()));
    assert_eq!(
        ErrorReport::new(&error).to_string(),
        "error: cannot read `nba.toml`\ncaused by: line 3 is not a key: boom"
    );
}

#[test]
fn own_hint_beats_the_general_one() {
    let error = Outer(Inner::Silent(io_error()));
    let report = ErrorReport::new(&error)
        .knowing::<Inner>()
        .or_hint("ask for --help");
    assert_eq!(report.hint(), Some("look at line 3"));
    assert_eq!(
        ErrorReport::new(&error).or_hint("ask for --help").hint(),
        Some("ask for --help")
    );
}

#[test]
fn one_line_repeats_nothing() {
    let error = Outer(Inner::Repeats(io_error()));
    assert_eq!(
        one_line(&error),
        "cannot read `nba.toml`: line 3 is not a key: boom"
    );
    let error = Outer(Inner::Silent(io_error()));
    assert_eq!(
        one_line(&error),
        "cannot read `nba.toml`: line 3 is not a key: boom"
    );
}
