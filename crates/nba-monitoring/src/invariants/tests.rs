//! The data file as data, sentences and waivers; what invariants find is tested against a server.

use std::collections::BTreeSet;

use super::message::Message;
use super::{Book, Need, Scope};

#[test]
fn the_built_in_invariants_are_complete() {
    let book = Book::builtin();
    assert!(book.iter().count() >= 40);
    let mut titles = BTreeSet::new();
    for invariant in book.iter() {
        let id = &invariant.id;
        assert!(titles.insert(&invariant.title), "{id}: title twice");
        assert!(!invariant.needs.is_empty() && invariant.key > 0, "{id}");
        let source = invariant.source.as_deref().unwrap();
        assert!(source.contains("dossier"), "{id}: {source}");
        let remedy = invariant.remedy.as_deref().unwrap();
        assert!(
            remedy.len() > 20 && !remedy.ends_with('.'),
            "{id}: {remedy}"
        );
        assert!(
            invariant.why.len() > 20 && invariant.title.len() < 100,
            "{id}"
        );
        for need in &invariant.needs {
            let table = need.table.to_string();
            assert!(invariant.sql.contains(&table), "{id} does not read {table}");
            assert!(!need.columns.is_empty(), "{id}: {table} without columns");
            for column in &need.columns {
                assert!(invariant.sql.contains(column.as_str()), "{id}: {column}");
            }
        }
        let message = invariant.message.as_ref().unwrap();
        assert!(message.columns().count() > 0, "{id} names no value");
        if let Scope::Lake { object, .. } = &invariant.scope {
            regex::Regex::new(object).unwrap();
        }
    }
}

#[test]
fn every_table_is_named_as_needed() {
    // What is not needed is neither looked for first nor guarded against truncation.
    let table =
        regex::Regex::new(r"\b(?:from|join) ((?:public|espn|odds|raw_data|rag)\.[a-z_]+)").unwrap();
    for invariant in Book::builtin().iter() {
        let needed: BTreeSet<String> = invariant
            .needs
            .iter()
            .map(|need| need.table.to_string())
            .collect();
        let texts = [Some(&invariant.sql), invariant.subjects_sql.as_ref()];
        for text in texts.into_iter().flatten() {
            for found in table.captures_iter(text) {
                assert!(
                    needed.contains(&found[1]),
                    "{}: {}",
                    invariant.id,
                    &found[1]
                );
            }
        }
    }
}

#[test]
fn a_need_is_read_and_written_alike() {
    for text in ["public.games(game_id, season)", "odds.events"] {
        assert_eq!(text.parse::<Need>().unwrap().to_string(), text);
    }
    assert_eq!("a.b( c )".parse::<Need>().unwrap().columns, ["c"]);
    for bad in ["games", "public.games(game_id", "", "."] {
        assert!(bad.parse::<Need>().is_err(), "{bad}");
    }
}

#[test]
fn a_sentence_shows_missing_and_odd_values() {
    let message = Message::new("{a} and {b}, {c}").unwrap();
    let filled = message.fill(|column| match column {
        "a" => None,
        "b" => Some(""),
        _ => Some("x\ny"),
    });
    assert_eq!(filled, r"NULL and '', x\ny");
    assert_eq!(message.to_string(), "{a} and {b}, {c}");
    assert!(Message::new("{a").is_err());
    let columns = ["game".to_owned(), "rows".to_owned()];
    assert_eq!(
        Message::of_columns(&columns).fill(|_| Some("1")),
        "game 1, rows 1"
    );
}
