//! Addresses, access and the server itself.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use chrono::Utc;
use nba_utils::Hint;
use tokio::net::TcpListener;

use super::site::{Range, ServeOptions, Site, View};
use super::{api, html, metrics, pages};

const STYLE: &str = include_str!("assets/style.css");
const LIVE: &str = include_str!("assets/live.js");
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"8\" fill=\"#1657b8\"/><path d=\"M5 18h6l3-8 4 13 3-5h6\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.6\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>";

/// How often a stream looks whether there was a new look.
const STREAM_STEP: Duration = Duration::from_secs(1);

/// The server could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Others could look in.
    #[error(
        "listening on {0} without a token or a proxy would show everything to everybody who can reach it"
    )]
    Open(SocketAddr),
    /// What was said about the proxy cannot be used.
    #[error("the proxy cannot be believed: {0}")]
    Proxy(String),
    /// The address cannot be used.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// It stopped.
    #[error("the server stopped")]
    Stopped(#[source] io::Error),
}

impl Hint for ServeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(_) => Some("put a token of 16 characters or more into a file and name it with `--token-file`, name a proxy with `--proxy-header` and `--proxy-secret-file`, or listen on 127.0.0.1".to_owned()),
            Self::Listen { .. } => Some("choose another port with `--listen 127.0.0.1:PORT`; 0 takes any free one".to_owned()),
            Self::Proxy(_) => Some("name the header in which the proxy sends the user, such as X-Forwarded-User or X-Auth-Request-User, and have it send the secret, too".to_owned()),
            Self::Stopped(_) => None,
        }
    }
}

type Shared = State<Arc<Site>>;

/// Serves until the future is dropped; `ready` gets the address once it listens.
///
/// # Errors
///
/// [`ServeError`] when it would be open to others, or cannot listen.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let address = options.address;
    if !address.ip().is_loopback() && options.token.is_none() && options.proxy.is_none() {
        return Err(ServeError::Open(address));
    }
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    ready(listener.local_addr().map_err(listen)?);
    let service = router(options).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .await
        .map_err(ServeError::Stopped)
}

fn router(options: ServeOptions) -> Router {
    let site = Arc::new(Site::new(options));
    Router::new()
        .route("/", get(overview))
        .route("/check/{id}", get(check))
        .route("/tables", get(tables))
        .route("/events", get(events))
        .route("/evidence", get(evidence))
        .route("/api/state", get(api_state))
        .route("/api/checks/{id}", get(api_check))
        .route("/api/checks/{id}/history", get(api_history))
        .route("/api/events", get(api_events))
        .route("/api/openapi.json", get(async || Json(api::openapi())))
        .route("/metrics", get(prometheus))
        .route("/stream", get(stream))
        .route("/healthz", get(healthz))
        .route(
            "/style.css",
            get(async || asset("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/live.js",
            get(async || asset("text/javascript; charset=utf-8", LIVE)),
        )
        .route("/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .fallback(async || missing("there is no such page"))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
        .with_state(site)
}

/// Who may look, and what a browser may do with what it gets.
async fn guard(
    State(site): Shared,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let allowed =
        request.uri().path() == "/healthz" || may_look(&site, request.headers(), peer.ip());
    let mut response = match allowed {
        true => next.run(request).await,
        false if site.options.token.is_some() => {
            let ask = [(WWW_AUTHENTICATE, "Basic realm=\"nba\", charset=\"UTF-8\"")];
            (
                StatusCode::UNAUTHORIZED,
                ask,
                "a token is needed: as the password of any user, or as a bearer\n",
            )
                .into_response()
        }
        false if site.options.proxy.is_some() => (
            StatusCode::UNAUTHORIZED,
            "this server is asked through its proxy, by users who may look\n",
        )
            .into_response(),
        false => (
            StatusCode::FORBIDDEN,
            "this server answers to the names of this machine only\n",
        )
            .into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn may_look(site: &Site, headers: &HeaderMap, peer: IpAddr) -> bool {
    let (token, proxy) = (&site.options.token, &site.options.proxy);
    if token.is_some() || proxy.is_some() {
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let by_token = token
            .as_ref()
            .zip(given)
            .is_some_and(|(token, given)| token.opens(given));
        let by_proxy = proxy
            .as_ref()
            .is_some_and(|proxy| proxy.lets_in(headers, peer));
        return by_token || by_proxy;
    }
    // A page elsewhere can make a browser ask this address under another name; it must not get an answer.
    let host = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")], text).into_response()
}

fn missing(text: &str) -> Response {
    let main = format!("<h1>Not found</h1><p>{}</p>", html::Text(text));
    (
        StatusCode::NOT_FOUND,
        Html(html::page("Not found", "", &main)),
    )
        .into_response()
}

#[derive(serde::Deserialize)]
struct Shown {
    range: Option<String>,
}

impl Shown {
    /// The time that is asked for; an unknown one is an error, not another one.
    fn range(&self) -> Result<Range, (StatusCode, &'static str)> {
        Range::named(self.range.as_deref()).ok_or((
            StatusCode::BAD_REQUEST,
            "`range` is one of day, week, month, year\n",
        ))
    }
}

/// Reads files, so it does not belong on a thread that serves others.
async fn render<T: Send + 'static>(
    site: Arc<Site>,
    make: impl FnOnce(&Site, &View) -> T + Send + 'static,
) -> Result<T, StatusCode> {
    tokio::task::spawn_blocking(move || {
        let view = site.view();
        make(&site, &view)
    })
    .await
    .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn overview(State(site): Shared) -> Result<Html<String>, StatusCode> {
    render(site, |site, view| {
        Html(pages::overview(site, view, Utc::now()))
    })
    .await
}

async fn check(
    State(site): Shared,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let range = match shown.range() {
        Ok(range) => range,
        Err(error) => return error.into_response(),
    };
    let page = render(site, move |site, view| {
        pages::check(site, view, &id, range, Utc::now())
    })
    .await;
    match page {
        Ok(Some(page)) => Html(page).into_response(),
        Ok(None) => missing("there is no such check, or nobody has looked at it yet"),
        Err(status) => status.into_response(),
    }
}

async fn tables(State(site): Shared, Query(shown): Query<Shown>) -> Response {
    let range = match shown.range() {
        Ok(range) => range,
        Err(error) => return error.into_response(),
    };
    render(site, move |site, view| {
        Html(pages::tables(site, view, range, Utc::now()))
    })
    .await
    .into_response()
}

async fn events(State(site): Shared) -> Result<Html<String>, StatusCode> {
    render(site, |_, view| Html(pages::events(view, Utc::now()))).await
}

async fn evidence(State(site): Shared) -> Result<Html<String>, StatusCode> {
    render(site, |site, view| {
        Html(pages::evidence(
            view,
            &(site.options.chapters)(),
            &(site.options.evidence)(),
            Utc::now(),
        ))
    })
    .await
}

async fn api_state(State(site): Shared) -> Result<Json<serde_json::Value>, StatusCode> {
    render(site, |_, view| Json(api::state(view, Utc::now()))).await
}

fn no_such_check(id: &str) -> Response {
    let error = serde_json::json!({ "error": format!("there is no check `{id}`, or nobody has looked at it yet") });
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

async fn api_check(State(site): Shared, Path(id): Path<String>) -> Response {
    let answer = render(site, move |_, view| {
        match view.state.as_ref().and_then(|state| state.checks.get(&id)) {
            Some(check) => Json(check).into_response(),
            None => no_such_check(&id),
        }
    });
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn api_history(
    State(site): Shared,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let range = match shown.range() {
        Ok(range) => range,
        Err(error) => return error.into_response(),
    };
    let answer = render(site, move |site, _| {
        match site.series(&id, range, Utc::now()) {
            Ok(series) => match series.get(&id) {
                Some(points) => Json(points).into_response(),
                None => no_such_check(&id),
            },
            Err(error) => {
                let text = nba_utils::ErrorReport::new(&error).to_string();
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    Json(serde_json::json!({ "error": text })),
                )
                    .into_response()
            }
        }
    });
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn api_events(State(site): Shared) -> Result<Response, StatusCode> {
    render(site, |_, view| Json(&view.events).into_response()).await
}

async fn prometheus(State(site): Shared) -> Result<Response, StatusCode> {
    render(site, |_, view| {
        let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        (kind, metrics::text(view, Utc::now())).into_response()
    })
    .await
}

/// For load balancers and supervisors: says nothing but whether looks are taken.
async fn healthz(State(site): Shared) -> Result<Response, StatusCode> {
    render(site, |_, view| match view.stale(Utc::now()) {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no look was taken lately\n",
        )
            .into_response(),
    })
    .await
}

/// One event per look.
async fn stream(State(site): Shared) -> impl IntoResponse {
    let first = site.changed();
    let events = futures::stream::unfold((site, first), |(site, mut known)| async move {
        loop {
            tokio::time::sleep(STREAM_STEP).await;
            let changed = site.changed();
            if changed != known {
                known = changed;
                let ticks = site.view().state.as_ref().map_or(0, |state| state.ticks);
                let event = Event::default().event("tick").data(ticks.to_string());
                return Some((Ok::<_, Infallible>(event), (site, known)));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
