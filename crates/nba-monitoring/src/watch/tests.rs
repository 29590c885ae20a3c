use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nba_utils::Verdict;

use super::*;
use crate::checks::Observation;
use crate::rules::Criticality;

const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn start() -> DateTime<Utc> {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

fn at(tick: i32) -> DateTime<Utc> {
    start() + TimeDelta::minutes(5) * tick
}

fn look(id: &str, word: char) -> Observation {
    let verdict = match word {
        'g' => Verdict::Proven,
        'b' => Verdict::refuted("a row is missing"),
        'u' => Verdict::not_proven("timed out"),
        _ => Verdict::not_applicable("switched off"),
    };
    Observation::new(
        id,
        Criticality::Critical,
        verdict,
        Some(1.0),
        "what was seen",
    )
}

/// What happens to one check over a row of looks: `g` good, `b` refuted, `u` could not tell, `n` not applicable.
fn story(looks: &str) -> (Vec<(usize, EventKind, Level)>, State) {
    let mut state = State::new(start());
    let mut seen = Vec::new();
    for (tick, word) in looks.chars().enumerate() {
        let now = at(i32::try_from(tick).unwrap());
        let events = state.record(vec![look("x", word)], now, FIVE_MINUTES, Policy::default());
        seen.extend(
            events
                .into_iter()
                .map(|event| (tick, event.kind, event.level)),
        );
    }
    (seen, state)
}

#[test]
fn three_bad_looks_make_an_alarm_and_two_good_ones_end_it() {
    use EventKind::{Changed, Cleared, Raised};
    for (looks, expected, standing) in [
        ("ggg", vec![], Standing::Healthy),
        ("gbbg", vec![], Standing::Healthy),
        ("gbb", vec![], Standing::Suspect),
        ("bb", vec![], Standing::Suspect),
        (
            "gbbb",
            vec![(3, Raised, Level::Critical)],
            Standing::Critical,
        ),
        ("guuu", vec![(3, Raised, Level::Unknown)], Standing::Unknown),
        // A look that could not be taken is bad, too, and an alarm changes its kind at once.
        (
            "gubbu",
            vec![(3, Raised, Level::Critical), (4, Changed, Level::Unknown)],
            Standing::Unknown,
        ),
        (
            "gbbbgbgb",
            vec![(3, Raised, Level::Critical)],
            Standing::Critical,
        ),
        (
            "gbbbgg",
            vec![(3, Raised, Level::Critical), (5, Cleared, Level::Good)],
            Standing::Healthy,
        ),
        (
            "gbbbn",
            vec![
                (3, Raised, Level::Critical),
                (4, Cleared, Level::NotApplicable),
            ],
            Standing::Unknown,
        ),
        ("n", vec![], Standing::Unknown),
        ("", vec![], Standing::Unknown),
    ] {
        let (seen, state) = story(looks);
        assert_eq!(seen, expected, "{looks}");
        assert_eq!(state.standing(), standing, "{looks}");
    }
}

#[test]
fn since_is_the_first_look_that_was_so() {
    let (_, state) = story("gggbbbb");
    assert_eq!(state.checks["x"].since, at(3));
    let (_, state) = story("gggbbbbgg");
    assert_eq!(state.checks["x"].since, at(7));
    let (_, state) = story("ggbgg");
    assert_eq!(
        state.checks["x"].since,
        at(0),
        "one bad look interrupts nothing"
    );
}

#[test]
fn only_the_look_that_would_raise_an_alarm_is_confirmed() {
    let (_, state) = story("gb");
    let confirm = |word| state.to_confirm(&[look("x", word)], at(2), Policy::default());
    assert_eq!(confirm('b'), Vec::<String>::new());
    let (_, state) = story("gbb");
    let confirm = |word| state.to_confirm(&[look("x", word)], at(3), Policy::default());
    assert_eq!(confirm('b'), ["x"]);
    assert_eq!(confirm('u'), ["x"]);
    assert_eq!(confirm('g'), Vec::<String>::new());
    let (_, state) = story("gbbb");
    let again = state.to_confirm(&[look("x", 'b')], at(4), Policy::default());
    assert_eq!(
        again,
        Vec::<String>::new(),
        "an alarm that is out needs no confirmation"
    );
}

#[test]
fn nothing_is_raised_during_maintenance_and_counting_starts_after_it() {
    let mut state = State::new(start());
    state.maintenance.push(Maintenance {
        id: 1,
        checks: vec!["x*".to_owned()],
        from: at(1),
        until: at(6),
        reason: "load".to_owned(),
        owner: "data team".to_owned(),
    });
    let mut raised = Vec::new();
    for tick in 0..10 {
        let word = if tick == 0 { 'g' } else { 'b' };
        let events = state.record(
            vec![look("x1", word)],
            at(tick),
            FIVE_MINUTES,
            Policy::default(),
        );
        assert_eq!(
            state.checks["x1"].maintenance.is_some(),
            (1..6).contains(&tick)
        );
        raised.extend(events.iter().map(|event| (tick, event.kind)));
    }
    assert_eq!(raised, [(8, EventKind::Raised)]);
}

#[test]
fn a_gap_and_a_clock_that_is_set_back_are_events() {
    let (_, mut state) = story("ggg");
    let later = at(2) + TimeDelta::hours(2);
    let events = state.record(vec![look("x", 'g')], later, FIVE_MINUTES, Policy::default());
    assert_eq!(events[0].kind, EventKind::Gap);
    assert_eq!(events[0].since, at(2));
    let events = state.record(vec![look("x", 'b')], at(0), FIVE_MINUTES, Policy::default());
    assert_eq!(events[0].kind, EventKind::ClockSetBack);
    let check = &state.checks["x"];
    assert!(
        check.since <= at(0) && check.streak.from <= at(0),
        "{check:?}"
    );
}

#[tokio::test]
async fn a_killed_monitor_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    let mut raised = Vec::new();
    for (tick, word) in "gbbbbgg".chars().enumerate() {
        let now = at(i32::try_from(tick).unwrap());
        let mut monitor = open();
        let seen = monitor
            .tick(now, FIVE_MINUTES, 7, vec![look("x", word)])
            .await;
        assert_eq!(seen.faults, Vec::<String>::new());
        monitor.save().unwrap();
        raised.extend(seen.events.iter().map(|event| (tick, event.kind)));
    }
    assert_eq!(raised, [(3, EventKind::Raised), (6, EventKind::Cleared)]);
    let kinds: Vec<EventKind> = read_events(folder.path(), 10)
        .unwrap()
        .iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(
        kinds,
        [EventKind::Cleared, EventKind::Raised],
        "newest first"
    );
    assert_eq!(read_state(folder.path()).unwrap().unwrap().ticks, 7);
}

#[test]
fn two_monitors_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    let second = Monitor::open(folder.path(), start(), Policy::default());
    assert!(matches!(second, Err(WatchError::Busy { .. })), "{second:?}");
    drop(first);
    Monitor::open(folder.path(), start(), Policy::default()).unwrap();
}

#[tokio::test]
async fn a_damaged_state_is_put_aside_and_a_newer_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    std::fs::write(&state, "{\"version\": 1, \"ticks\": ").unwrap();
    let mut monitor = Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    let tick = monitor
        .tick(at(0), FIVE_MINUTES, 1, vec![look("x", 'g')])
        .await;
    assert_eq!(tick.events[0].kind, EventKind::StateLost);
    monitor.save().unwrap();
    drop(monitor);
    let kept = std::fs::read_dir(folder.path()).unwrap();
    let aside = kept.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("state-damaged-")
    });
    assert_eq!(aside.count(), 1);
    std::fs::write(&state, "{\"version\": 99}").unwrap();
    let newer = Monitor::open(folder.path(), start(), Policy::default());
    assert!(
        matches!(newer, Err(WatchError::Newer { found: 99, .. })),
        "{newer:?}"
    );
}

#[tokio::test]
async fn a_full_disk_is_a_fault_and_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    // The tables are there, and nothing more fits in: SQLite says what it says on a disk that is full.
    let mut monitor = open();
    monitor
        .tick(at(0), FIVE_MINUTES, 1, vec![look("x", 'g')])
        .await;
    drop(monitor);
    let mut monitor = open().with_history_bound(1);
    let many = || {
        (0..2_000)
            .map(|check| look(&format!("x{check}"), 'g'))
            .collect()
    };
    let tick = monitor.tick(at(1), FIVE_MINUTES, 1, many()).await;
    assert_eq!(tick.faults.len(), 1, "{tick:?}");
    assert!(tick.faults[0].contains("full"), "{tick:?}");
    assert_eq!(tick.standing, Standing::Healthy);
    drop(monitor);
    // When there is room again, it goes on.
    let mut monitor = open();
    let tick = monitor.tick(at(2), FIVE_MINUTES, 1, many()).await;
    assert_eq!(tick.faults, Vec::<String>::new());
    let series = monitor
        .history()
        .series("x7", at(0), at(9), 1)
        .await
        .unwrap();
    assert_eq!(series["x7"][0].looks, 1, "{series:?}");
}

#[tokio::test]
async fn a_history_that_cannot_be_opened_is_a_fault_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut monitor = Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    // A folder in the place of a file cannot be written to, whoever tries.
    let file = folder.path().join("history.db");
    std::fs::create_dir(&file).unwrap();
    let good = || vec![look("x", 'g')];
    let tick = monitor.tick(at(0), FIVE_MINUTES, 1, good()).await;
    assert_eq!(tick.faults.len(), 1, "{tick:?}");
    std::fs::remove_dir(&file).unwrap();
    let tick = monitor.tick(at(1), FIVE_MINUTES, 1, good()).await;
    assert_eq!(tick.faults, Vec::<String>::new());
}

#[test]
fn ten_thousand_ticks_stay_small_and_keep_every_planted_loss() {
    let mut state = State::new(start());
    let mut raised = 0;
    let mut cleared = 0;
    for tick in 0..10_000_i32 {
        // Every 500 ticks something is lost for six ticks; every 50 one look fails, which is nobody's alarm.
        let word = match (tick % 500, tick % 50) {
            (400..406, _) => 'b',
            (_, 27) => 'u',
            _ => 'g',
        };
        let seen = (0..30)
            .map(|check| look(&format!("x{check}"), word))
            .collect();
        for event in state.record(seen, at(tick), FIVE_MINUTES, Policy::default()) {
            match event.kind {
                EventKind::Raised => raised += 1,
                EventKind::Cleared => cleared += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((raised, cleared), (20 * 30, 20 * 30));
    assert!(serde_json::to_vec(&state).unwrap().len() < 30_000);
}

mod past {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    use super::*;

    async fn write(history: &History, now: DateTime<Utc>, value: f64, level: Level) {
        let samples = [
            ("rows:games", Level::NotApplicable, Some(value)),
            ("x", level, None),
        ];
        history.append(now, 5, samples.into_iter()).await.unwrap();
    }

    #[tokio::test]
    async fn a_year_is_summed_up_without_losing_a_bad_moment() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let now = start();
        // Two looks a day, 400 days long; one of a hundred days ago was critical.
        for days in (0..400).rev() {
            for hours in [1, 0] {
                let level = match (days, hours) {
                    (100, 0) => Level::Critical,
                    _ => Level::Good,
                };
                let at = now - TimeDelta::days(days) - TimeDelta::hours(hours);
                let rows = f64::from(i32::try_from(400 - days).unwrap());
                write(&history, at, rows, level).await;
            }
        }
        let year = async || {
            let from = now - TimeDelta::days(365);
            history.series("", from, now, 365).await.unwrap()
        };
        for round in 0..3 {
            if round > 0 {
                history.compact(now).await.unwrap();
            }
            let series = year().await;
            let rows = &series["rows:games"];
            assert!((365..=366).contains(&rows.len()), "{round}: {}", rows.len());
            let looks: u32 = rows.iter().map(|point| point.looks).sum();
            assert!((730..=732).contains(&looks), "{round}: {looks}");
            assert_eq!(rows.last().unwrap().max, Some(400.0));
            let bad: Vec<_> = series["x"]
                .iter()
                .filter(|point| point.level == Level::Critical)
                .collect();
            assert_eq!(bad.len(), 1, "{round}: {bad:?}");
            let age = (now - bad[0].at).num_days();
            assert!((99..=101).contains(&age), "{round}: {age}");
        }
        // What is left of it: looks of 14 days, hours of 90, days of 365.
        let file = folder.path().join("past.parquet");
        let written = history.export("rows:", &file).await.unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
        let mut kept = std::collections::BTreeMap::new();
        let mut first = None;
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            assert_eq!(row.get_string(1).unwrap(), "rows:games");
            *kept
                .entry(row.get_string(0).unwrap().clone())
                .or_insert(0_u64) += 1;
            if row.get_string(0).unwrap() == "day" {
                first.get_or_insert((row.get_long(4).unwrap(), row.get_double(5).unwrap()));
            }
        }
        assert_eq!(kept.values().sum::<u64>(), written);
        // Two looks of today and each of 14 days, two hours of each of 90 days, one day of 365; and nothing older.
        let kept: Vec<(&str, u64)> = kept
            .iter()
            .map(|(name, rows)| (name.as_str(), *rows))
            .collect();
        assert_eq!(kept, [("day", 366), ("hour", 182), ("look", 30)]);
        assert_eq!(first, Some((2, 35.0)), "two looks a day, with their mean");
        let again = history.export("", &file).await.unwrap_err();
        assert!(matches!(again, HistoryError::Export { .. }), "{again:?}");
        assert!(!folder.path().join("past.parquet.partial").exists());
        // One week, look by look.
        let week = history
            .series("x", now - TimeDelta::days(7), now, 7 * 24)
            .await
            .unwrap();
        assert_eq!(week.len(), 1);
        assert_eq!(week["x"].iter().map(|point| point.looks).sum::<u32>(), 15);
    }

    #[tokio::test]
    async fn looks_of_a_clock_that_was_set_back_join_their_hour() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let (then, now) = (start(), start() + TimeDelta::days(30));
        write(&history, then, 1.0, Level::Good).await;
        history.compact(now).await.unwrap();
        write(&history, then + TimeDelta::minutes(5), 4.0, Level::Critical).await;
        write(&history, then + TimeDelta::minutes(10), 4.0, Level::Good).await;
        history.compact(now).await.unwrap();
        let series = history
            .series("rows:", then, then + TimeDelta::hours(1), 1)
            .await
            .unwrap();
        let point = series["rows:games"][0];
        assert_eq!(
            (point.looks, point.mean, point.min, point.max),
            (3, Some(3.0), Some(1.0), Some(4.0))
        );
        let series = history
            .series("x", then, then + TimeDelta::hours(1), 1)
            .await
            .unwrap();
        assert_eq!(series["x"][0].level, Level::Critical);
    }

    #[tokio::test]
    async fn looks_without_a_value_count_as_looks_and_not_as_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        for (minute, value) in [
            (0, Some(4.0)),
            (5, None),
            (10, Some(8.0)),
            (15, Some(f64::NAN)),
        ] {
            let samples = [("x", Level::Good, value)];
            let at = start() + TimeDelta::minutes(minute);
            history.append(at, 1, samples.into_iter()).await.unwrap();
        }
        // The same from looks, from the hour and from the day.
        for (days, parts) in [(1, 200), (30, 100), (200, 10)] {
            let to = start() + TimeDelta::hours(1);
            let series = history
                .series("x", to - TimeDelta::days(days), to, parts)
                .await
                .unwrap();
            let points = &series["x"];
            let looks: u32 = points.iter().map(|point| point.looks).sum();
            let min = points.iter().filter_map(|point| point.min).reduce(f64::min);
            let max = points.iter().filter_map(|point| point.max).reduce(f64::max);
            assert_eq!(
                (looks, min, max),
                (4, Some(4.0), Some(8.0)),
                "{days}: {points:?}"
            );
            if let [point] = points.as_slice() {
                assert_eq!(point.mean, Some(6.0), "{days}");
            }
        }
    }

    #[tokio::test]
    async fn reading_makes_no_file_and_a_newer_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let read = async || history.series("", start(), at(1), 1).await;
        assert_eq!(read().await.unwrap(), Series::new());
        assert!(!history.path().exists());
        let missing = history.export("", &folder.path().join("a.parquet")).await;
        assert!(matches!(missing, Err(HistoryError::Missing { .. })));
        write(&history, start(), 1.0, Level::Good).await;
        history.close().await;
        let file = sqlx::SqlitePool::connect(&format!("sqlite:{}", history.path().display()))
            .await
            .unwrap();
        sqlx::raw_sql("pragma user_version = 99")
            .execute(&file)
            .await
            .unwrap();
        file.close().await;
        let newer = read().await;
        assert!(matches!(newer, Err(HistoryError::Open { .. })), "{newer:?}");
    }
}
