//! A notice as an e-mail.

use std::path::Path;
use std::time::Duration;

use lettre::message::{Mailbox, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::channel::DeliveryError;
use super::decide::Notice;
use super::settings::{Email, SmtpSecurity};

/// Longest wait for an answer of the server.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends a notice to everybody of a channel, in one message.
pub(super) async fn send(
    email: &Email,
    notice: &Notice,
    text: String,
) -> Result<(), DeliveryError> {
    let failed = |why: String| DeliveryError::Mail {
        server: email.server.clone(),
        why,
    };
    let message = message(email, notice, text).map_err(failed)?;
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(email.host())
        .port(email.port())
        .timeout(Some(TIMEOUT));
    let parameters =
        || TlsParameters::new(email.host().to_owned()).map_err(|error| failed(error.to_string()));
    builder = match email.security {
        SmtpSecurity::Starttls => builder.tls(Tls::Required(parameters()?)),
        SmtpSecurity::Tls => builder.tls(Tls::Wrapper(parameters()?)),
        SmtpSecurity::None => builder.tls(Tls::None),
    };
    let mut password = None;
    if let (Some(user), Some(file)) = (&email.user, &email.password_file) {
        let secret = read_password(file).map_err(failed)?;
        builder = builder.credentials(Credentials::new(user.clone(), secret.clone()));
        password = Some(secret);
    }
    match builder.build().send(message).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let mut why = nba_utils::ErrorReport::new(&error).to_string();
            // A server may say back what it was told.
            if let Some(password) = password {
                why = why.replace(&password, "***");
            }
            Err(failed(why))
        }
    }
}

fn read_password(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("could not read `{}`: {error}", file.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(format!("`{}` is empty", file.display()));
    }
    Ok(password.to_owned())
}

fn message(email: &Email, notice: &Notice, text: String) -> Result<Message, String> {
    let mailbox = |address: &str| {
        address
            .parse::<Mailbox>()
            .map_err(|error| format!("`{address}` is no address: {error}"))
    };
    // One line: what a check says must not become another header.
    let subject: String = notice
        .headline()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(180)
        .collect();
    let mut builder = Message::builder()
        .from(mailbox(&email.from)?)
        .subject(subject);
    for address in &email.to {
        builder = builder.to(mailbox(address)?);
    }
    builder
        .header(header::ContentType::TEXT_PLAIN)
        .body(text)
        .map_err(|error| error.to_string())
}
