use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nba_utils::Verdict;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::checks::Observation;
use crate::rules::Criticality;
use crate::watch::{Monitor, Policy};

fn start() -> DateTime<Utc> {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

fn screen(app: &App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let now = start() + TimeDelta::minutes(60);
    terminal.draw(|frame| draw(frame, app, now)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let lines = buffer.content.chunks(usize::from(width)).map(|line| {
        line.iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
    });
    lines
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

async fn watched(folder: &Path) {
    let mut monitor = Monitor::open(folder, start(), Policy::default()).unwrap();
    let volume = serde_json::from_value(
        serde_json::json!({ "rows": 1230.0, "live": 1230.0, "tended": 1.0, "inserted": 1300.0, "deleted": 70.0 }),
    );
    let tables = &mut monitor.state.memory.volumes.tables;
    tables.insert("public.games".to_owned(), volume.unwrap());
    for tick in 0..=12_i32 {
        let free = if tick > 5 {
            Verdict::refuted("the disk is full")
        } else {
            Verdict::Proven
        };
        let seen = vec![
            Observation::new(
                "db.connection",
                Criticality::Critical,
                Verdict::Proven,
                Some(f64::from(tick)),
                "answered",
            ),
            Observation::new(
                "db.free_space",
                Criticality::Critical,
                free,
                Some(5.0),
                "the disk is full",
            ),
        ];
        let tick = monitor.tick(
            start() + TimeDelta::minutes(5) * tick,
            Duration::from_secs(300),
            42,
            seen,
        );
        tick.await;
    }
    monitor.save().unwrap();
}

#[tokio::test]
async fn the_worst_comes_first_and_more_is_one_key_away() {
    let folder = tempfile::tempdir().unwrap();
    watched(folder.path()).await;
    let mut app = App::new(folder.path(), start() + TimeDelta::minutes(60)).await;
    let overview = screen(&app, 110, 20);
    let (bad, good) = (
        overview.find("✗ critical").unwrap(),
        overview.find("✓ good").unwrap(),
    );
    assert!(bad < good && overview.contains(" CRITICAL "), "{overview}");
    assert!(overview.contains("! "), "{overview}");
    assert!(
        overview.contains("cost: database time not known"),
        "{overview}"
    );
    app.key(Key::Open);
    let detail = screen(&app, 110, 24);
    for expected in [
        "when refuted make the disk larger",
        "raised the disk is full",
        "since 2026-01-10 12:30:00 UTC",
    ] {
        assert!(detail.contains(expected), "`{expected}`: {detail}");
    }
    app.key(Key::Back);
    app.key(Key::Last);
    app.key(Key::Open);
    assert!(screen(&app, 110, 24).contains("db.connection"));
    app.key(Key::Next);
    app.key(Key::Next);
    assert!(screen(&app, 110, 20).contains("raised"));
    app.key(Key::Previous);
    app.key(Key::Open);
    let table = screen(&app, 110, 24);
    for expected in [
        "about 1,230 rows",
        "70 deleted",
        "rows:public.games: 13 looks",
        "Esc goes back",
    ] {
        assert!(table.contains(expected), "`{expected}`: {table}");
    }
    app.key(Key::Next);
    app.key(Key::Help);
    let help = screen(&app, 110, 20);
    assert!(
        help.contains("Any key closes this.") && help.contains("tables, events, runs, ledger"),
        "{help}"
    );
    app.key(Key::Down);
    assert!(!screen(&app, 110, 20).contains("Any key closes this."));
}

#[tokio::test]
async fn nothing_breaks_on_a_small_screen_or_without_a_watch() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = App::new(folder.path(), start()).await;
    for key in [
        Key::Open,
        Key::Down,
        Key::Next,
        Key::Last,
        Key::Next,
        Key::PageUp,
        Key::Help,
    ] {
        app.key(key);
        for (width, height) in [(1, 1), (10, 4), (200, 60)] {
            screen(&app, width, height);
        }
    }
    app.key(Key::Back);
    assert!(screen(&app, 80, 10).contains("nothing has been watched yet"));
    std::fs::write(folder.path().join("state.json"), "{").unwrap();
    app.reload(start()).await;
    assert!(screen(&app, 120, 10).contains("damaged"));
    std::fs::remove_file(folder.path().join("state.json")).unwrap();
    watched(folder.path()).await;
    app.reload(start() + TimeDelta::minutes(60)).await;
    for (width, height) in [(1, 1), (20, 6), (80, 24)] {
        screen(&app, width, height);
    }
}

fn record(subject: &str, verdict: &str, detail: &str) -> EvidenceRow {
    EvidenceRow {
        at: start() + TimeDelta::minutes(30),
        subject: subject.to_owned(),
        verdict: verdict.to_owned(),
        detail: detail.to_owned(),
        digest: "0011223344556677".to_owned(),
    }
}

fn evidence(verdict: Verdict, newest: Vec<EvidenceRow>) -> Evidence {
    let chapter = |title: &str, summary: &str, records| Chapter {
        title: title.to_owned(),
        summary: summary.to_owned(),
        records,
    };
    Evidence {
        chapters: Ok(vec![
            chapter(
                "Runs of jobs",
                "the newest 2: 1 proven",
                vec![
                    record("espn-incremental", "proven", "ended with 0 after 2 s"),
                    record("hoopr", "refuted", "it wrote nothing"),
                ],
            ),
            chapter("Dual runs", "none in this week", Vec::new()),
        ]),
        ledger: Ok(Chain {
            records: u64::try_from(newest.len()).unwrap(),
            verdict,
            newest,
        }),
    }
}

#[tokio::test]
async fn runs_and_ledger_are_shown_and_a_broken_or_missing_chain_is_not_fine() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = App::new(folder.path(), start()).await;
    assert!(!app.needs_evidence());
    app.key(Key::Previous);
    assert!(app.needs_evidence());
    let ledger = screen(&app, 110, 20);
    assert!(
        ledger.contains("being read") && !ledger.contains('✓'),
        "{ledger}"
    );
    // A ledger that is missing is no evidence, one that was changed is worse, one that cannot be read says why.
    let none = Verdict::not_proven("there is no ledger: nothing is on record");
    app.show_evidence(evidence(none, Vec::new()));
    let ledger = screen(&app, 110, 20);
    assert!(
        ledger.contains("? can't tell: there is no ledger") && !ledger.contains('✓'),
        "{ledger}"
    );
    app.key(Key::Open);
    screen(&app, 110, 20);
    let records = vec![record("health", "refuted", "2 rows are gone")];
    let broken = Verdict::refuted("line 2: the text does not have its hash");
    app.show_evidence(evidence(broken, records.clone()));
    let ledger = screen(&app, 110, 20);
    assert!(
        ledger.contains("✗ BROKEN: line 2") && !ledger.contains("unbroken"),
        "{ledger}"
    );
    let mut unreadable = evidence(Verdict::Proven, Vec::new());
    unreadable.ledger = Err("permission denied".to_owned());
    app.show_evidence(unreadable);
    let ledger = screen(&app, 110, 20);
    assert!(
        ledger.contains("? can't tell: permission denied"),
        "{ledger}"
    );
    // Whole, and not more of it than is shown.
    let many = vec![records[0].clone(); RECORDS * 2];
    app.show_evidence(evidence(Verdict::Proven, many));
    assert_eq!(app.lines(), RECORDS);
    let ledger = screen(&app, 110, 20);
    for expected in [
        "✓ unbroken: 400 records",
        "30 min ago",
        "✗ refuted",
        "2 rows are gone",
    ] {
        assert!(ledger.contains(expected), "`{expected}`: {ledger}");
    }
    app.key(Key::Open);
    let detail = screen(&app, 110, 20);
    assert!(
        detail.contains("record before: 0011223344556677")
            && detail.contains("2026-01-10 12:30:00"),
        "{detail}"
    );
    app.key(Key::Previous);
    let runs = screen(&app, 110, 20);
    for expected in [
        "Runs of jobs",
        "✓ proven",
        "espn-incremental",
        "ended with 0 after 2 s",
        "it wrote nothing",
        "Dual runs",
        "none in this week",
    ] {
        assert!(runs.contains(expected), "`{expected}`: {runs}");
    }
    assert_eq!(app.lines(), 4);
    app.key(Key::Last);
    app.key(Key::Open);
    assert!(screen(&app, 110, 20).contains("Dual runs: none in this week"));
    let mut unreadable = evidence(Verdict::Proven, Vec::new());
    unreadable.chapters = Err("the history is damaged".to_owned());
    app.show_evidence(unreadable);
    app.key(Key::Back);
    let runs = screen(&app, 110, 20);
    assert!(
        runs.contains("? can't tell: the history is damaged"),
        "{runs}"
    );
    for (width, height) in [(1, 1), (20, 6)] {
        screen(&app, width, height);
    }
}
