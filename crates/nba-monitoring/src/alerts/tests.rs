use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nba_utils::Verdict;

use super::*;
use crate::checks::{Observation, Settings};
use crate::rules::Criticality;
use crate::watch::{Acknowledgement, Policy, State};

fn settings(text: &str) -> AlertSettings {
    Settings::parse("monitoring.toml".as_ref(), text)
        .unwrap()
        .alerts
}

fn start() -> DateTime<Utc> {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

/// A watch with a look every five minutes, and what it sends.
struct Story {
    state: State,
    settings: AlertSettings,
    now: DateTime<Utc>,
    severity: Criticality,
}

impl Story {
    fn new(settings: AlertSettings) -> Self {
        Self {
            state: State::new(start()),
            settings,
            now: start() - TimeDelta::minutes(5),
            severity: Criticality::Critical,
        }
    }

    /// Takes looks; every notice as `minute channel kind`.
    fn looks(&mut self, looks: &str) -> Vec<String> {
        let mut sent = Vec::new();
        for word in looks.chars() {
            self.now += TimeDelta::minutes(5);
            let verdict = match word {
                'g' => Verdict::Proven,
                'u' => Verdict::not_proven("timed out"),
                _ => Verdict::refuted(format!("{} rows are missing", self.state.ticks)),
            };
            let seen = Observation::new(
                "x",
                self.severity,
                verdict.clone(),
                None,
                verdict.to_string(),
            );
            let events = self.state.record(
                vec![seen],
                self.now,
                Duration::from_secs(300),
                Policy::default(),
            );
            let State {
                alerting, checks, ..
            } = &mut self.state;
            alerting.decide(&self.settings, "test", &events, checks, self.now);
            for outgoing in alerting.due(&self.settings, self.now) {
                let minute = (self.now - start()).num_minutes();
                sent.push(format!(
                    "{minute} {} {}",
                    outgoing.channel,
                    outgoing.notice.kind.as_str()
                ));
            }
        }
        sent
    }
}

const TWO: &str = "
[[alerts.channels]]
name = \"team\"
kind = \"command\"
command = [\"true\"]
[[alerts.channels]]
name = \"boss\"
kind = \"command\"
command = [\"true\"]
severity = \"critical\"
circle = 1
";

#[test]
fn an_alarm_is_announced_once_escalated_and_resolved_to_all_who_heard_of_it() {
    let mut story = Story::new(settings(TWO));
    assert_eq!(story.looks("gbb"), Vec::<String>::new());
    assert_eq!(story.looks("b"), ["15 team raised"]);
    // 30 minutes after the first bad look.
    assert_eq!(story.looks("bbbbbbbb"), ["35 boss escalated"]);
    assert_eq!(story.looks("gg"), ["65 team resolved", "65 boss resolved"]);
}

#[test]
fn a_warning_stays_with_the_team() {
    let mut story = Story::new(settings(TWO));
    story.severity = Criticality::Warning;
    assert_eq!(story.looks("gbbbbbbbbbbbbb"), ["15 team raised"]);
}

#[test]
fn a_check_that_cannot_run_is_an_alarm_too() {
    let mut story = Story::new(settings(TWO));
    assert_eq!(story.looks("guuu"), ["15 team raised"]);
    assert_eq!(story.looks("b"), ["20 team worse"]);
}

#[test]
fn flapping_is_announced_once_in_half_an_hour() {
    let mut story = Story::new(settings(TWO));
    assert_eq!(story.looks("gbbbggbbb").len(), 2, "raised and resolved");
    assert_eq!(story.state.alerting.deduplicated, 1);
    assert_eq!(story.looks("gg"), ["50 team resolved"]);
    // The message, which has a number in it, does not make it another alarm; an hour does.
    assert_eq!(story.looks("gggggggggbbb"), ["110 team raised"]);
}

#[test]
fn reminders_come_until_somebody_acknowledges() {
    let mut story = Story::new(settings(&format!(
        "[alerts]\nreminder_minutes = 20\nescalate_minutes = []\n{TWO}"
    )));
    assert_eq!(
        story.looks("gbbbbbbbbbbb"),
        ["15 team raised", "35 team reminder", "55 team reminder"]
    );
    story.state.checks.get_mut("x").unwrap().acknowledged = Some(Acknowledgement {
        by: "me".to_owned(),
        at: story.now,
        note: None,
    });
    assert_eq!(story.looks("bbbbbbbbbb"), Vec::<String>::new());
    assert_eq!(story.looks("gg"), ["115 team resolved"]);
}

#[test]
fn quiet_hours_hold_back_what_can_wait() {
    let quiet = format!("[alerts]\nquiet_hours = {{ from = \"11:00\", to = \"13:00\" }}\n{TWO}");
    let mut story = Story::new(settings(&quiet));
    story.severity = Criticality::Warning;
    assert_eq!(story.looks("gbbbbbbbbbbb"), Vec::<String>::new());
    assert_eq!(story.looks("b"), ["60 team raised"]);
    let mut story = Story::new(settings(&quiet));
    assert_eq!(
        story.looks("gbbb"),
        ["15 team raised"],
        "what is critical is not held back"
    );
}

#[test]
fn hours_over_midnight() {
    let text = "[alerts]\nquiet_hours = { from = \"22:00\", to = \"08:00\", utc_offset = -5 }";
    let hours = settings(text).quiet_hours.unwrap();
    let at = |text: &str| text.parse().unwrap();
    assert!(!hours.include(at("2026-01-10T02:59:00Z")));
    assert!(hours.include(at("2026-01-10T03:00:00Z")));
    assert!(hours.include(at("2026-01-10T12:59:00Z")));
    assert!(!hours.include(at("2026-01-10T13:00:00Z")));
}

#[test]
fn what_fails_is_tried_again_for_a_day() {
    let mut story = Story::new(settings(TWO));
    let State { alerting, .. } = &mut story.state;
    let outgoing = Outgoing {
        channel: "team".to_owned(),
        notice: Notice::test("test", start()),
        attempts: 0,
        due: start(),
        last_error: None,
    };
    assert_eq!(
        alerting.failed(outgoing, "refused".to_owned(), start()),
        None
    );
    let mut attempts = Vec::new();
    let mut given_up = None;
    for minute in 1..=2_000 {
        let now = start() + TimeDelta::minutes(minute);
        for outgoing in alerting.due(&story.settings, now) {
            attempts.push(minute);
            given_up = alerting.failed(outgoing, "refused".to_owned(), now);
        }
    }
    assert_eq!(attempts[..6], [1, 3, 7, 15, 31, 63]);
    assert!(given_up.unwrap().contains("given up"));
    assert!(alerting.outbox.is_empty());
}

#[test]
fn a_resolved_notice_outlives_a_channel_that_is_down() {
    let mut story = Story::new(settings(TWO));
    story.looks("gbbb");
    let mut sent = Vec::new();
    for (tick, word) in "gggg".chars().enumerate() {
        story.now += TimeDelta::minutes(5);
        let verdict = if word == 'g' {
            Verdict::Proven
        } else {
            Verdict::refuted("x")
        };
        let seen = Observation::new("x", Criticality::Critical, verdict, None, "x");
        let events = story.state.record(
            vec![seen],
            story.now,
            Duration::from_secs(300),
            Policy::default(),
        );
        let State {
            alerting, checks, ..
        } = &mut story.state;
        alerting.decide(&story.settings, "test", &events, checks, story.now);
        // As after a restart: what is kept is all there is.
        let kept = serde_json::to_string(alerting).unwrap();
        *alerting = serde_json::from_str(&kept).unwrap();
        for outgoing in alerting.due(&story.settings, story.now) {
            sent.push((tick, outgoing.notice.kind));
            if tick < 3 {
                alerting.failed(outgoing, "down".to_owned(), story.now);
            }
        }
    }
    assert_eq!(
        sent,
        [
            (1, NoticeKind::Resolved),
            (2, NoticeKind::Resolved),
            (3, NoticeKind::Resolved)
        ]
    );
}

#[test]
fn addresses_are_secrets() {
    let text = "[[alerts.channels]]\nname = \"chat\"\nkind = \"slack\"\nurl = \"https://me:pw@hooks.example/services/T0/B0/secret?key=1\"";
    let settings = settings(text);
    let shown = format!("{settings:?}");
    assert!(shown.contains("https://hooks.example/***"), "{shown}");
    for secret in ["secret", "pw", "key=1"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn settings_that_mean_nothing_are_refused_without_their_values() {
    for (text, expected) in [
        ("[alerts]\nescalate_minutes = [60, 30]", "must grow"),
        ("[alerts]\nreminder_minutes = 0", "not every moment"),
        (
            "[[alerts.channels]]\nname = \"a\"\nkind = \"command\"\ncommand = []",
            "names no program",
        ),
        (
            &format!("{TWO}{TWO}"),
            "two alert channels are called `team`",
        ),
        (
            "[alerts]\nquiet_hours = { from = \"late\", to = \"08:00\" }",
            "expected a time",
        ),
        (
            "[[alerts.channels]]\nname = \"a\"\nkind = \"pigeon\"\nurl = \"https://h/topsecret\"",
            "unknown variant",
        ),
        ("[limits]\nfree = 3", "unknown field"),
        (
            "[[off]]\ncheck = \"x\"\nreason = \" \"\nowner = \"me\"\nuntil = \"2026-01-01\"",
            "needs a reason",
        ),
    ] {
        let error = Settings::parse("monitoring.toml".as_ref(), text).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(expected), "{text}: {said}");
        assert!(!said.contains("topsecret"), "{said}");
    }
}

#[tokio::test]
async fn a_program_gets_the_notice_and_nothing_of_our_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("got");
    let script = format!("cat > {0}; env >> {0}", file.display());
    let channel = |command: &[&str]| Channel {
        name: "team".to_owned(),
        severity: Severity::default(),
        checks: Vec::new(),
        circle: 0,
        kind: Kind::Command {
            command: command.iter().map(|&word| word.to_owned()).collect(),
        },
    };
    let notice = Notice::test("postgres://me@db/nba", start());
    deliver(&channel(&["sh", "-c", &script]), &notice)
        .await
        .unwrap();
    let got = std::fs::read_to_string(&file).unwrap();
    let (json, environment) = got.split_at(got.find('}').unwrap() + 1);
    assert_eq!(serde_json::from_str::<Notice>(json).unwrap(), notice);
    assert!(
        environment.contains("PATH=/usr/local/bin:/usr/bin:/bin"),
        "{environment}"
    );
    assert!(!environment.contains("CARGO"), "{environment}");
    let error = deliver(
        &channel(&["sh", "-c", "echo password=hunter2 >&2; exit 3"]),
        &notice,
    )
    .await
    .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("exit status: 3") && !said.contains("hunter2"),
        "{said}"
    );
    let error = deliver(&channel(&["no-such-program"]), &notice)
        .await
        .unwrap_err();
    assert!(matches!(error, DeliveryError::Start { .. }), "{error:?}");
    // A program that reads nothing is no failure.
    deliver(&channel(&["true"]), &notice).await.unwrap();
}

#[cfg(feature = "webhook")]
mod web {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server for one request: answers with `status`, and gives what it got.
    async fn server(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/topsecret", listener.local_addr().unwrap());
        let got = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let mut part = [0; 4_096];
            loop {
                let read = stream.read(&mut part).await.unwrap();
                bytes.extend_from_slice(&part[..read]);
                if read == 0 || bytes.ends_with(b"}") {
                    break;
                }
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(bytes).unwrap()
        });
        (url, got)
    }

    fn hook(kind: Kind) -> Channel {
        Channel {
            name: "chat".to_owned(),
            severity: Severity::default(),
            checks: Vec::new(),
            circle: 0,
            kind,
        }
    }

    #[tokio::test]
    async fn a_web_hook_gets_json_by_post() {
        let (url, got) = server("200 OK").await;
        let notice = Notice::test("db", start());
        let url: SecretUrl = url.as_str().into();
        deliver(&hook(Kind::Slack { url }), &notice).await.unwrap();
        let got = got.await.unwrap();
        assert!(got.starts_with("POST /hooks/topsecret HTTP/1.1"), "{got}");
        let body: serde_json::Value =
            serde_json::from_str(got.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert!(
            body["text"]
                .as_str()
                .unwrap()
                .contains("[test] good monitor"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn teams_gets_a_card() {
        let (url, got) = server("202 Accepted").await;
        let notice = Notice::test("db", start());
        let url: SecretUrl = url.as_str().into();
        deliver(&hook(Kind::Teams { url }), &notice).await.unwrap();
        let got = got.await.unwrap();
        let body: serde_json::Value =
            serde_json::from_str(got.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let card = &body["attachments"][0];
        assert_eq!(
            card["contentType"],
            "application/vnd.microsoft.card.adaptive"
        );
        let first = &card["content"]["body"][0];
        assert!(
            first["text"]
                .as_str()
                .unwrap()
                .contains("[test] good monitor"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn an_error_names_the_host_and_not_the_address() {
        let (url, _got) = server("500 Oops").await;
        let notice = Notice::test("db", start());
        let closed = "http://127.0.0.1:9/hooks/topsecret";
        for (url, expected) in [
            (url.as_str(), "answered with 500"),
            (closed, "could not post to http://127.0.0.1:9/***"),
            ("no address/topsecret", "could not post"),
        ] {
            let url: SecretUrl = url.into();
            let error = deliver(&hook(Kind::Webhook { url }), &notice)
                .await
                .unwrap_err();
            let said = error.to_string();
            assert!(
                said.contains(expected) && !said.contains("topsecret"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_mail_channel_that_cannot_work_or_tells_everybody_is_refused() {
    let channel = |more: &str| {
        let text = format!(
            "[[alerts.channels]]\nname = \"mail\"\nkind = \"email\"\nfrom = \"nba@example.org\"\n{more}"
        );
        Settings::parse("monitoring.toml".as_ref(), &text)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let to = "to = [\"team@example.org\"]\n";
    assert_eq!(
        channel(&format!("server = \"smtp.example.org:587\"\n{to}")),
        Ok(())
    );
    for (more, why) in [
        (
            format!("server = \"smtp.example.org\"\n{to}"),
            "a name and a port",
        ),
        (
            "server = \"smtp.example.org:587\"\nto = []\n".to_owned(),
            "names nobody",
        ),
        (
            format!("server = \"smtp.example.org:25\"\nsecurity = \"none\"\n{to}"),
            "on this machine only",
        ),
        (
            format!("server = \"smtp.example.org:587\"\nuser = \"u\"\n{to}"),
            "belong together",
        ),
    ] {
        let said = channel(&more).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

/// A mail server that speaks just enough, and keeps what it was told.
#[cfg(feature = "email")]
mod mail {
    use super::*;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    /// Takes one message and gives everything that was said to it; refuses recipients if it is to.
    async fn serve(listener: TcpListener, refuse: bool) -> String {
        let (socket, _) = listener.accept().await.unwrap();
        let (reading, mut writing) = socket.into_split();
        let mut lines = BufReader::new(reading).lines();
        let mut said = String::new();
        let mut in_message = false;
        writing.write_all(b"220 test ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            said.push_str(&line);
            said.push('\n');
            let word = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_uppercase();
            let answer: &[u8] = match word.as_str() {
                _ if in_message && line != "." => continue,
                _ if in_message => {
                    in_message = false;
                    b"250 kept\r\n"
                }
                "EHLO" => b"250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
                "AUTH" => b"235 welcome\r\n",
                "RCPT" if refuse => b"550 nobody of that name\r\n",
                "DATA" => {
                    in_message = true;
                    b"354 go on\r\n"
                }
                "QUIT" => break,
                _ => b"250 fine\r\n",
            };
            if writing.write_all(answer).await.is_err() {
                break;
            }
        }
        said
    }

    fn notice() -> Notice {
        let mut notice = Notice::test("nba_simulator", start());
        notice.kind = NoticeKind::Raised;
        notice.check = "db.free_space".to_owned();
        notice.message = "3 % free\r\nBcc: eve@example.org".to_owned();
        notice.remedy = "make the disk larger".to_owned();
        notice
    }

    /// Sends the notice to a server of the test.
    async fn send(more: &str, refuse: bool) -> (Result<(), String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let text = format!(
            "[[alerts.channels]]\nname = \"mail\"\nkind = \"email\"\nserver = \"127.0.0.1:{port}\"\nfrom = \"Watch <nba@example.org>\"\n\
             to = [\"team@example.org\", \"duty@example.org\"]\n{more}"
        );
        let channels = settings(&text).channels;
        let serving = tokio::spawn(serve(listener, refuse));
        let outcome = deliver(&channels[0], &notice())
            .await
            .map_err(|error| error.to_string());
        (outcome, serving.await.unwrap())
    }

    #[tokio::test]
    async fn a_notice_is_mailed_to_everybody_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "word-of-nobody\n").unwrap();
        let more = format!(
            "security = \"none\"\nuser = \"watch\"\npassword_file = \"{}\"\n",
            file.display()
        );
        let (outcome, said) = send(&more, false).await;
        assert_eq!(outcome, Ok(()), "{said}");
        for wanted in [
            "MAIL FROM:<nba@example.org>",
            "RCPT TO:<team@example.org>",
            "RCPT TO:<duty@example.org>",
            "db.free_space",
            "make the disk larger",
            "AUTH PLAIN",
        ] {
            assert!(said.contains(wanted), "`{wanted}` is missing in {said}");
        }
        assert_eq!(said.matches("\nDATA\n").count(), 1, "{said}");
        // What a check says becomes no header of its own.
        let header = said.split("\nDATA\n").nth(1).unwrap();
        let header = header.split("\n\n").next().unwrap();
        assert!(
            !header.lines().any(|line| line.starts_with("Bcc:")),
            "{header}"
        );
    }

    #[tokio::test]
    async fn a_refusal_is_a_failure_that_is_kept_and_tried_again() {
        let (outcome, _) = send("security = \"none\"\n", true).await;
        let why = outcome.unwrap_err();
        assert!(
            why.contains("550") || why.contains("nobody of that name"),
            "{why}"
        );
        let mut alerting = Alerting::default();
        let outgoing = Outgoing {
            channel: "mail".to_owned(),
            notice: notice(),
            attempts: 0,
            due: start(),
            last_error: None,
        };
        assert_eq!(alerting.failed(outgoing, why, start()), None);
        assert_eq!(alerting.outbox.len(), 1, "it is kept");
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_server_without_the_security_that_was_asked_for() {
        let (outcome, said) = send("", false).await;
        assert!(outcome.is_err());
        assert!(!said.contains("MAIL FROM"), "{said}");
    }
}

#[cfg(feature = "sns")]
mod sns {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};

    use aws_lc_rs::{digest, hmac};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const KEY: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:nba";

    fn hex(bytes: &[u8]) -> String {
        let mut text = String::new();
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    fn sha256(bytes: &[u8]) -> String {
        hex(digest::digest(&digest::SHA256, bytes).as_ref())
    }

    fn keyed(key: &[u8], text: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    }

    /// What SNS does with a request: computes the signature anew from what arrived, with the secret it knows. Written from the
    /// description of Signature Version 4, not with the crate that signed.
    fn is_signed(head: &str, body: &str) -> bool {
        let mut lines = head.lines();
        let mut first = lines.next().unwrap().split(' ');
        let (method, path) = (first.next().unwrap(), first.next().unwrap());
        let headers: BTreeMap<String, &str> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim()))
            .collect();
        let authorization = headers["authorization"]
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .unwrap();
        let parts: BTreeMap<&str, &str> = authorization
            .split(", ")
            .map(|part| part.split_once('=').unwrap())
            .collect();
        let (key, scope) = parts["Credential"].split_once('/').unwrap();
        let names = parts["SignedHeaders"];
        for needed in ["host", "x-amz-date"] {
            assert!(names.split(';').any(|name| name == needed), "{names}");
        }
        let mut canonical = format!("{method}\n{path}\n\n");
        for name in names.split(';') {
            let _ = writeln!(canonical, "{name}:{}", headers[name]);
        }
        let _ = write!(canonical, "\n{names}\n{}", sha256(body.as_bytes()));
        let date = headers["x-amz-date"];
        assert_eq!(scope, format!("{}/eu-west-1/sns/aws4_request", &date[..8]));
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            sha256(canonical.as_bytes())
        );
        let mut signing = format!("AWS4{SECRET}").into_bytes();
        for part in scope.split('/') {
            signing = keyed(&signing, part);
        }
        key == KEY && parts["Signature"] == hex(&keyed(&signing, &text))
    }

    /// A server for one request, which it takes only when it is signed; what it got.
    async fn serve(listener: TcpListener) -> (String, String) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        let mut part = [0; 4_096];
        let (head, body) = loop {
            let read = stream.read(&mut part).await.unwrap();
            assert!(read > 0, "the request breaks off");
            bytes.extend_from_slice(&part[..read]);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let length = name.eq_ignore_ascii_case("content-length");
                length.then(|| value.trim().parse::<usize>().unwrap())
            });
            if Some(body.len()) == length {
                break (head.to_owned(), body.to_owned());
            }
        };
        let (status, said) = match is_signed(&head, &body) {
            true => ("200 OK", "<PublishResponse/>".to_owned()),
            // As a careless server would: with the secret in its answer.
            false => (
                "403 Forbidden",
                format!(
                    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>not signed with {SECRET}x</Message></Error></ErrorResponse>"
                ),
            ),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{said}",
            said.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        (head, body)
    }

    fn credentials(folder: &Path, secret: &str, token: &str) -> PathBuf {
        let file = folder.join("credentials");
        let text = format!(
            "[other]\naws_access_key_id = no\naws_secret_access_key = no\n\n[watch]\naws_access_key_id = {KEY}\naws_secret_access_key={secret}\n{token}\n[more]\naws_access_key_id = no\n"
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    fn channel(file: &Path, more: &str) -> Result<Channel, String> {
        let text = format!(
            "[[alerts.channels]]\nname = \"aws\"\nkind = \"sns\"\ntopic = \"{TOPIC}\"\nprofile = \"watch\"\ncredentials_file = \"{}\"\n{more}",
            file.display()
        );
        Settings::parse("monitoring.toml".as_ref(), &text)
            .map(|mut settings| settings.alerts.channels.remove(0))
            .map_err(|error| error.to_string())
    }

    fn notice() -> Notice {
        let mut notice = Notice::test("nba_simulator", start());
        notice.check = "db.free_space".to_owned();
        notice.message = "3 % frei\r\nfür heute & morgen = ü".to_owned();
        notice.remedy = "make the disk larger".to_owned();
        notice
    }

    async fn publish(secret: &str, token: &str) -> (Result<(), String>, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("endpoint = \"http://{}\"", listener.local_addr().unwrap());
        let served = tokio::spawn(serve(listener));
        let channel = channel(&credentials(folder.path(), secret, token), &endpoint).unwrap();
        let outcome = deliver(&channel, &notice()).await;
        let (head, body) = served.await.unwrap();
        (outcome.map_err(|error| error.to_string()), head, body)
    }

    #[tokio::test]
    async fn a_notice_is_published_with_a_signature_that_holds() {
        let (outcome, head, body) = publish(SECRET, "").await;
        assert_eq!(outcome, Ok(()));
        assert!(head.starts_with("POST / HTTP/1.1"), "{head}");
        assert!(!head.contains(SECRET) && !body.contains(SECRET));
        let fields: BTreeMap<&str, &str> = body
            .split('&')
            .map(|field| field.split_once('=').unwrap())
            .collect();
        assert_eq!(fields["Action"], "Publish");
        assert_eq!(
            fields["TopicArn"],
            "arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Anba"
        );
        assert!(fields["Subject"].contains("db.free_space"), "{body}");
        assert!(
            !fields["Subject"].contains("%0") && fields["Subject"].len() < 300,
            "{body}"
        );
        assert!(
            fields["Message"].contains("make%20the%20disk%20larger"),
            "{body}"
        );
        assert!(fields["Message"].contains("f%C3%BCr"), "{body}");
        // Keys for a time come with a token, which is sent and signed.
        let (outcome, head, _) = publish(SECRET, "aws_session_token = word").await;
        assert_eq!(outcome, Ok(()));
        assert!(head.contains("x-amz-security-token: word"), "{head}");
    }

    #[tokio::test]
    async fn another_secret_is_refused_and_no_secret_is_in_the_error() {
        let wrong = format!("{SECRET}x");
        let (outcome, ..) = publish(&wrong, "").await;
        let said = outcome.unwrap_err();
        assert!(
            said.contains("403: SignatureDoesNotMatch: not signed with ***"),
            "{said}"
        );
        assert!(!said.contains(SECRET), "{said}");
    }

    #[tokio::test]
    async fn what_cannot_work_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let none = folder.path().join("none");
        let error = deliver(&channel(&none, "").unwrap(), &notice()).await;
        assert!(error.unwrap_err().to_string().contains("could not read"));
        std::fs::write(&none, "[default]\naws_access_key_id = a\n").unwrap();
        let error = deliver(&channel(&none, "").unwrap(), &notice()).await;
        assert!(error.unwrap_err().to_string().contains("under `[watch]`"));
        let text = "[[alerts.channels]]\nname = \"aws\"\nkind = \"sns\"\ntopic = \"nba\"\ncredentials_file = \"x\"";
        let error = Settings::parse("monitoring.toml".as_ref(), text).unwrap_err();
        assert!(error.to_string().contains("the whole name"), "{error}");
        let Kind::Sns(sns) = channel(&none, "").unwrap().kind else {
            panic!("another kind");
        };
        assert_eq!(sns.address(), "https://sns.eu-west-1.amazonaws.com/");
    }
}
