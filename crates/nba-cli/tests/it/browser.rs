//! `nba serve` in a real browser: Chromium without a window, driven over its debugging pipe.

use crate::program::wait_for;
use crate::world::World;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longest wait for an answer; a loaded machine takes long to start a browser.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
struct Browser {
    child: Child,
    requests: File,
    answers: Receiver<Value>,
    session: String,
    number: u64,
    /// What the page wrote to its console, and errors of its own.
    complaints: Vec<String>,
}

impl Browser {
    /// Starts it.
    fn start(program: &str, folder: &Path) -> Self {
        let (requests, answers) = (folder.join("requests"), folder.join("answers"));
        let pipes = Command::new("mkfifo")
            .args([&requests, &answers])
            .status()
            .unwrap();
        assert!(pipes.success());
        // Opened for both directions, so that neither side waits for the other to open it.
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
            --remote-debugging-pipe --user-data-dir=\"$1/profile\" about:blank 3<>\"$1/requests\" 4<>\"$1/answers\"";
        let child = Command::new("bash")
            .args(["-c", script, program])
            .arg(folder)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let open = |path: &Path| File::options().read(true).write(true).open(path).unwrap();
        let (sender, receiver) = channel();
        let reading = open(&answers);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(reading);
            let mut text = Vec::new();
            while reader.read_until(0, &mut text).is_ok_and(|read| read > 0) {
                text.pop();
                let answer = serde_json::from_slice(&text).unwrap_or(Value::Null);
                if sender.send(answer).is_err() {
                    break;
                }
                text.clear();
            }
        });
        let mut browser = Self {
            child,
            requests: open(&requests),
            answers: receiver,
            session: String::new(),
            number: 0,
            complaints: Vec::new(),
        };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Sends a request and waits for its answer.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "every caller makes it for this one call"
    )]
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut request = json!({ "id": self.number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = self.session.as_str().into();
        }
        let mut bytes = request.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            let answer = self
                .answers
                .recv_timeout(rest)
                .unwrap_or_else(|_| panic!("the browser does not answer {method}"));
            let method_seen = answer["method"].as_str().unwrap_or_default();
            if [
                "Runtime.consoleAPICalled",
                "Runtime.exceptionThrown",
                "Log.entryAdded",
            ]
            .contains(&method_seen)
            {
                self.complaints.push(answer["params"].to_string());
            }
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn evaluate(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", parameters);
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({ "url": url }));
        let until = Instant::now() + PATIENCE;
        while self.evaluate("location.href !== 'about:blank' && document.readyState === 'complete'")
            != true
        {
            assert!(Instant::now() < until, "{url} does not load");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn size(&mut self, width: u32, height: u32) {
        let parameters = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", parameters);
    }

    fn colours(&mut self, scheme: &str) -> Value {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": feature }));
        self.evaluate("getComputedStyle(document.body).backgroundColor")
    }

    fn key(&mut self, key: &str, code: u32, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut parameters =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                parameters["text"] = text.into();
            }
            self.ask("Input.dispatchKeyEvent", parameters);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where Debian, Chrome's own package and others put it.
fn browser() -> Option<&'static str> {
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
}

pub(crate) fn the_page_works_in_a_browser(world: &World) {
    let Some(program) = browser() else {
        println!("skipped: no Chromium on this machine (Debian's package is called `chromium`)");
        return;
    };
    let place = world.project("browser");
    let port = crate::watch::free_port();
    let listen = format!("127.0.0.1:{port}");
    let server = place.spawn(&["serve", "--listen", &listen, "--interval", "1"]);
    let state = place.project.join(".nba/monitor/state.json");
    wait_for("look", PATIENCE, || state.exists().then_some(()));
    let folder = tempfile::Builder::new()
        .prefix("nba-web-")
        .tempdir()
        .unwrap();
    let mut browser = Browser::start(program, folder.path());
    let url = format!("http://{listen}");
    browser.size(1_280, 900);
    browser.open(&format!("{url}/"));
    let text = browser.evaluate("document.body.innerText").to_string();
    for wanted in ["nba_simulator", "db.connection", "last look", "Evidence"] {
        assert!(text.contains(wanted), "`{wanted}` is missing: {text}");
    }
    assert_eq!(browser.evaluate("document.documentElement.lang"), "en");
    // Dark is dark, and light is light.
    let (light, dark) = (browser.colours("light"), browser.colours("dark"));
    assert_ne!(light, dark);
    // With the keyboard alone: every stop is seen, and one leads to the tables.
    let mut stops = Vec::new();
    for _ in 0..12 {
        browser.key("Tab", 9, "");
        let stop = browser.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e); return [e.innerText.trim(), s.outlineStyle !== 'none' || s.boxShadow !== 'none']; })()",
        );
        assert_eq!(stop[1], true, "nobody sees where the keyboard is: {stop}");
        stops.push(stop[0].as_str().unwrap_or_default().to_owned());
        if stops.last().is_some_and(|stop| stop == "Tables") {
            break;
        }
    }
    assert_eq!(
        stops.last().map(String::as_str),
        Some("Tables"),
        "{stops:?}"
    );
    browser.key("Enter", 13, "\r");
    let until = Instant::now() + PATIENCE;
    while browser.evaluate("location.pathname") != "/tables" {
        assert!(Instant::now() < until, "Enter leads nowhere");
        std::thread::sleep(Duration::from_millis(50));
    }
    // On a phone nothing has to be pushed sideways.
    browser.size(375, 800);
    for page in [
        "/",
        "/tables",
        "/events",
        "/evidence",
        "/check/db.connection",
    ] {
        browser.open(&format!("{url}{page}"));
        let wide = browser.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assert_eq!(wide, 0, "{page} is wider than a phone");
        let unnamed = browser.evaluate("[...document.querySelectorAll('svg:not([aria-hidden=true]):not([aria-label]):not([aria-labelledby])')].filter(s => !s.querySelector('title')).length");
        assert_eq!(unnamed, 0, "{page} has a picture that is not described");
    }
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    let described = browser.evaluate(
        "(() => { const r = new XMLHttpRequest(); r.open('GET', '/api/openapi.json', false); r.send(); return JSON.parse(r.responseText); })()",
    );
    assert!(
        described["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3."))
    );
    // Every address it describes without a name in it answers.
    for path in described["paths"].as_object().unwrap().keys() {
        if path.contains('{') || path.contains("stream") {
            continue;
        }
        let status = browser.evaluate(&format!(
            "(() => {{ const r = new XMLHttpRequest(); r.open('GET', '{path}', false); r.send(); return r.status; }})()"
        ));
        assert_eq!(status, 200, "{path}");
    }
    // The week as one file: as wide as a phone, everything in it described, and nothing asked of anybody.
    place.nba(&["report", "weekly", "--html", "week.html"]);
    let week = place.project.join("week.html");
    browser.open(&format!("file://{}", week.display()));
    let seen = browser.evaluate(
        "[document.querySelector('h1').innerText, document.querySelectorAll('tbody tr').length > 10, document.documentElement.scrollWidth - document.documentElement.clientWidth, \
          performance.getEntriesByType('resource').length, [...document.querySelectorAll('svg')].filter(s => !s.querySelector('title')).length]",
    );
    assert_eq!(seen, json!(["nba_simulator", true, 0, 0, 0]));
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    drop(browser);
    server.signal("TERM");
    server.ends_within(Duration::from_secs(20)).exits(2);
}
