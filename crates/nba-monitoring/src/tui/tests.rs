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
    app.key(Key::Previous);
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
    assert!(screen(&app, 110, 20).contains("Any key closes this."));
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
