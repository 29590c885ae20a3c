//! A real S3 API over HTTP on this machine, serving a folder.
//!
//! Buckets are the sub-folders, objects the files in them, so a lake written with [`crate::lake`] can be served without
//! copying. The server checks signatures and checksums. Three things it cannot do: list versions, list running
//! multipart uploads (both answer `NotImplemented`), and name ETags in a listing; every listing page reads the folder
//! again.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use nba_testkit::s3::{S3Credentials, S3Server};
//!
//! let dir = tempfile::tempdir()?;
//! let server = S3Server::start(dir.path(), S3Credentials::random())?;
//! server.create_bucket("nba-sim-raw-data-lake")?;
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! # Ok(()) }
//! ```

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rand::TryRng;
use rand::rngs::SysRng;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use self::listing::Listing;
use crate::background::Background;

mod listing;
#[cfg(test)]
mod tests;

/// Region to sign with; the server accepts any.
pub const REGION: &str = "us-east-1";

/// An access key pair; `Debug` hides the secret half.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// Access key id.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

impl S3Credentials {
    /// A fresh pair that nobody else knows.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn random() -> S3Credentials {
        let word = || {
            SysRng
                .try_next_u64()
                .expect("the system has a random source")
        };
        S3Credentials {
            access_key: format!("NBATEST{:016X}", word()),
            secret_key: format!("{:016x}{:016x}{:016x}", word(), word(), word()),
        }
    }
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials")
            .field("access_key", &self.access_key)
            .field("secret_key", &"[REDACTED]")
            .finish()
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// The folder cannot be served.
    #[error("cannot serve the folder `{}` as an object store", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// No port on the loopback interface, or no thread.
    #[error("cannot start an object store on 127.0.0.1")]
    Start(#[source] io::Error),
}

/// A running object store; dropping it stops it and leaves the folder as it is.
#[derive(Debug)]
pub struct S3Server {
    root: PathBuf,
    endpoint: String,
    credentials: S3Credentials,
    _server: Background,
}

impl S3Server {
    /// Serves `dir`, which must exist, on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// [`S3Error::Folder`] when `dir` is not a readable folder, [`S3Error::Start`] when no port or thread can be had.
    pub fn start(dir: &Path, credentials: S3Credentials) -> Result<S3Server, S3Error> {
        let folder = |source| S3Error::Folder {
            path: dir.to_owned(),
            source,
        };
        let root = dir.canonicalize().map_err(folder)?;
        let files =
            FileSystem::new(&root).map_err(|e| folder(io::Error::other(format!("{e:?}"))))?;
        Self::serve(S3ServiceBuilder::new(files), root, credentials)
    }

    /// Serves one bucket of empty objects that can only be listed. A page costs what it holds, whatever the number of objects,
    /// where [`Self::start`] reads the folder again for each: for measuring how large lakes are listed.
    ///
    /// # Errors
    ///
    /// [`S3Error::Start`] when no port or thread can be had.
    pub fn listing(
        bucket: &str,
        keys: Vec<String>,
        credentials: S3Credentials,
    ) -> Result<S3Server, S3Error> {
        let builder = S3ServiceBuilder::new(Listing::new(bucket, keys));
        Self::serve(builder, PathBuf::new(), credentials)
    }

    fn serve(
        mut builder: S3ServiceBuilder,
        root: PathBuf,
        credentials: S3Credentials,
    ) -> Result<S3Server, S3Error> {
        builder.set_auth(SimpleAuth::from_single(
            credentials.access_key.clone(),
            credentials.secret_key.clone(),
        ));
        let service = builder.build();

        // Bound here, so that the port is known and taken before anyone is told.
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .map_err(S3Error::Start)?;
        listener.set_nonblocking(true).map_err(S3Error::Start)?;
        let address = listener.local_addr().map_err(S3Error::Start)?;
        let server = Background::spawn("nba-s3", move || serve(listener, service))
            .map_err(S3Error::Start)?;
        Ok(S3Server {
            root,
            endpoint: format!("http://{address}"),
            credentials,
            _server: server,
        })
    }

    /// Base URL, such as `http://127.0.0.1:40123`; use path-style addressing.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The only key pair it accepts.
    #[must_use]
    pub fn credentials(&self) -> &S3Credentials {
        &self.credentials
    }

    /// The folder it serves; empty for a server that only lists.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes an empty bucket, or keeps the one that is there, and gives its folder.
    ///
    /// # Errors
    ///
    /// [`S3Error::Folder`] when the folder cannot be made.
    pub fn create_bucket(&self, name: &str) -> Result<PathBuf, S3Error> {
        let path = self.root.join(name);
        std::fs::create_dir_all(&path).map_err(|source| S3Error::Folder {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}

async fn serve(listener: std::net::TcpListener, service: S3Service) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let http = Builder::new(TokioExecutor::new());
    // An accept error concerns one client (it hung up, or descriptors ran out for a moment), not the server.
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let connection = http
            .serve_connection(TokioIo::new(socket), service.clone())
            .into_owned();
        tokio::spawn(async move {
            // The client sees its own broken connection; the server has nobody to tell.
            let _ = connection.await;
        });
    }
}
