//! `nba dashboard` as a watch, `nba alerts`, `nba serve`.

use crate::program::{Place, is_alive, wait_for};
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
    // Behind a proxy: its header alone is anybody's.
    let secret = place.project.join("proxy-secret");
    std::fs::write(&secret, "a secret of the proxy\n").unwrap();
    let port = free_port();
    let behind = place.spawn(&[
        "serve",
        "--read-only",
        "--listen",
        &format!("0.0.0.0:{port}"),
        "--proxy-header",
        "X-Forwarded-User",
        "--proxy-secret-file",
        &secret.display().to_string(),
    ]);
    let user = "x-forwarded-user: ann\r\n";
    let forged = wait_for("answer", Duration::from_secs(60), || ask(port, "/", user));
    assert!(
        forged.starts_with("HTTP/1.1 401") && !forged.contains("db."),
        "{forged}"
    );
    let whole = format!("{user}x-nba-proxy-secret: a secret of the proxy\r\n");
    let page = ask(port, "/", &whole).unwrap();
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("db.connection"),
        "{page}"
    );
    for program in [server, reader, behind] {
        program.signal("TERM");
        program.ends_within(Duration::from_secs(10)).exits(2);
    }
}

/// Ends a process that nobody else would end when a check fails.
struct Kill(u32);

impl Drop for Kill {
    fn drop(&mut self) {
        let words = std::fs::read_to_string(format!("/proc/{}/cmdline", self.0));
        if words.is_ok_and(|words| words.contains("--detached")) {
            signal("KILL", self.0);
        }
    }
}

fn signal(name: &str, id: u32) {
    let _ = std::process::Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
}

fn pid(report: &Value) -> u32 {
    u32::try_from(report["pid"].as_u64().unwrap()).unwrap()
}

pub(crate) fn a_watch_in_the_background_is_found_and_ended(world: &World) {
    let place = world.project("background");
    place.nba(&["baseline", "capture"]).exits(0);
    let monitor = place.project.join(".nba/monitor");
    let status = ["dashboard", "--status", "--json"];
    place
        .nba(&["dashboard", "--status"])
        .exits(1)
        .says("not running");
    place.nba(&["dashboard", "--stop"]).exits(0);
    let start = ["dashboard", "--background", "--interval", "1", "--json"];
    // Somebody else's watch is not joined, and nothing is left of the try.
    let other = place.spawn(&["dashboard", "--continuous", "--interval", "3600"]);
    wait_for("look", Duration::from_secs(60), || {
        monitor.join("state.json").exists().then_some(())
    });
    place.nba(&start).exits(2).says("another process watches");
    place.nba(&status).exits(1);
    other.signal("TERM");
    other.ends_within(Duration::from_secs(30)).exits(2);

    let log = monitor.join("background.log");
    let long = vec![b'x'; 5 * 1024 * 1024];
    std::fs::write(&log, &long).unwrap();
    let started = place.nba(&start).exits(0).json();
    let first = pid(&started);
    let _first = Kill(first);
    assert_eq!(started["log"], log.display().to_string());
    let aside = monitor.join("background.log.1");
    assert_eq!(std::fs::read(&aside).unwrap(), long, "the log put aside");
    // Its own session, no terminal, no input, and no word that was not in this command.
    let proc = std::path::PathBuf::from(format!("/proc/{first}"));
    let stat = std::fs::read_to_string(proc.join("stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!((fields[3], fields[4]), (&*first.to_string(), "0"), "{stat}");
    assert_eq!(
        std::fs::read_link(proc.join("fd/0")).unwrap(),
        std::path::Path::new("/dev/null")
    );
    let words = std::fs::read_to_string(proc.join("cmdline")).unwrap();
    let words: Vec<&str> = words.trim_end_matches('\0').split('\0').skip(1).collect();
    let expected = ["dashboard", "--interval", "1", "--continuous", "--detached"];
    assert_eq!(words, expected);
    place
        .nba(&start)
        .exits(2)
        .says(&format!("process {first} watches"));
    wait_for("heartbeat", Duration::from_secs(60), || {
        let report = place.nba(&status).exits(0).json();
        assert_eq!(pid(&report), first);
        report["heartbeat_age_s"].is_u64().then_some(())
    });
    // A log that grows too long is put aside while it is written.
    let mut grown = std::fs::File::options().append(true).open(&log).unwrap();
    grown.write_all(&long).unwrap();
    wait_for("another log", Duration::from_secs(60), || {
        let text = std::fs::read_to_string(&log).ok()?;
        (text.len() < 1024 * 1024 && text.contains("\nwatch: ")).then_some(())
    });

    // Killed, it is not running, however fresh its last look is; and it can be started again.
    signal("KILL", first);
    wait_for("end", Duration::from_secs(30), || {
        (!is_alive(first)).then_some(())
    });
    let dead = place.nba(&status).exits(1).json();
    assert_eq!(dead["running"], false, "{dead}");
    let second = pid(&place.nba(&start).exits(0).json());
    let _second = Kill(second);
    assert_ne!(first, second);
    let record = monitor.join("background.json");
    let whole = std::fs::read_to_string(&record).unwrap();
    // A number that belongs to somebody else by now is neither taken for the watch nor stopped.
    let mut reused: Value = serde_json::from_str(&whole).unwrap();
    reused["process"]["started_ticks"] = 1.into();
    std::fs::write(&record, reused.to_string()).unwrap();
    assert_eq!(place.nba(&status).exits(1).json()["running"], false);
    place
        .nba(&["dashboard", "--stop"])
        .exits(0)
        .says("it had ended already");
    assert!(is_alive(second), "another process was stopped");
    std::fs::write(&record, "{").unwrap();
    place.nba(&status).exits(2).says("is damaged");
    std::fs::write(&record, whole).unwrap();
    // It goes on looking after all that, and ends when it is told to.
    let stopped = place.nba(&["dashboard", "--stop", "--json"]).exits(0);
    assert_eq!(pid(&stopped.json()), second);
    assert!(!is_alive(second) && !record.exists());
    place.nba(&status).exits(1);
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A page with its headers; `None` while nobody listens.
fn get(port: u16, path: &str) -> Option<String> {
    ask(port, path, "")
}

/// The same with more headers, each with its end of line.
fn ask(port: u16, path: &str, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}
