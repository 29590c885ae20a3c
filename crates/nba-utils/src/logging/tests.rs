use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::dispatcher::with_default;
use tracing::{Dispatch, debug, info, info_span, warn};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::test_locks::wait_for_waiter;

/// Runs `events` with one destination in memory and returns what arrived there.
fn capture(format: LogFormat, ansi: bool, redactor: &Redactor, events: impl FnOnce()) -> String {
    let memory = Arc::new(Mutex::new(Vec::new()));
    let sink = Sink::new(memory.clone(), redactor, format);
    let layer = layer(sink, Some(ansi), parse_filter("debug").unwrap());
    with_default(
        &Dispatch::new(Registry::default().with(vec![layer])),
        events,
    );
    let bytes = memory.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn leaky_events() {
    let span = info_span!("connect", dsn = "postgres://app:hunter2@db/nba");
    let _inside = span.enter();
    info!(password = "hunter2", host = "db", "trying");
    warn!(error = ?"password=\"hunter2\" refused", "failed with hunter2");
    info!("as json: {}", r#"{"password":"hunter2"}"#);
}

#[test]
fn no_format_lets_a_secret_through() {
    let redactor = Redactor::new();
    for (format, ansi) in [
        (LogFormat::Text, false),
        (LogFormat::Text, true),
        (LogFormat::Json, false),
    ] {
        let named = capture(format, ansi, &redactor, || {
            info!(password = "hunter2", dsn = "x://a:hunter2@b", "x");
        });
        assert!(
            named.contains("***") && !named.contains("hunter2"),
            "unregistered: {named}"
        );
    }
    redactor.register("hunter2");
    for (format, ansi) in [
        (LogFormat::Text, false),
        (LogFormat::Text, true),
        (LogFormat::Json, false),
    ] {
        let text = capture(format, ansi, &redactor, leaky_events);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("trying") && text.contains("***"));
        assert_eq!(text.lines().count(), 3);
    }
}

#[test]
fn colours_only_where_asked_for() {
    let redactor = Redactor::new();
    assert!(capture(LogFormat::Text, true, &redactor, || info!("x")).contains('\x1b'));
    assert!(!capture(LogFormat::Text, false, &redactor, || info!("x")).contains('\x1b'));
}

#[test]
fn json_lines_are_json() {
    let redactor = Redactor::new();
    redactor.register("quote\"me");
    let text = capture(LogFormat::Json, false, &redactor, || {
        info!(rows = 5, note = "quote\"me", "password=abc");
        info!("{}", "two\nlines");
    });
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["rows"], 5);
    assert_eq!(lines[0]["note"], "***");
    assert_eq!(lines[0]["message"], "password=***");
    assert_eq!(lines[1]["message"], "two\nlines");
}

#[test]
fn secret_across_two_writes_is_hidden() {
    let memory = Arc::new(Mutex::new(Vec::new()));
    let redactor = Redactor::new();
    redactor.register("hunter2");
    let sink = Sink::new(memory.clone(), &redactor, LogFormat::Text);
    let mut event = sink.make_writer();
    event.write_all(b"said hun").unwrap();
    event.write_all(b"ter2\n").unwrap();
    assert!(memory.lock().unwrap().is_empty());
    drop(event);
    assert_eq!(memory.lock().unwrap().as_slice(), b"said ***\n");
}

#[test]
fn secret_registered_later_is_hidden_from_then_on() {
    let redactor = Redactor::new();
    let later = redactor.clone();
    let text = capture(LogFormat::Text, false, &redactor, || {
        later.register("open sesame");
        info!("open sesame");
    });
    assert!(!text.contains("sesame"));
}

#[test]
fn file_log_is_private_filtered_and_created_with_its_folders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/nba.log");
    let options = LogOptions {
        file: Some(FileLog::at(&path)),
        ..LogOptions::default()
    };
    let (dispatch, guard) = build(&options).unwrap();
    with_default(&dispatch, || {
        info!("seen");
        debug!("unseen");
    });
    guard.check().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("seen") && !text.contains("unseen"));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn errors_name_the_filter_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let blocker = folder.path().join("file");
    fs::write(&blocker, "").unwrap();
    let options = LogOptions {
        file: Some(FileLog::at(blocker.join("nba.log"))),
        ..LogOptions::default()
    };
    let error = build(&options).unwrap_err();
    assert!(error.to_string().contains("nba.log"), "{error}");
    assert!(error.hint().is_some());
    let console = ConsoleLog {
        filter: "nba=loud".to_owned(),
        ..ConsoleLog::default()
    };
    let error = build(&LogOptions {
        console: Some(console),
        ..LogOptions::default()
    })
    .unwrap_err();
    assert!(error.to_string().contains("nba=loud"), "{error}");
}

#[test]
fn lost_lines_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/nba.log");
    let options = LogOptions {
        file: Some(FileLog::at(&path)),
        ..LogOptions::default()
    };
    let (dispatch, guard) = build(&options).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path.parent().unwrap(), "in the way").unwrap();
    with_default(&dispatch, || info!("x"));
    assert!(matches!(
        guard.check(),
        Err(LogError::LinesLost { lines: 1, .. })
    ));
    assert!(guard.check().is_ok());
}

fn sizes(path: &Path, backups: u8) -> Vec<Option<u64>> {
    let name = |number: u8| {
        if number == 0 {
            path.to_owned()
        } else {
            format!("{}.{number}", path.display()).into()
        }
    };
    (0..=backups)
        .map(|number| fs::metadata(name(number)).ok().map(|file| file.len()))
        .collect()
}

#[test]
fn rotation_keeps_the_newest_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nba.log");
    let mut log = RotatingFile::open(&path, 10, 2).unwrap();
    for line in [
        "aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n", "ffff\n", "gggg\n",
    ] {
        log.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(sizes(&path, 3), [Some(5), Some(10), Some(10), None]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "gggg\n");
    assert_eq!(
        fs::read_to_string(folder.path().join("nba.log.1")).unwrap(),
        "eeee\nffff\n"
    );
    // a line that never fits is written whole
    log.write_all(&[b'x'; 30]).unwrap();
    assert_eq!(sizes(&path, 1), [Some(30), Some(5)]);
    drop(log);
    // a new process goes on where the old one stopped
    let mut log = RotatingFile::open(&path, 40, 2).unwrap();
    log.write_all(b"y").unwrap();
    assert_eq!(sizes(&path, 0), [Some(31)]);
}

#[test]
fn rotation_without_backups_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nba.log");
    let mut log = RotatingFile::open(&path, 10, 0).unwrap();
    log.write_all(b"aaaaaaaaaa").unwrap();
    log.write_all(b"b").unwrap();
    assert_eq!(sizes(&path, 1), [Some(1), None]);
}

#[test]
fn rotation_by_another_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nba.log");
    let mut ours = RotatingFile::open(&path, 10, 2).unwrap();
    let mut other = RotatingFile::open(&path, 10, 2).unwrap();
    ours.write_all(b"aaaaaaaa").unwrap();
    other.write_all(b"bbbb").unwrap();
    ours.write_all(b"cc").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "bbbbcc");
    // removed by somebody who tidies up
    fs::remove_file(&path).unwrap();
    ours.write_all(b"dd").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "dd");
}

#[test]
fn rotation_waits_for_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nba.log");
    let mut log = RotatingFile::open(&path, 10, 2).unwrap();
    log.write_all(b"aaaaaaaaaa").unwrap();
    let held = fs::File::create(folder.path().join("nba.log.lock")).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| log.write_all(b"b"));
        wait_for_waiter(&held);
        assert_eq!(sizes(&path, 1), [Some(10), None]);
        held.unlock().unwrap();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(sizes(&path, 1), [Some(1), Some(10)]);
}

#[test]
fn several_writers_lose_no_line_when_rotating() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nba.log");
    let lines_each = 200;
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                // each with its own descriptor, as separate processes have
                let mut log = RotatingFile::open(path, 1000, 60).unwrap();
                for line in 0..lines_each {
                    log.write_all(format!("writer {writer} line {line:04}\n").as_bytes())
                        .unwrap();
                }
            });
        }
    });
    let mut lines: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .flat_map(|file| {
            fs::read_to_string(file.unwrap().path())
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 4 * lines_each);
}
