//! A notice through Amazon SNS: one signed request, without an SDK.

use std::path::Path;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http_body_util::Full;

use super::channel::DeliveryError;
use super::decide::Notice;
use super::settings::Sns;

/// Longest subject that SNS takes, in characters.
const SUBJECT: usize = 99;
/// The version of the interface that `Publish` belongs to.
const VERSION: &str = "2010-03-31";

/// Publishes a notice to a topic.
pub(super) async fn publish(sns: &Sns, notice: &Notice, text: &str) -> Result<(), DeliveryError> {
    let failed = |why: String| DeliveryError::Sns {
        topic: sns.topic.clone(),
        why,
    };
    let credentials = read_credentials(&sns.credentials_file, &sns.profile).map_err(failed)?;
    let secrets = [
        credentials.secret_access_key().to_owned(),
        credentials.session_token().unwrap_or_default().to_owned(),
    ];
    let request = signed(sns, notice, text, credentials, SystemTime::now()).map_err(failed)?;
    let (status, body) = super::webhook::call(request).await.map_err(failed)?;
    if status.is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&body);
    let mut why = format!("it answered with {}", status.as_u16());
    for name in ["Code", "Message"] {
        if let Some(said) = element(&body, name) {
            why.push_str(&format!(": {said}"));
        }
    }
    // A server may say back what it was told.
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        why = why.replace(secret, "***");
    }
    Err(failed(why))
}

/// The request with its signature.
fn signed(
    sns: &Sns,
    notice: &Notice,
    text: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<http::Request<Full<bytes::Bytes>>, String> {
    let region = sns
        .region()
        .ok_or_else(|| "the topic names no region".to_owned())?;
    // Letters of other scripts and line ends are refused in a subject.
    let subject: String = notice
        .headline()
        .chars()
        .filter(|letter| letter.is_ascii() && !letter.is_ascii_control())
        .take(SUBJECT)
        .collect();
    let fields = [
        ("Action", "Publish"),
        ("Version", VERSION),
        ("TopicArn", &sns.topic),
        ("Subject", subject.trim()),
        ("Message", text),
    ];
    let fields = fields.map(|(name, value)| format!("{name}={}", encode(value)));
    let body = fields.join("&");
    let uri = sns.address();
    let mut request = http::Request::post(&uri)
        .header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .header("user-agent", concat!("nba/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(bytes::Bytes::from(body.clone())))
        .map_err(|error| format!("`{uri}` is no address: {error}"))?;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sns")
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let kind = [(
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    )];
    let signable = SignableRequest::new(
        "POST",
        uri,
        kind.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )
    .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(signable, &parameters)
        .map_err(|error| error.to_string())?
        .into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// A profile of a file in the form of `~/.aws/credentials`.
fn read_credentials(file: &Path, profile: &str) -> Result<Credentials, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("could not read `{}`: {error}", file.display()))?;
    let header = format!("[{profile}]");
    let lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let (mut key, mut secret, mut token) = (None, None, None);
    for line in lines {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let place = match name.trim() {
            "aws_access_key_id" => &mut key,
            "aws_secret_access_key" => &mut secret,
            "aws_session_token" => &mut token,
            _ => continue,
        };
        *place = Some(value.trim().to_owned());
    }
    match (key, secret) {
        (Some(key), Some(secret)) => Ok(Credentials::new(key, secret, token, None, "file")),
        _ => Err(format!(
            "`{}` has no `aws_access_key_id` and `aws_secret_access_key` under `{header}`",
            file.display()
        )),
    }
}

/// The text of the first element of this name in an answer of SNS, which has neither attributes nor nested text there.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

/// A value of a form: everything but letters, digits and `-_.~` in hexadecimal.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
