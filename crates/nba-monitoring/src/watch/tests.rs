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

#[test]
fn a_killed_monitor_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    let mut raised = Vec::new();
    for (tick, word) in "gbbbbgg".chars().enumerate() {
        let now = at(i32::try_from(tick).unwrap());
        let mut monitor = open();
        let seen = monitor.tick(now, FIVE_MINUTES, 7, vec![look("x", word)]);
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

#[test]
fn a_damaged_state_is_put_aside_and_a_newer_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    std::fs::write(&state, "{\"version\": 1, \"ticks\": ").unwrap();
    let mut monitor = Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    let tick = monitor.tick(at(0), FIVE_MINUTES, 1, vec![look("x", 'g')]);
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

#[test]
fn a_full_disk_is_a_fault_and_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut monitor = Monitor::open(folder.path(), start(), Policy::default()).unwrap();
    // A folder in the place of the day's file cannot be written to, whoever tries.
    std::fs::create_dir_all(folder.path().join("history/2026-01-10.jsonl")).unwrap();
    let tick = monitor.tick(at(0), FIVE_MINUTES, 1, vec![look("x", 'g')]);
    assert_eq!(tick.faults.len(), 1, "{tick:?}");
    assert_eq!(tick.standing, Standing::Healthy);
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
    use super::*;

    fn write(history: &History, now: DateTime<Utc>, value: f64, level: Level) {
        let samples = [
            ("rows:games", Level::NotApplicable, Some(value)),
            ("x", level, None),
        ];
        history.append(now, 5, samples.into_iter()).unwrap();
    }

    #[test]
    fn a_year_is_rolled_up_without_losing_a_bad_moment() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let now = start();
        for days in 0..400 {
            let code = if days == 100 { 'c' } else { 'g' };
            let mut text = String::new();
            for hours in [1, 0] {
                let at = now - TimeDelta::days(days) - TimeDelta::hours(hours);
                let rows = 400 - days;
                text += &format!(
                    "{{\"t\":\"{}\",\"ms\":5,\"c\":{{\"rows:games\":[\"n\",{rows}],\"x\":[\"{code}\"]}}}}\n",
                    at.to_rfc3339()
                );
            }
            let day = (now - TimeDelta::days(days)).date_naive();
            std::fs::write(folder.path().join(format!("{day}.jsonl")), text).unwrap();
        }
        history.compact(now).unwrap();
        let before: usize = std::fs::read_dir(folder.path()).unwrap().count();
        history.compact(now).unwrap();
        history.compact(now).unwrap();
        let after = std::fs::read_dir(folder.path()).unwrap().count();
        // A compaction takes one step at a time; after the second nothing is left to do.
        assert!(after <= before && after <= 367, "{before} {after}");
        let series = history
            .series(|_| true, now - TimeDelta::days(365), now, 365)
            .unwrap();
        let rows = &series["rows:games"];
        assert!((360..=366).contains(&rows.len()), "{}", rows.len());
        let last = rows.last().unwrap();
        assert_eq!(last.max, Some(400.0));
        let bad: Vec<_> = series["x"]
            .iter()
            .filter(|point| point.level == Level::Critical)
            .collect();
        assert!((1..=2).contains(&bad.len()), "{bad:?}");
        let age = (now - bad[0].at).num_days();
        assert!((99..=101).contains(&age), "{age}");
        // One week, tick by tick.
        let week = history
            .series(|id| id == "x", now - TimeDelta::days(7), now, 7 * 24)
            .unwrap();
        assert_eq!(week.len(), 1);
        assert_eq!(week["x"].iter().map(|point| point.looks).sum::<u32>(), 15);
    }

    #[test]
    fn an_unfinished_line_costs_one_tick() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::in_folder(folder.path());
        let now = start();
        write(&history, now, 1.0, Level::Good);
        let file = folder.path().join("2026-01-10.jsonl");
        let mut text = std::fs::read_to_string(&file).unwrap();
        text.push_str("{\"t\":\"2026-01-1");
        std::fs::write(&file, text).unwrap();
        write(&history, now + TimeDelta::minutes(5), 3.0, Level::Good);
        let series = history
            .series(|_| true, now, now + TimeDelta::hours(1), 1)
            .unwrap();
        let point = series["rows:games"][0];
        assert_eq!(
            (point.looks, point.mean, point.min, point.max),
            (2, Some(2.0), Some(1.0), Some(3.0))
        );
    }
}
