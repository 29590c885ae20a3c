//! Requests over HTTP or TLS.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nba_utils::errors::one_line;

use super::channel::DeliveryError;
use super::settings::SecretUrl;

/// Bytes of an answer that are read.
const ANSWER: usize = 65_536;

/// Posts a JSON document; redirects are not followed, because the address is a secret of the first host.
pub(super) async fn post(url: &SecretUrl, body: Vec<u8>) -> Result<(), DeliveryError> {
    let failed = |why: String| DeliveryError::Post {
        url: url.clone(),
        why,
    };
    let request = http::Request::post(url.expose())
        .header("content-type", "application/json")
        .header("user-agent", concat!("nba/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(bytes::Bytes::from(body)))
        .map_err(|_| failed("it is no address".to_owned()))?;
    let (status, _) = call(request).await.map_err(failed)?;
    if status.is_success() {
        Ok(())
    } else {
        Err(DeliveryError::Answer {
            url: url.clone(),
            status: status.as_u16(),
        })
    }
}

/// Sends one request; status and the beginning of the answer. No text of an error repeats the address.
pub(super) async fn call(
    request: http::Request<Full<bytes::Bytes>>,
) -> Result<(http::StatusCode, bytes::Bytes), String> {
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Full<bytes::Bytes>> =
        Client::builder(TokioExecutor::new()).build(connector);
    let answer = client
        .request(request)
        .await
        .map_err(|error| one_line(&error))?;
    let status = answer.status();
    // What it says is for errors: one that is too long, or breaks off, is none.
    let said = Limited::new(answer.into_body(), ANSWER).collect().await;
    let said = said.map_or_else(|_| bytes::Bytes::new(), |said| said.to_bytes());
    Ok((status, said))
}
