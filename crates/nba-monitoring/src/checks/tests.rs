use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::freshness::{Day, gaps, in_season};
use super::progress::grown;
use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn ids_are_unique_and_say_what_they_are_about() {
    let ids: BTreeSet<&str> = CATALOGUE.iter().map(|spec| spec.id).collect();
    assert_eq!(ids.len(), CATALOGUE.len());
    for spec in CATALOGUE {
        assert!(
            spec.id.contains('.'),
            "{}: an id without a dot is an invariant's",
            spec.id
        );
        assert!(
            !spec.proves.is_empty() && !spec.remedy.is_empty(),
            "{}",
            spec.id
        );
    }
    assert!(CATALOGUE.is_sorted_by_key(|spec| spec.group), "grouped");
}

#[test]
fn the_page_of_checks_is_the_catalogues_own() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/checks.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, written) = page
        .split_once("<!-- generated: nba check --list --markdown -->\n")
        .unwrap();
    assert_eq!(
        written.trim(),
        markdown().trim(),
        "put the output of `nba check --list --markdown` below the mark"
    );
}

#[test]
fn the_calendar_has_a_summer() {
    for (text, expected) in [
        ("2026-01-10", true),
        ("2026-06-05", true),
        ("2026-06-20", false),
        ("2026-08-01", false),
        ("2026-10-20", false),
        ("2026-10-28", true),
    ] {
        assert_eq!(in_season(day(text)), expected, "{text}");
    }
}

/// Game days, one per letter from 2026-01-01 on: `x` with rows, `.` without.
fn days(text: &str) -> Vec<Day> {
    text.chars()
        .enumerate()
        .map(|(number, letter)| Day {
            day: day("2026-01-01") + TimeDelta::days(i64::try_from(number).unwrap()),
            games: 5,
            covered: letter == 'x',
        })
        .collect()
}

#[test]
fn holes_are_named_with_their_games_and_known_ones_are_not() {
    let source = |known: &[(&str, &str)]| {
        let mut source = Settings::default().sources.remove(0);
        source.known_holes = known
            .iter()
            .map(|(from, to)| KnownHole {
                from: day(from),
                to: day(to),
                reason: "the source was closed".to_owned(),
            })
            .collect();
        source
    };
    let today = day("2026-01-20");
    let said = |text: &str, known: &[(&str, &str)]| -> Vec<String> {
        let found = gaps(&days(text), &source(known), &Limits::default(), today);
        found.iter().map(ToString::to_string).collect()
    };
    // The last three days may be late, and two days are no hole.
    assert_eq!(said("xxxxxxxxxxxxxxxxx...", &[]), Vec::<String>::new());
    assert_eq!(said("xx..xxxxxxxxxxxxxxxx", &[]), Vec::<String>::new());
    assert_eq!(
        said("..xxxxxxxxxxxxxxxxxx", &[]),
        Vec::<String>::new(),
        "before its first day nothing is missing"
    );
    assert_eq!(
        said("xx....xxxxxxxxxxxxxx", &[]),
        ["nothing from 2026-01-03 to 2026-01-06: 20 games on 4 days"]
    );
    assert_eq!(
        said("xxxxxxxxxxx.........", &[]),
        ["nothing since 2026-01-12: 30 games on 6 days"]
    );
    assert_eq!(
        said("xx....xxxxxxxxxxxxxx", &[("2026-01-03", "2026-01-06")]),
        Vec::<String>::new()
    );
    assert_eq!(
        said("xx......xxxxxxxxxxxx", &[("2026-01-03", "2026-01-04")]).len(),
        1,
        "more than what is known"
    );
    assert_eq!(
        said("....................", &[]),
        ["nothing since 2026-01-01: 85 games on 17 days"]
    );
}

fn volume(rows: f64, tended: f64, inserted: f64, deleted: f64) -> TableVolume {
    TableVolume {
        rows,
        live: rows,
        tended,
        inserted,
        deleted,
    }
}

/// Looks at one table, one per hour.
fn looks(table: &str, looks: &[(&str, TableVolume)]) -> Vec<Vec<String>> {
    let mut volumes = Volumes::default();
    let start: DateTime<Utc> = "2026-01-10T12:00:00Z".parse().unwrap();
    looks
        .iter()
        .enumerate()
        .map(|(number, (since, seen))| {
            let now = start + TimeDelta::hours(i64::try_from(number).unwrap());
            let seen = BTreeMap::from([(table.to_owned(), *seen)]);
            volumes.judge(now, since, seen, &Limits::default())
        })
        .collect()
}

#[test]
fn a_loss_is_named_and_stays_named() {
    let found = looks(
        "public.games",
        &[
            ("a", volume(1_000.0, 0.0, 1_000.0, 0.0)),
            ("a", volume(980.0, 0.0, 1_000.0, 20.0)),
            ("a", volume(980.0, 0.0, 1_000.0, 20.0)),
        ],
    );
    assert_eq!(found[0], Vec::<String>::new());
    assert_eq!(
        found[1],
        ["public.games: 20 of about 1,000 rows were deleted"]
    );
    assert_eq!(found[2], found[1]);
}

#[test]
fn what_is_no_loss_is_no_finding() {
    let first = volume(1_000.0, 0.0, 1_000.0, 0.0);
    for (what, table, then) in [
        (
            "an analysis corrects the estimate",
            "public.games",
            ("a", volume(950.0, 1.0, 1_000.0, 0.0)),
        ),
        (
            "the counters start anew",
            "public.games",
            (
                "b",
                TableVolume {
                    rows: 1_000.0,
                    ..TableVolume::default()
                },
            ),
        ),
        (
            "a delete that was rolled back",
            "public.games",
            ("a", volume(1_000.0, 0.0, 1_000.0, 900.0)),
        ),
        (
            "another project's table",
            "odds.odds_snapshots",
            ("a", volume(700.0, 0.0, 1_000.0, 300.0)),
        ),
        (
            "a single row",
            "public.games",
            ("a", volume(999.0, 0.0, 1_000.0, 1.0)),
        ),
        (
            "a usual load",
            "public.games",
            ("a", volume(1_050.0, 0.0, 1_050.0, 0.0)),
        ),
    ] {
        let found = looks(table, &[("a", first), then, then]);
        assert_eq!(found.concat(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_loss_after_the_statistics_were_reset_is_seen() {
    let anew = |deleted: f64| TableVolume {
        rows: 1_000.0,
        deleted,
        ..TableVolume::default()
    };
    let found = looks(
        "public.games",
        &[
            ("a", volume(1_000.0, 0.0, 1_000.0, 0.0)),
            ("b", anew(0.0)),
            ("b", anew(100.0)),
            // The analysis that follows takes nothing back.
            ("b", volume(900.0, 1.0, 0.0, 100.0)),
        ],
    );
    assert_eq!(found[1], Vec::<String>::new());
    assert_eq!(
        found[2],
        ["public.games: 100 of about 1,000 rows were deleted"]
    );
    assert_eq!(found[3], found[2]);
}

#[test]
fn rows_that_are_rewritten_may_come_back_later() {
    let found = looks(
        "public.games_summary",
        &[
            ("a", volume(1_000.0, 0.0, 1_000.0, 0.0)),
            ("a", volume(0.0, 0.0, 1_000.0, 1_000.0)),
            ("a", volume(1_000.0, 0.0, 2_000.0, 1_000.0)),
        ],
    );
    assert_eq!(found[1].len(), 1);
    assert_eq!(found[2], Vec::<String>::new());
}

#[test]
fn a_doubled_load_is_named() {
    let found = looks(
        "public.temporal_events",
        &[
            ("a", volume(1_000.0, 0.0, 1_000.0, 0.0)),
            ("a", volume(2_000.0, 0.0, 2_000.0, 0.0)),
        ],
    );
    assert_eq!(
        found[1],
        ["public.temporal_events: 1,000 rows were added to 1,000 within a day"]
    );
}

#[test]
fn a_table_that_is_gone_is_named_for_a_week() {
    let mut volumes = Volumes::default();
    let start: DateTime<Utc> = "2026-01-10T12:00:00Z".parse().unwrap();
    let seen = BTreeMap::from([("public.games".to_owned(), volume(5.0, 0.0, 5.0, 0.0))]);
    let limits = Limits::default();
    assert!(volumes.judge(start, "a", seen, &limits).is_empty());
    for (days, expected) in [(1, 1), (6, 1), (8, 0)] {
        let found = volumes.judge(start + TimeDelta::days(days), "a", BTreeMap::new(), &limits);
        assert_eq!(found.len(), expected, "{days}: {found:?}");
    }
}

#[test]
fn a_figure_has_to_grow() {
    let beat: Heartbeat =
        toml_edit::de::from_str("name = \"loop\"\nsql = \"select 1\"\nmax_hours = 2.0").unwrap();
    let mut progress = Progress::new();
    let start: DateTime<Utc> = "2026-01-10T12:00:00Z".parse().unwrap();
    let mut at = |hours: i64, value: f64| {
        grown(&beat, value, &mut progress, start + TimeDelta::hours(hours))
    };
    assert_eq!(at(0, 5.0), None);
    assert_eq!(at(2, 5.0), None);
    assert_eq!(at(5, 5.0).unwrap(), "its figure has been 5 for 5.0 h");
    assert_eq!(at(5, 6.0), None);
    // A process that starts again and again counts from 0 each time.
    assert_eq!(at(6, 0.0), None);
    assert!(at(8, 0.0).is_some());
    assert_eq!(at(9, 1.0), None);
}

#[test]
fn what_is_switched_off_is_off_for_a_time() {
    let text = "[[off]]\ncheck = \"freshness.*\"\nreason = \"a copy of 2025\"\nowner = \"data team\"\nuntil = \"2026-01-31\"";
    let settings = Settings::parse("monitoring.toml".as_ref(), text).unwrap();
    let covers = |id: &str, today: &str| settings.off[0].covers(id, day(today));
    assert!(covers("freshness.games", "2026-01-31"));
    assert!(!covers("freshness.games", "2026-02-01"));
    assert!(!covers("db.connection", "2026-01-01"));
}
