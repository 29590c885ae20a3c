use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use nba_utils::Verdict;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::report::Chapter;
use super::*;
use crate::checks::Observation;
use crate::rules::Criticality;
use crate::watch::{Monitor, Policy};

const EVIL: &str = "<script>alert('x')</script> & \"more\"";

/// A watch of some hours: one check in alarm, one suspect, one with text that wants to be markup.
async fn watch(folder: &Path, age: TimeDelta) -> Monitor {
    let start = Utc::now() - age - TimeDelta::minutes(5) * 40;
    let mut monitor = Monitor::open(folder, start, Policy::default()).unwrap();
    for tick in 0..=40_i32 {
        let now = start + TimeDelta::minutes(5) * tick;
        let tick = monitor.tick(now, Duration::from_secs(300), 42, looks(tick));
        tick.await;
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
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
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
    // What was not counted is not known.
    let cost = overview.find("id=\"cost\"").unwrap();
    assert!(
        overview[cost..].contains("<dt>database time</dt><dd>not known</dd>"),
        "{overview}"
    );
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
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
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
    let mut monitor = watch(folder.path(), TimeDelta::hours(2)).await;
    assert_eq!(server.ask("/healthz", "").await.0, 503);
    assert!(server.page("/").await.contains("nobody watches"));
    let state = server.json("/api/state").await;
    assert_eq!(state["standing"], "unknown");
    assert!(server.page("/metrics").await.contains("nba_watch_up 0"));
    let tick = monitor.tick(Utc::now(), Duration::from_secs(300), 1, looks(1));
    tick.await;
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
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
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
async fn a_proxy_is_believed_and_who_only_says_to_be_one_is_not() {
    const SECRET: &str = "x-nba-proxy-secret: 0123456789abcdef\r\n";
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
    let secret = || Token::new("0123456789abcdef").unwrap();
    let proxy = || Proxy::new("X-Forwarded-User", secret()).unwrap();
    let behind = |proxy| {
        let mut options = options(folder.path());
        options.proxy = Some(proxy);
        options
    };
    let ann = "x-forwarded-user: ann\r\n";
    let wrong = "x-nba-proxy-secret: 0123456789abcdeX\r\n";
    let name = "host: nba.example\r\n";
    let long = format!("x-forwarded-user: {}\r\n", "a".repeat(300));
    let server = start(behind(proxy())).await;
    for (headers, status) in [
        (format!("{name}{ann}{SECRET}"), 200),
        (String::new(), 401),
        // A client that comes past the proxy, and one that adds its own beside the proxy's.
        (ann.to_owned(), 401),
        (format!("{ann}{wrong}"), 401),
        (format!("{ann}{wrong}{SECRET}"), 401),
        (format!("{ann}x-forwarded-user: eve\r\n{SECRET}"), 401),
        // The proxy itself, for nobody.
        (SECRET.to_owned(), 401),
        (format!("x-forwarded-user: \r\n{SECRET}"), 401),
        (format!("{long}{SECRET}"), 401),
        (format!("x-auth-request-user: ann\r\n{SECRET}"), 401),
        ("authorization: Bearer 0123456789abcdef\r\n".to_owned(), 401),
    ] {
        for path in ["/", "/api/state", "/metrics"] {
            let (found, _, body) = server.ask(path, &headers).await;
            assert_eq!(found, status, "{path} {headers}");
            assert!(found == 200 || !body.contains("db."), "{body}");
        }
    }
    // From elsewhere, even who knows the secret is nobody.
    let elsewhere = proxy().only_from(&["192.0.2.1".parse().unwrap()]).unwrap();
    let server = start(behind(elsewhere)).await;
    let both = format!("{ann}{SECRET}");
    assert_eq!(server.ask("/", &both).await.0, 401);
    assert_eq!(server.ask("/healthz", "").await.0, 200);
    let here = ["::ffff:127.0.0.1".parse().unwrap()];
    let known = proxy().only_from(&here).unwrap();
    let known = known.only_users(vec!["ann".to_owned()]).unwrap();
    // Beside it a token, for programs.
    let mut options = behind(known);
    options.token = Token::new("fedcba9876543210");
    let server = start(options).await;
    let eve = format!("x-forwarded-user: eve\r\n{SECRET}");
    assert_eq!(server.ask("/", &both).await.0, 200);
    assert_eq!(server.ask("/", &eve).await.0, 401);
    let bearer = "authorization: Bearer fedcba9876543210\r\n";
    assert_eq!(server.ask("/metrics", bearer).await.0, 200);

    for header in ["", "a b", "Authorization", "host", "X-Nba-Proxy-Secret"] {
        let refused = Proxy::new(header, secret());
        assert!(matches!(refused, Err(ServeError::Proxy(_))), "{header}");
    }
    assert!(proxy().only_users(vec![" ".to_owned()]).is_err());
    for peer in ["0.0.0.0", "::", "224.0.0.1"] {
        let refused = proxy().only_from(&[peer.parse().unwrap()]);
        assert!(refused.is_err(), "{peer}");
    }
    assert!(!format!("{:?}", proxy()).contains("0123456789abcdef"));
}

#[tokio::test]
async fn a_browser_is_told_to_trust_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
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
    let mut monitor = watch(folder.path(), TimeDelta::zero()).await;
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
    let tick = monitor.tick(Utc::now(), Duration::from_secs(300), 1, looks(40));
    tick.await;
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
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
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
    let _monitor = watch(folder.path(), TimeDelta::zero()).await;
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
    shown.chapters = Arc::new(|| {
        Ok(vec![Chapter {
            title: "Dual runs".to_owned(),
            summary: "phase 2: 3 of 7 gates pass".to_owned(),
            records: vec![EvidenceRow {
                at: Utc::now(),
                subject: "etl.espn.pbp".to_owned(),
                verdict: "proven".to_owned(),
                detail: EVIL.to_owned(),
                digest: String::new(),
            }],
        }])
    });
    let page = start(shown).await.page("/evidence").await;
    for expected in ["3 of 7 gates pass", "etl.espn.pbp", "All records"] {
        assert!(page.contains(expected), "`{expected}`: {page}");
    }
    assert!(
        page.contains("a row is missing")
            && page.contains("0123456789ab")
            && !page.contains("<script>alert"),
        "{page}"
    );
    let mut broken = options(folder.path());
    broken.evidence = Arc::new(|| Err("the ledger cannot be read".to_owned()));
    broken.chapters = Arc::new(|| Err("the runs cannot be read".to_owned()));
    let page = start(broken).await.page("/evidence").await;
    assert!(
        page.contains("the ledger cannot be read")
            && page.contains("the runs cannot be read")
            && !page.contains("No record yet"),
        "{page}"
    );
}

mod description {
    //! `/api/openapi.json` holds what the server does, and the server does what it holds.

    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    /// Addresses that are for people, and what pages are made of.
    const PAGES: [&str; 9] = [
        "/",
        "/check/{id}",
        "/tables",
        "/events",
        "/evidence",
        "/style.css",
        "/live.js",
        "/icon.svg",
        "/api/openapi.json",
    ];

    /// Where a value is not as the schema says. It knows the words that the description uses, and refuses any other.
    fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (word, wanted) in schema.as_object().unwrap() {
            match word.as_str() {
                "$ref" => {
                    let name = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                    match document.pointer(name) {
                        Some(schema) => found.extend(faults(document, schema, value, at)),
                        None => found.push(format!("{at}: `{name}` is not described")),
                    }
                }
                "type" => {
                    let kind = match value {
                        Value::Null => "null",
                        Value::Bool(_) => "boolean",
                        Value::Number(number) if number.is_f64() => "number",
                        Value::Number(_) => "integer",
                        Value::String(_) => "string",
                        Value::Array(_) => "array",
                        Value::Object(_) => "object",
                    };
                    let one = |wanted: &Value| {
                        wanted == kind || (kind == "integer" && wanted == "number")
                    };
                    let fits = match wanted {
                        Value::Array(several) => several.iter().any(one),
                        one_of => one(one_of),
                    };
                    if !fits {
                        found.push(format!("{at}: {kind} is not {wanted}"));
                    }
                }
                "enum" => {
                    if !wanted.as_array().unwrap().contains(value) {
                        found.push(format!("{at}: {value} is none of {wanted}"));
                    }
                }
                "format" => {
                    assert_eq!(wanted, "date-time");
                    let text = value.as_str().unwrap_or_default();
                    if text.parse::<chrono::DateTime<Utc>>().is_err() {
                        found.push(format!("{at}: {value} is no time"));
                    }
                }
                "required" => {
                    for key in wanted.as_array().unwrap() {
                        if value.is_object() && value.get(key.as_str().unwrap()).is_none() {
                            found.push(format!("{at}: {key} is missing"));
                        }
                    }
                }
                "properties" | "additionalProperties" => {
                    let known = &schema["properties"];
                    for (key, value) in value.as_object().into_iter().flatten() {
                        let at = format!("{at}.{key}");
                        match (word.as_str(), known.get(key)) {
                            ("properties", Some(schema)) => {
                                found.extend(faults(document, schema, value, &at));
                            }
                            // What is there is described, or permitted by name.
                            ("properties", None) if schema["additionalProperties"].is_null() => {
                                found.push(format!("{at} is not described"));
                            }
                            ("additionalProperties", None) if wanted.is_object() => {
                                found.extend(faults(document, wanted, value, &at));
                            }
                            _ => {}
                        }
                    }
                }
                "items" => {
                    for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                        found.extend(faults(document, wanted, value, &format!("{at}[{number}]")));
                    }
                }
                "default" | "description" => {}
                other => panic!("{at}: the test does not know `{other}`"),
            }
        }
        found
    }

    #[test]
    fn every_address_is_described_and_every_description_has_an_address() {
        let source = include_str!("router.rs");
        let routes = regex::Regex::new(r#"\.route\(\s*"([^"]+)""#).unwrap();
        let routes: BTreeSet<&str> = routes
            .captures_iter(source)
            .map(|found| found.get(1).unwrap().as_str())
            .collect();
        let document = super::super::api::openapi();
        let described: BTreeSet<&str> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let pages = BTreeSet::from(PAGES);
        assert!(routes.is_superset(&pages), "{routes:?}");
        assert_eq!(
            routes.difference(&pages).copied().collect::<BTreeSet<_>>(),
            described
        );
    }

    #[test]
    fn it_is_a_description_of_openapi_3_1() {
        let document = super::super::api::openapi();
        assert_eq!(document["openapi"], "3.1.0");
        assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for name in schemas.keys() {
            assert!(
                text.contains(&format!("#/components/schemas/{name}\"")),
                "nothing uses `{name}`"
            );
        }
        for scheme in document["security"].as_array().unwrap() {
            for name in scheme.as_object().unwrap().keys() {
                assert!(
                    document["components"]["securitySchemes"]
                        .get(name)
                        .is_some()
                );
            }
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            let operations = item.as_object().unwrap();
            assert_eq!(
                operations.keys().collect::<Vec<_>>(),
                ["get"],
                "{path}: nothing is changed"
            );
            let operation = &operations["get"];
            assert!(operation["summary"].is_string(), "{path}");
            let mut given: BTreeSet<String> = BTreeSet::new();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"].is_object(), "{path}: {parameter}");
                if parameter["in"] == "path" {
                    assert_eq!(parameter["required"], true, "{path}: {parameter}");
                    given.insert(format!("{{{}}}", parameter["name"].as_str().unwrap()));
                } else {
                    assert_eq!(parameter["in"], "query", "{path}: {parameter}");
                }
            }
            let named = path.split('/').filter(|part| part.starts_with('{'));
            assert_eq!(given, named.map(str::to_owned).collect(), "{path}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                assert!(
                    status
                        .parse::<u16>()
                        .is_ok_and(|status| (200..600).contains(&status))
                );
                assert!(response["description"].is_string(), "{path} {status}");
            }
        }
    }

    #[tokio::test]
    async fn every_answer_is_as_it_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let mut monitor = watch(folder.path(), TimeDelta::zero()).await;
        let server = start(options(folder.path())).await;
        let document = server.json("/api/openapi.json").await;
        let mut asked = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            // A stream does not end.
            if path == "/stream" {
                continue;
            }
            for (status, response) in item["get"]["responses"].as_object().unwrap() {
                let known = path.replace("{id}", "db.connection");
                let asked_for = match status.as_str() {
                    "200" => known,
                    "404" => path.replace("{id}", "no.such"),
                    "400" => format!("{known}?range=ever"),
                    // Asked elsewhere: without the token, and without a watch.
                    _ => continue,
                };
                let (found, headers, body) = server.ask(&asked_for, "").await;
                assert_eq!(found.to_string(), *status, "{asked_for}");
                asked += 1;
                for (kind, content) in response["content"].as_object().into_iter().flatten() {
                    assert!(
                        headers
                            .to_lowercase()
                            .contains(&format!("content-type: {kind}")),
                        "{asked_for}: {headers}"
                    );
                    if kind == "application/json" {
                        let value: Value = serde_json::from_str(&body).unwrap();
                        let found = faults(&document, &content["schema"], &value, "");
                        assert_eq!(found, Vec::<String>::new(), "{asked_for}: {value}");
                    }
                }
            }
        }
        assert!(asked >= 9, "{asked}");
        // Before anything was watched, and with everything a state can hold.
        let schema = json!({ "$ref": "#/components/schemas/State" });
        let empty = tempfile::tempdir().unwrap();
        let nothing = start(options(empty.path())).await.json("/api/state").await;
        assert_eq!(
            faults(&document, &schema, &nothing, ""),
            Vec::<String>::new()
        );
        let check = monitor.state.checks.get_mut("db.free_space").unwrap();
        check.acknowledged = Some(crate::watch::Acknowledgement {
            by: "ann".to_owned(),
            at: Utc::now(),
            note: Some("is looked at".to_owned()),
        });
        check.maintenance = Some("load".to_owned());
        monitor.save().unwrap();
        let server = start(options(folder.path())).await;
        let state = server.json("/api/state").await;
        assert_eq!(faults(&document, &schema, &state, ""), Vec::<String>::new());
        // And the validator is not blind.
        for (pointer, wrong) in [
            ("/standing", json!("fine")),
            ("/version", json!("1")),
            ("/in_alarm", json!([1])),
            ("/checks/db.free_space/level", json!("good enough")),
            ("/checks/db.free_space/since", json!("yesterday")),
            ("/checks/db.free_space/last", json!({})),
        ] {
            let mut damaged = state.clone();
            *damaged.pointer_mut(pointer).unwrap() = wrong;
            assert!(
                !faults(&document, &schema, &damaged, "").is_empty(),
                "{pointer}"
            );
        }
        let mut more = state;
        more["surprise"] = json!(1);
        assert_eq!(
            faults(&document, &schema, &more, ""),
            [".surprise is not described"]
        );
    }
}

#[tokio::test]
async fn what_watching_costs_is_shown_to_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let mut monitor = watch(folder.path(), TimeDelta::zero()).await;
    let server = start(options(folder.path())).await;
    let metrics = server.page("/metrics").await;
    assert!(metrics.contains("\nnba_watch_history_bytes "), "{metrics}");
    for absent in ["nba_watch_db_milliseconds ", "nba_watch_table_pages "] {
        assert!(
            !metrics.contains(&format!("\n{absent}")),
            "never 0: {metrics}"
        );
    }
    assert_eq!(
        server.json("/api/state").await["cost"]["pages"],
        Value::Null
    );
    let cost = &mut monitor.state.cost;
    cost.db_ms = Some(12.5);
    cost.hour_db_ms = Some(150.0);
    cost.statements = Some(61);
    cost.pages = Some(0);
    cost.baseline_ms = Some(1_234);
    cost.dearest = vec![("db.autovacuum".to_owned(), 2.5)];
    cost.put_off = vec!["freshness.sources".to_owned()];
    monitor.save().unwrap();
    let overview = server.page("/").await;
    for expected in [
        "<dt>database time</dt><dd>12.5 ms</dd>",
        "<dt>in the last hour</dt><dd>150.0 ms</dd>",
        "<dt>statements</dt><dd>61</dd>",
        "<dt>pages of tables</dt><dd>0</dd>",
        "<dt>with the baseline</dt><dd>1,234 ms</dd>",
        "The dearest checks: db.autovacuum 2.5 ms.",
        "Over budget, not asked: freshness.sources",
    ] {
        assert!(overview.contains(expected), "`{expected}`: {overview}");
    }
    let metrics = server.page("/metrics").await;
    for expected in [
        "nba_watch_db_milliseconds 12.5",
        "nba_watch_statements 61",
        "nba_watch_table_pages 0",
        "nba_watch_put_off_checks 1",
    ] {
        assert!(metrics.contains(&format!("\n{expected}\n")), "{metrics}");
    }
    let state = server.json("/api/state").await;
    assert_eq!(state["cost"]["put_off"][0], "freshness.sources");
    let described = server.json("/api/openapi.json").await;
    let known = &described["components"]["schemas"]["Cost"]["properties"];
    for name in state["cost"].as_object().unwrap().keys() {
        assert!(known[name].is_object(), "`{name}` is not described");
    }
}
