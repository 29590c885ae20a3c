//! Lets sqlx log in with passwords it refuses to send.
//!
//! SCRAM passwords are normalised (SASLprep) where that works and sent as they are where it does
//! not; PostgreSQL, libpq and tokio-postgres agree on this. sqlx 0.9 fails instead, for control
//! characters such as a newline and for everything Unicode 3.2 did not know, such as emoji. For
//! passwords with such characters, and for no others, sqlx is pointed at a listener on 127.0.0.1 in
//! this process, which logs in with its own copy of the password and then passes bytes through.
//!
//! Whoever connects to the listener must present a random token, made anew for each
//! [`Database`](crate::Database); the password itself never leaves for anywhere but the server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use nba_config::{Host, SslMode};
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect as _};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::ConnectOptions;

/// Largest message accepted before the login is over; real ones are far smaller.
const LARGEST_MESSAGE: usize = 64 * 1024;

const AUTHENTICATION_OK: u32 = 0;
const AUTHENTICATION_CLEARTEXT: u32 = 3;
const AUTHENTICATION_MD5: u32 = 5;
const AUTHENTICATION_SASL: u32 = 10;
const AUTHENTICATION_SASL_CONTINUE: u32 = 11;
const AUTHENTICATION_SASL_FINAL: u32 = 12;

/// Whether sqlx may refuse the password.
pub(crate) fn is_needed(password: Option<&str>) -> bool {
    password.is_some_and(|password| {
        password
            .chars()
            .any(|c| !c.is_ascii() || c.is_ascii_control())
    })
}

/// A listener that logs in on behalf of whoever knows the token. Ends when dropped.
pub(crate) struct Relay {
    pub(crate) port: u16,
    pub(crate) token: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub(crate) async fn start(
        options: &ConnectOptions,
        tls: MakeRustlsConnect,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let token = format!(
            "{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        let login = Arc::new(Login {
            options: options.clone(),
            tls,
            token: token.clone(),
        });
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((client, _)) => {
                        let login = Arc::clone(&login);
                        // Ends with either side of the connection, which sqlx owns.
                        tokio::spawn(async move { login.serve(client).await });
                    }
                    // Out of file descriptors, most likely; the pool's own time-out bounds this.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        Ok(Self { port, token, task })
    }
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

struct Login {
    options: ConnectOptions,
    tls: MakeRustlsConnect,
    token: String,
}

impl Login {
    async fn serve(&self, mut client: TcpStream) {
        // sqlx learns the reason from an error message of the protocol's own form.
        let login = tokio::time::timeout(
            self.options.limits().connect_timeout,
            self.log_in(&mut client),
        )
        .await;
        let outcome = match login {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the server did not answer in time",
            )),
        };
        match outcome {
            Ok(Some(mut server)) => {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
            // The server's refusal has been passed on.
            Ok(None) => {}
            Err(error) => {
                let _ = client
                    .write_all(&error_message("08006", &error.to_string()))
                    .await;
            }
        }
    }

    /// `None` when the server refused, which the client was told.
    async fn log_in(&self, client: &mut TcpStream) -> io::Result<Option<Box<dyn Wire>>> {
        let start = read_body(client).await?;
        client
            .write_all(&message(b'R', &AUTHENTICATION_CLEARTEXT.to_be_bytes()))
            .await?;
        let (kind, answer) = read_message(client).await?;
        if kind != b'p' || answer.strip_suffix(b"\0") != Some(self.token.as_bytes()) {
            client
                .write_all(&error_message("28P01", "the relay's token is wrong"))
                .await?;
            return Ok(None);
        }
        let mut server = self.connect().await?;
        let mut packet = BytesMut::new();
        put_framed(&mut packet, &start);
        server.write_all(&packet).await?;
        let accepted = self.authenticate(server.as_mut(), client).await?;
        Ok(accepted.then_some(server))
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let target = &self.options.target;
        let host = match &target.host {
            Host::Tcp(host) => host,
            #[cfg(unix)]
            Host::Unix(folder) => {
                let path = folder.join(format!(".s.PGSQL.{}", target.port));
                return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
            }
            #[cfg(not(unix))]
            Host::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let mut stream = TcpStream::connect((host.as_str(), target.port)).await?;
        stream.set_nodelay(true)?;
        let mode = self.options.effective_ssl();
        if mode == SslMode::Disable {
            return Ok(Box::new(stream));
        }
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        match (stream.read_u8().await?, mode) {
            (b'S', _) => {
                let mut tls = self.tls.clone();
                let connect = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, host)
                    .map_err(io::Error::other)?;
                Ok(Box::new(connect.connect(stream).await?))
            }
            (_, SslMode::Prefer) => Ok(Box::new(stream)),
            _ => Err(io::Error::other("server does not support TLS")),
        }
    }

    /// Answers the server's questions; `false` when it refused.
    async fn authenticate(
        &self,
        server: &mut dyn Wire,
        client: &mut TcpStream,
    ) -> io::Result<bool> {
        let password = self
            .options
            .exposed_password()
            .unwrap_or_default()
            .as_bytes();
        let mut scram: Option<ScramSha256> = None;
        loop {
            let (kind, body) = read_message(server).await?;
            if kind != b'R' {
                client.write_all(&message(kind, &body)).await?;
                if kind == b'E' {
                    return Ok(false);
                }
                continue;
            }
            let (code, rest) = body
                .split_first_chunk::<4>()
                .ok_or(io::ErrorKind::InvalidData)?;
            let mut answer = BytesMut::new();
            match (u32::from_be_bytes(*code), &mut scram) {
                (AUTHENTICATION_OK, _) => {
                    client.write_all(&message(kind, &body)).await?;
                    return Ok(true);
                }
                (AUTHENTICATION_CLEARTEXT, _) => frontend::password_message(password, &mut answer)?,
                (AUTHENTICATION_MD5, _) => {
                    let salt = *rest.first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
                    let user = self.options.target.user.as_bytes();
                    let hash = postgres_protocol::authentication::md5_hash(user, password, salt);
                    frontend::password_message(hash.as_bytes(), &mut answer)?;
                }
                (AUTHENTICATION_SASL, none) => {
                    let started =
                        none.insert(ScramSha256::new(password, ChannelBinding::unsupported()));
                    frontend::sasl_initial_response(SCRAM_SHA_256, started.message(), &mut answer)?;
                }
                (AUTHENTICATION_SASL_CONTINUE, Some(started)) => {
                    started.update(rest)?;
                    frontend::sasl_response(started.message(), &mut answer)?;
                }
                (AUTHENTICATION_SASL_FINAL, Some(started)) => {
                    // Proves that the server knows the password too.
                    started.finish(rest)?;
                    continue;
                }
                _ => {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "unknown way to log in",
                    ));
                }
            }
            server.write_all(&answer).await?;
        }
    }
}

async fn read_body<S: AsyncRead + Unpin + ?Sized>(stream: &mut S) -> io::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    let length = length
        .checked_sub(4)
        .filter(|length| *length <= LARGEST_MESSAGE);
    let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

async fn read_message<S: AsyncRead + Unpin + ?Sized>(stream: &mut S) -> io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    Ok((kind, read_body(stream).await?))
}

fn put_framed(out: &mut BytesMut, body: &[u8]) {
    out.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    out.put_slice(body);
}

fn message(kind: u8, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(kind);
    put_framed(&mut out, body);
    out
}

fn error_message(sqlstate: &str, text: &str) -> BytesMut {
    let body = format!(
        "SFATAL\0VFATAL\0C{sqlstate}\0M{}\0\0",
        text.replace('\0', "")
    );
    message(b'E', body.as_bytes())
}

#[cfg(test)]
mod tests;
