//! One POST over HTTP or TLS.

use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::channel::DeliveryError;
use super::settings::SecretUrl;

/// Posts a JSON document; redirects are not followed, because the address is a secret of the first host.
pub(super) async fn post(url: &SecretUrl, body: Vec<u8>) -> Result<(), DeliveryError> {
    let failed = |why: String| DeliveryError::Post {
        url: url.clone(),
        why,
    };
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Full<bytes::Bytes>> =
        Client::builder(TokioExecutor::new()).build(connector);
    let request = http::Request::post(url.expose())
        .header("content-type", "application/json")
        .header("user-agent", concat!("nba/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(bytes::Bytes::from(body)))
        .map_err(|_| failed("it is no address".to_owned()))?;
    let answer = client
        .request(request)
        .await
        .map_err(|error| failed(why(&error)))?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(DeliveryError::Answer {
            url: url.clone(),
            status: status.as_u16(),
        })
    }
}

/// The causes of a failure; none of them repeats the address.
fn why(error: &(dyn std::error::Error + 'static)) -> String {
    let causes: Vec<String> = nba_utils::errors::chain(error)
        .map(ToString::to_string)
        .collect();
    causes.join(": ")
}
