//! Who may look behind a proxy that has people log in (OIDC, for one): the user it names in a header, believed only together with a
//! secret that the proxy alone knows.
//!
//! An address is no proof by itself: whoever runs a program on the proxy's machine has it, and so has a page elsewhere that makes a
//! browser there ask. It is therefore a further condition and never the only one.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, TRANSFER_ENCODING,
};

use super::Token;
use super::router::ServeError;

/// The header in which the proxy sends the secret.
pub const SECRET_HEADER: &str = "x-nba-proxy-secret";

/// Longer names are none.
const LONGEST_NAME: usize = 256;

/// A proxy that is believed.
#[derive(Debug, Clone)]
pub struct Proxy {
    header: HeaderName,
    secret: Token,
    users: Vec<String>,
    peers: Vec<IpAddr>,
}

impl Proxy {
    /// A proxy that names the user in `header`, and sends `secret` in [`SECRET_HEADER`].
    ///
    /// # Errors
    ///
    /// [`ServeError::Proxy`] when the header cannot carry a user.
    pub fn new(header: &str, secret: Token) -> Result<Self, ServeError> {
        let name: HeaderName = header
            .parse()
            .map_err(|_| ServeError::Proxy(format!("`{header}` is no name of a header")))?;
        let taken = [
            AUTHORIZATION,
            CONNECTION,
            CONTENT_LENGTH,
            COOKIE,
            HOST,
            TRANSFER_ENCODING,
        ];
        if taken.contains(&name) || name == SECRET_HEADER {
            return Err(ServeError::Proxy(format!(
                "`{header}` has another meaning and names no user"
            )));
        }
        Ok(Self {
            header: name,
            secret,
            users: Vec::new(),
            peers: Vec::new(),
        })
    }

    /// Only these users may look; everybody whom the proxy lets in when there are none.
    ///
    /// # Errors
    ///
    /// [`ServeError::Proxy`] for an empty name.
    pub fn only_users(mut self, users: Vec<String>) -> Result<Self, ServeError> {
        if users.iter().any(|user| user.trim().is_empty()) {
            return Err(ServeError::Proxy("an empty name is no user".to_owned()));
        }
        self.users = users;
        Ok(self)
    }

    /// Only from these addresses; from any when there are none.
    ///
    /// # Errors
    ///
    /// [`ServeError::Proxy`] for an address that nobody connects from.
    pub fn only_from(mut self, peers: &[IpAddr]) -> Result<Self, ServeError> {
        if let Some(peer) = peers
            .iter()
            .find(|peer| peer.is_unspecified() || peer.is_multicast())
        {
            return Err(ServeError::Proxy(format!(
                "nobody connects from {peer}: name the address of the proxy"
            )));
        }
        self.peers = peers.iter().map(IpAddr::to_canonical).collect();
        Ok(self)
    }

    /// Whether this request comes from the proxy, for a user who may look.
    pub(super) fn lets_in(&self, headers: &HeaderMap, peer: IpAddr) -> bool {
        let known_peer = self.peers.is_empty() || self.peers.contains(&peer.to_canonical());
        let secret = one(headers, SECRET_HEADER).is_some_and(|given| self.secret.is(given));
        let user = one(headers, self.header.as_str()).filter(|user| {
            !user.trim().is_empty()
                && user.len() <= LONGEST_NAME
                && (self.users.is_empty() || self.users.iter().any(|known| known == user))
        });
        known_peer && secret && user.is_some()
    }
}

/// The value of a header that is there once: of two, one may be a client's own.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    match values.next() {
        None => value.to_str().ok(),
        Some(_) => None,
    }
}
