//! `nba dashboard` as a watch, `nba alerts`, `nba serve`.

use crate::program::{Place, wait_for};
use crate::world::World;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

fn settings(place: &Place, text: &str) {
    let folder = place.project.join(".nba");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("monitoring.toml"), text).unwrap();
}

/// One look, and what it came to.
fn look(place: &Place) -> Value {
    let ran = place.nba(&["dashboard", "--json"]).exits(0);
    crate::schema::holds(&ran.json());
    let watch = ran.json()["watch"].clone();
    assert!(watch.is_object(), "{ran}");
    watch
}

pub(crate) fn an_alarm_is_raised_told_and_acknowledged(world: &World) {
    let place = world.project("alarms");
    place.nba(&["baseline", "capture"]).exits(0);
    place
        .nba(&["alerts", "list"])
        .exits(2)
        .says("nothing has been watched yet");
    let told = place.project.join("told.jsonl");
    settings(
        &place,
        &format!(
            "[limits]\nconnections_percent = 0.0\n[[alerts.channels]]\nname = \"team\"\nkind = \"command\"\nchecks = [\"db.connections\"]\n\
             command = [\"sh\", \"-c\", \"cat >> {0}; echo >> {0}\"]\n",
            told.display()
        ),
    );
    // Two bad looks are none; the third, in a process of its own like the others, is confirmed and raised.
    for number in 1..=2 {
        let watch = look(&place);
        assert_eq!(watch["number"], number);
        assert_eq!(watch["in_alarm"], Value::Array(Vec::new()), "{watch}");
        assert!(
            watch["suspect"].to_string().contains("db.connections"),
            "{watch}"
        );
    }
    let watch = look(&place);
    assert!(
        watch["in_alarm"].to_string().contains("db.connections"),
        "{watch}"
    );
    let notices = || -> Vec<Value> {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let notice = &notices()[0];
    assert_eq!(
        (&notice["kind"], &notice["check"]),
        (&"raised".into(), &"db.connections".into())
    );
    assert!(
        notice["remedy"]
            .as_str()
            .unwrap()
            .contains("pg_stat_activity"),
        "{notice}"
    );
    let list = place.nba(&["alerts", "list"]).exits(1);
    assert!(list.out.contains("db.connections since"), "{list}");
    place
        .nba(&[
            "alerts",
            "ack",
            "db.connections",
            "--by",
            "me",
            "--note",
            "on it",
        ])
        .exits(0);
    place
        .nba(&["alerts", "list"])
        .exits(1)
        .says("looked after by me");
    place
        .nba(&["alerts", "events"])
        .exits(0)
        .says("raised db.connections");
    let text = std::fs::read_to_string(place.project.join(".nba/monitoring.toml")).unwrap();
    settings(
        &place,
        &text.replace("connections_percent = 0.0", "connections_percent = 99.0"),
    );
    look(&place);
    let watch = look(&place);
    assert!(
        !watch["in_alarm"].to_string().contains("db.connections"),
        "{watch}"
    );
    let kinds: Vec<Value> = notices()
        .iter()
        .map(|notice| notice["kind"].clone())
        .collect();
    assert_eq!(kinds, ["raised", "resolved"]);
    // What the look cost is counted, and a budget that is too low is named, with what it put off.
    let cost = &watch["cost"];
    for known in [
        "statements",
        "db_ms",
        "pages",
        "received_bytes",
        "history_bytes",
    ] {
        assert!(cost[known].is_number(), "{known}: {watch}");
    }
    assert!(cost["baseline_ms"].is_number(), "{watch}");
    settings(&place, "[budget]\nlook_ms = 0.001\n");
    let ran = place.nba(&["dashboard"]).exits(0);
    assert!(ran.out.contains("put off: freshness.games"), "{ran}");
    assert!(
        ran.out.contains("suspect: ") && ran.out.contains("monitor.cost"),
        "{ran}"
    );
    settings(&place, "[budget]\nhour_ms = -1\n");
    place.nba(&["dashboard"]).exits(2).says("`hour_ms`");
    // A value that is not understood stops everything, and is not repeated.
    settings(
        &place,
        "[alerts]\nheartbeat = \"https://host/word-of-nobody\"",
    );
    let ran = place.nba(&["dashboard"]).exits(2).says("line 2");
    assert!(!ran.err.contains("word-of-nobody"), "{ran}");
}

pub(crate) fn a_watch_is_served(world: &World) {
    let place = world.project("served");
    let server = place.spawn(&["serve", "--listen", "127.0.0.1:0", "--interval", "1"]);
    let state = place.project.join(".nba/monitor/state.json");
    wait_for("look", Duration::from_secs(60), || {
        state.exists().then_some(())
    });
    // One at a time watches; others may show what it sees.
    place
        .nba(&["serve", "--listen", "127.0.0.1:0"])
        .exits(2)
        .says("another process watches this project");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let reader = place.spawn(&["serve", "--read-only", "--listen", &listen]);
    let page = wait_for("page", Duration::from_secs(60), || get(port, "/"));
    assert!(
        page.contains("db.connection") && page.contains("nba_simulator"),
        "{page}"
    );
    let health = get(port, "/healthz").unwrap();
    assert!(health.ends_with("ok\n"), "{health}");
    // What was asked for reaches the watch that runs.
    place
        .nba(&[
            "alerts",
            "maintenance",
            "db.*",
            "--minutes",
            "5",
            "--owner",
            "me",
            "--reason",
            "a test",
        ])
        .exits(0)
        .says("at its next look");
    wait_for("maintenance", Duration::from_secs(60), || {
        get(port, "/")?.contains("a test").then_some(())
    });
    for program in [server, reader] {
        program.signal("TERM");
        program.ends_within(Duration::from_secs(10)).exits(2);
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A page with its headers; `None` while nobody listens.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}
