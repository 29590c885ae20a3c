//! Handing a notice over.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::decide::Notice;
use super::settings::{Channel, Email, Kind, SecretUrl, Sns};

/// Longest time a channel may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Where a program without a folder is looked for; the caller's own environment stays with him.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Bytes of a program's error output that are kept.
const KEPT_ERROR: usize = 400;

/// A notice was not delivered. No text names an address: who knows it can post.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The program could not be started, or its input not be written.
    #[error("could not run `{program}`")]
    Start {
        /// The program.
        program: String,
        /// The system's error.
        source: io::Error,
    },
    /// The program did not end with 0.
    #[error("`{program}` ended with {status}: {said}")]
    Status {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// The end of its error output.
        said: String,
    },
    /// It took too long.
    #[error("`{what}` took longer than 30 s")]
    Late {
        /// Program or host.
        what: String,
    },
    /// The address could not be called.
    #[error("could not post to {url}: {why}")]
    Post {
        /// Scheme and host.
        url: SecretUrl,
        /// What failed.
        why: String,
    },
    /// It answered with an error.
    #[error("{url} answered with {status}")]
    Answer {
        /// Scheme and host.
        url: SecretUrl,
        /// The HTTP status.
        status: u16,
    },
    /// The notice has no JSON form.
    #[error("the notice cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The mail server did not take it.
    #[error("could not send mail through {server}: {why}")]
    Mail {
        /// Name and port.
        server: String,
        /// What failed; never a password.
        why: String,
    },
    /// SNS did not take it.
    #[error("could not publish to `{topic}`: {why}")]
    Sns {
        /// The topic.
        topic: String,
        /// What failed; never a key.
        why: String,
    },
    /// This program was built without it.
    #[error("this program was built without the feature `{0}`")]
    NotBuilt(&'static str),
}

/// Hands a notice to a channel.
///
/// # Errors
///
/// [`DeliveryError`]; the caller keeps the notice and tries again.
///
/// # Cancellation
///
/// Dropping the future ends the program it started.
pub async fn deliver(channel: &Channel, notice: &Notice) -> Result<(), DeliveryError> {
    match &channel.kind {
        Kind::Command { command } => run(command, &serde_json::to_vec(notice)?).await,
        Kind::Webhook { url } => post(url, serde_json::to_vec(notice)?).await,
        Kind::Slack { url } => {
            let text = serde_json::json!({ "text": message(notice) });
            post(url, serde_json::to_vec(&text)?).await
        }
        Kind::Discord { url } => {
            // Longer ones are refused.
            let content: String = message(notice).chars().take(1_900).collect();
            let text = serde_json::json!({ "content": content });
            post(url, serde_json::to_vec(&text)?).await
        }
        Kind::Teams { url } => post(url, serde_json::to_vec(&card(notice))?).await,
        Kind::Email(email) => mail(email, notice).await,
        Kind::Sns(sns) => publish(sns, notice).await,
    }
}

/// An adaptive card: the older message cards of Teams were switched off.
fn card(notice: &Notice) -> serde_json::Value {
    let block = |text: String, weight: &str| serde_json::json!({ "type": "TextBlock", "text": text, "weight": weight, "wrap": true });
    let (headline, rest) = (notice.headline(), message(notice));
    let rest = rest
        .strip_prefix(&headline)
        .unwrap_or(&rest)
        .trim()
        .to_owned();
    serde_json::json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [block(headline, "bolder"), block(rest, "default")],
            },
        }],
    })
}

#[cfg(feature = "email")]
async fn mail(email: &Email, notice: &Notice) -> Result<(), DeliveryError> {
    let sent = super::email::send(email, notice, message(notice));
    match tokio::time::timeout(LIMIT, sent).await {
        Ok(outcome) => outcome,
        Err(_) => Err(DeliveryError::Late {
            what: email.server.clone(),
        }),
    }
}

#[cfg(not(feature = "email"))]
#[allow(
    clippy::unused_async,
    reason = "one signature with and without the feature"
)]
async fn mail(_: &Email, _: &Notice) -> Result<(), DeliveryError> {
    Err(DeliveryError::NotBuilt("email"))
}

#[cfg(feature = "sns")]
async fn publish(sns: &Sns, notice: &Notice) -> Result<(), DeliveryError> {
    let text = message(notice);
    let published = super::sns::publish(sns, notice, &text);
    match tokio::time::timeout(LIMIT, published).await {
        Ok(outcome) => outcome,
        Err(_) => Err(DeliveryError::Late {
            what: sns.topic.clone(),
        }),
    }
}

#[cfg(not(feature = "sns"))]
#[allow(
    clippy::unused_async,
    reason = "one signature with and without the feature"
)]
async fn publish(_: &Sns, _: &Notice) -> Result<(), DeliveryError> {
    Err(DeliveryError::NotBuilt("sns"))
}

/// Tells the service outside that the watch goes on.
///
/// # Errors
///
/// As [`deliver`].
pub async fn send_heartbeat(url: &SecretUrl, standing: &str) -> Result<(), DeliveryError> {
    let text = serde_json::json!({ "standing": standing });
    post(url, serde_json::to_vec(&text)?).await
}

fn message(notice: &Notice) -> String {
    let mut text = format!(
        "{}\n{} since {}",
        notice.headline(),
        notice.target,
        notice.since.format("%Y-%m-%d %H:%M UTC")
    );
    if !notice.remedy.is_empty() {
        text.push('\n');
        text.push_str(&notice.remedy);
    }
    text
}

async fn run(command: &[String], input: &[u8]) -> Result<(), DeliveryError> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    let start = |source| DeliveryError::Start {
        program: program.clone(),
        source,
    };
    // Looked up by hand: with a cleared environment the caller's own `PATH` would still be searched.
    let path = if program.contains('/') {
        program.clone()
    } else {
        SEARCH_PATH
            .split(':')
            .map(|folder| format!("{folder}/{program}"))
            .find(|path| std::path::Path::new(path).is_file())
            .ok_or_else(|| start(io::ErrorKind::NotFound.into()))?
    };
    let mut child = tokio::process::Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let input_pipe = child.stdin.take();
    let work = async {
        if let Some(mut pipe) = input_pipe {
            // A program that does not read its input has made up its mind; its status says which way.
            match pipe.write_all(input).await {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(start(error));
                }
                _ => {}
            }
        }
        child.wait_with_output().await.map_err(start)
    };
    let output = tokio::time::timeout(LIMIT, work)
        .await
        .map_err(|_| DeliveryError::Late {
            what: program.clone(),
        })??;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.trim().chars().take(KEPT_ERROR).collect();
    Err(DeliveryError::Status {
        program: program.clone(),
        status: output.status.to_string(),
        said: nba_utils::Redactor::new().redact(&said).into_owned(),
    })
}

#[cfg(feature = "webhook")]
async fn post(url: &SecretUrl, body: Vec<u8>) -> Result<(), DeliveryError> {
    match tokio::time::timeout(LIMIT, super::webhook::post(url, body)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(DeliveryError::Late {
            what: url.to_string(),
        }),
    }
}

#[cfg(not(feature = "webhook"))]
#[allow(
    clippy::unused_async,
    reason = "one signature with and without the feature"
)]
async fn post(_: &SecretUrl, _: Vec<u8>) -> Result<(), DeliveryError> {
    Err(DeliveryError::NotBuilt("webhook"))
}
