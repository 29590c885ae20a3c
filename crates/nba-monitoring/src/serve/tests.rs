use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use nba_utils::Verdict;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::*;
use crate::checks::Observation;
use crate::rules::Criticality;
use crate::watch::{Monitor, Policy};

const EVIL: &str = "<script>alert('x')</script> & \"more\"";

/// A watch of some hours: one check in alarm, one suspect, one with text that wants to be markup.
fn watch(folder: &Path, age: TimeDelta) -> Monitor {
    let start = Utc::now() - age - TimeDelta::minutes(5) * 40;
    let mut monitor = Monitor::open(folder, start, Policy::default()).unwrap();
    for tick in 0..=40_i32 {
        let now = start + TimeDelta::minutes(5) * tick;
        monitor.tick(now, Duration::from_secs(300), 42, looks(tick));
    }
    monitor.save().unwrap();
    monitor
}

fn looks(tick: i32) -> Vec<Observation> {
    let look = |id: &str, verdict: Verdict, value: f64, message: &str| {
        Observation::new(id, Criticality::Critical, verdict, Some(value), message)
    };
    let free = if tick > 30 {
        Verdict::refuted("the disk is full")
    } else {
        Verdict::Proven
    };
    let slow = if tick == 40 {
        Verdict::not_proven("timed out")
    } else {
        Verdict::Proven
    };
    vec![
        look(
            "db.connection",
            Verdict::Proven,
            f64::from(tick),
            "answered",
        ),
        look(
            "db.free_space",
            free,
            1e9 - f64::from(tick) * 1e7,
            "the disk",
        ),
        look("db.lock_waits", slow, 0.0, "waits"),
        look(
            &format!("health.table:public.{EVIL}"),
            Verdict::Proven,
            5.0,
            EVIL,
        ),
    ]
}

/// A running server; it ends with the test.
struct Server {
    address: SocketAddr,
    task: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn start(mut options: ServeOptions) -> Server {
    options.address = SocketAddr::from(([127, 0, 0, 1], 0));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(serve(options, |address| {
        let _ = sender.send(address);
    }));
    Server {
        address: receiver.await.unwrap(),
        task,
    }
}

fn options(folder: &Path) -> ServeOptions {
    ServeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)), folder)
}

impl Server {
    /// Status, headers in small letters, body.
    async fn ask(&self, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let host = if headers.contains("host:") {
            ""
        } else {
            "host: localhost\r\n"
        };
        let request = format!("GET {path} HTTP/1.1\r\n{host}connection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    async fn page(&self, path: &str) -> String {
        let (status, head, body) = self.ask(path, "").await;
        assert_eq!(status, 200, "{path}: {head}\n{body}");
        body
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.page(path).await).unwrap()
    }
}

#[tokio::test]
async fn pages_show_what_the_watch_knows_and_nothing_is_markup_that_was_text() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero());
    let server = start(options(folder.path())).await;
    let overview = server.page("/").await;
    for expected in [
        "Needs attention",
        "db.free_space",
        "the disk",
        "suspect, 1 bad",
        "<svg class=\"spark\"",
        "aria-current=\"page\"",
    ] {
        assert!(
            overview.contains(expected),
            "`{expected}` is missing: {overview}"
        );
    }
    assert!(overview.find("id=\"attention\"").unwrap() < overview.find("id=\"g-Server\"").unwrap());
    let odd = format!("/check/health.table:public.{}", super::html::segment(EVIL));
    for path in [
        "/",
        "/tables",
        "/events",
        "/evidence",
        "/check/db.free_space",
        "/check/db.free_space?range=year",
        &odd,
    ] {
        let page = server.page(path).await;
        assert!(!page.contains("<script>alert"), "{path}: {page}");
        assert!(
            page.contains("<html lang=\"en\">") && page.contains("<main id=\"main\""),
            "{path}"
        );
        // One heading of the first order, and no mark without a word.
        assert_eq!(page.matches("<h1").count(), 1, "{path}: {page}");
        assert!(
            page.matches("class=\"pill ").count() <= page.matches("aria-hidden=\"true\"").count(),
            "{path}"
        );
    }
    let detail = server.page("/check/db.free_space").await;
    assert!(
        detail.contains("make the disk larger") && detail.contains("<svg class=\"chart\""),
        "{detail}"
    );
    assert!(detail.contains("raised"), "its events: {detail}");
    for (path, status) in [
        ("/check/no.such", 404),
        ("/nowhere", 404),
        ("/check/db.free_space?range=ever", 400),
        ("/api/checks/no.such", 404),
    ] {
        assert_eq!(server.ask(path, "").await.0, status, "{path}");
    }
}

#[tokio::test]
async fn programs_get_the_same_as_json_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero());
    let server = start(options(folder.path())).await;
    let state = server.json("/api/state").await;
    assert_eq!(state["standing"], "critical");
    assert_eq!(state["in_alarm"], serde_json::json!(["db.free_space"]));
    assert_eq!(state["suspect"], serde_json::json!(["db.lock_waits"]));
    assert_eq!(state["problem"], Value::Null);
    assert_eq!(
        server.json("/api/checks/db.free_space").await,
        state["checks"]["db.free_space"]
    );
    let history = server
        .json("/api/checks/db.connection/history?range=week")
        .await;
    let looks: u64 = history
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["looks"].as_u64().unwrap())
        .sum();
    assert_eq!(looks, 41);
    assert_eq!(server.json("/api/events").await[0]["kind"], "raised");
    // What is described is there, and what is there is described.
    let described = server.json("/api/openapi.json").await;
    for path in described["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| *path != "/stream")
    {
        let (status, ..) = server.ask(&path.replace("{id}", "db.connection"), "").await;
        assert_eq!(status, 200, "{path}");
    }
    let known = &described["components"]["schemas"]["State"]["properties"];
    for key in state.as_object().unwrap().keys() {
        assert!(known.get(key).is_some(), "`{key}` is not described");
    }
    let metrics = server.page("/metrics").await;
    for line in [
        "nba_watch_up 1",
        "nba_watch_ticks_total 41",
        "nba_check_level{check=\"db.free_space\"} 5",
        "nba_check_suspect{check=\"db.lock_waits\"} 1",
        "nba_check_value{check=\"db.connection\"} 40",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "`{line}` is missing: {metrics}"
        );
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn a_watch_that_has_stopped_is_not_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(options(folder.path())).await;
    assert_eq!(
        server.ask("/healthz", "").await.0,
        503,
        "nothing was ever watched"
    );
    assert!(
        server
            .page("/")
            .await
            .contains("Nothing has been watched yet")
    );
    let mut monitor = watch(folder.path(), TimeDelta::hours(2));
    assert_eq!(server.ask("/healthz", "").await.0, 503);
    assert!(server.page("/").await.contains("nobody watches"));
    let state = server.json("/api/state").await;
    assert_eq!(state["standing"], "unknown");
    assert!(server.page("/metrics").await.contains("nba_watch_up 0"));
    monitor.tick(Utc::now(), Duration::from_secs(300), 1, looks(1));
    monitor.save().unwrap();
    assert_eq!(server.ask("/healthz", "").await.0, 200);
    // A damaged file is no empty one.
    std::fs::write(folder.path().join("state.json"), "{").unwrap();
    assert_eq!(server.ask("/healthz", "").await.0, 503);
    assert!(server.page("/").await.contains("is damaged"));
}

#[tokio::test]
async fn a_token_opens_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero());
    assert!(Token::new("short").is_none());
    let mut guarded = options(folder.path());
    guarded.token = Token::new("0123456789abcdef\n");
    let server = start(guarded).await;
    for path in [
        "/",
        "/api/state",
        "/metrics",
        "/stream",
        "/style.css",
        "/nowhere",
    ] {
        let (status, head, body) = server.ask(path, "").await;
        assert_eq!(status, 401, "{path}");
        assert!(head.contains("www-authenticate: basic"), "{head}");
        assert!(!body.contains("db."), "{body}");
    }
    assert_eq!(
        server.ask("/healthz", "").await.0,
        200,
        "says only whether looks are taken"
    );
    for (header, status) in [
        ("authorization: Bearer 0123456789abcdef\r\n", 200),
        ("authorization: Bearer 0123456789abcdeX\r\n", 401),
        ("authorization: Bearer \r\n", 401),
        // `me:0123456789abcdef`, and the same with another last letter.
        ("authorization: Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg==\r\n", 200),
        ("authorization: Basic bWU6MDEyMzQ1Njc4OWFiY2RlWA==\r\n", 401),
        ("authorization: Basic ???\r\n", 401),
    ] {
        assert_eq!(server.ask("/", header).await.0, status, "{header}");
    }
    let mut open = options(folder.path());
    open.address = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = serve(open, |_| {}).await;
    assert!(matches!(refused, Err(ServeError::Open(_))), "{refused:?}");
}

#[tokio::test]
async fn a_browser_is_told_to_trust_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero());
    let server = start(options(folder.path())).await;
    let (_, head, body) = server.ask("/", "").await;
    for expected in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(head.contains(expected), "{head}");
    }
    assert!(
        !body.contains("style=\"")
            && !body.contains("onclick")
            && !body.contains("http://")
            && !body.contains("https://"),
        "{body}"
    );
    // Another name that leads here is a trick.
    for (host, status) in [
        ("evil.example", 403),
        ("127.0.0.1:8321", 200),
        ("[::1]:8321", 200),
        ("localhost.evil.example", 403),
        ("10.0.0.1", 403),
    ] {
        assert_eq!(
            server.ask("/", &format!("host: {host}\r\n")).await.0,
            status,
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_new_look_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let mut monitor = watch(folder.path(), TimeDelta::zero());
    let server = start(options(folder.path())).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut headers = Vec::new();
    while let Some(line) = lines
        .next_line()
        .await
        .unwrap()
        .filter(|line| !line.is_empty())
    {
        headers.push(line);
    }
    assert!(
        headers
            .iter()
            .any(|line| line == "content-type: text/event-stream"),
        "{headers:?}"
    );
    monitor.tick(Utc::now(), Duration::from_secs(300), 1, looks(40));
    monitor.save().unwrap();
    let deadline = tokio::time::timeout(Duration::from_secs(60), async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "data: 42" || line == "data:42" {
                return true;
            }
        }
        false
    });
    assert!(deadline.await.unwrap());
}

#[tokio::test]
async fn a_hundred_viewers_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero());
    let server = Arc::new(start(options(folder.path())).await);
    let viewers = (0..100).map(|_| {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.page("/").await.len() })
    });
    for length in futures::future::join_all(viewers).await {
        assert!(length.unwrap() > 1_000);
    }
}

#[tokio::test]
async fn evidence_is_shown_and_an_error_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero());
    let mut shown = options(folder.path());
    shown.evidence = Arc::new(|| {
        Ok(vec![EvidenceRow {
            at: Utc::now(),
            subject: EVIL.to_owned(),
            verdict: "refuted".to_owned(),
            detail: "a row is missing".to_owned(),
            digest: "0123456789abcdef".to_owned(),
        }])
    });
    let page = start(shown).await.page("/evidence").await;
    assert!(
        page.contains("a row is missing")
            && page.contains("0123456789ab")
            && !page.contains("<script>alert"),
        "{page}"
    );
    let mut broken = options(folder.path());
    broken.evidence = Arc::new(|| Err("the ledger cannot be read".to_owned()));
    let page = start(broken).await.page("/evidence").await;
    assert!(
        page.contains("the ledger cannot be read") && !page.contains("No record yet"),
        "{page}"
    );
}
