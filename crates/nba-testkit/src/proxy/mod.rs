//! A TCP proxy that delays, throttles, stalls, cuts and resets: the network's faults, on command.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use nba_testkit::proxy::{FaultProxy, Upstream};
//!
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let proxy = FaultProxy::start(Upstream::Tcp(server.local_addr()?))?;
//! let mut client = TcpStream::connect(proxy.address())?;
//! client.write_all(b"x")?;
//! let (mut served, _) = server.accept()?;
//! served.read_exact(&mut [0; 1])?;
//! proxy.cut();
//! assert_eq!(client.read(&mut [0; 1])?, 0);
//! # Ok(()) }
//! ```

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::background::Background;

#[cfg(test)]
mod tests;

/// Largest piece forwarded at once, in bytes; small enough for a throttle to be smooth.
const PIECE: usize = 16 * 1024;

/// Where connections go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// A TCP server.
    Tcp(SocketAddr),
    /// A server on a Unix socket, such as the embedded PostgreSQL.
    Unix(PathBuf),
}

/// What happens to everything that passes, from the moment it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Each piece of up to 16 KiB waits this long before it is passed on.
    Delay(Duration),
    /// At most this many bytes per second in each direction; 0 counts as 1.
    Throttle {
        /// Bytes per second.
        bytes_per_second: u32,
    },
    /// Connections stay open, but nothing passes in either direction until the fault is lifted.
    Stall,
    /// Half-open: what the client sends arrives, what the server answers does not until the fault is lifted.
    HalfOpen,
    /// New connections are closed at once; existing ones go on.
    Refuse,
    /// Each connection is cut once the server has sent this many bytes through it, so an answer ends in its middle.
    CutAfter {
        /// Bytes of answers that still pass, counted from the connection's start.
        bytes: u64,
    },
}

#[derive(Debug, Clone, Copy)]
enum End {
    Cut,
    Reset,
}

/// A running proxy; dropping it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    end: watch::Sender<End>,
    accepted: Arc<AtomicUsize>,
    _server: Background,
}

impl FaultProxy {
    /// Listens on a free port of the loopback interface and forwards to `upstream`.
    ///
    /// # Errors
    ///
    /// When no port or thread can be had. Whether `upstream` answers shows with the first connection.
    pub fn start(upstream: Upstream) -> io::Result<FaultProxy> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (fault, faults) = watch::channel(Fault::None);
        let (end, ends) = watch::channel(End::Cut);
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        let server = Background::spawn("nba-proxy", move || {
            accept(listener, upstream, faults, ends, counter)
        })?;
        Ok(FaultProxy {
            address,
            fault,
            end,
            accepted,
            _server: server,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted so far, refused ones included.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Replaces the fault for present and future connections.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Closes all present connections in an orderly way: both ends read an end of stream.
    pub fn cut(&self) {
        self.end.send_replace(End::Cut);
    }

    /// Resets all present connections: the client gets a connection reset.
    pub fn reset(&self) {
        self.end.send_replace(End::Reset);
    }
}

async fn accept(
    listener: std::net::TcpListener,
    upstream: Upstream,
    faults: watch::Receiver<Fault>,
    ends: watch::Receiver<End>,
    accepted: Arc<AtomicUsize>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        accepted.fetch_add(1, Ordering::Relaxed);
        if *faults.borrow() == Fault::Refuse {
            continue;
        }
        tokio::spawn(connection(
            client,
            upstream.clone(),
            faults.clone(),
            ends.clone(),
        ));
    }
}

async fn connection(
    mut client: TcpStream,
    upstream: Upstream,
    faults: watch::Receiver<Fault>,
    mut ends: watch::Receiver<End>,
) {
    // Ends asked for before this connection existed are not for it.
    ends.mark_unchanged();
    let _ = client.set_nodelay(true);
    let end = match upstream {
        Upstream::Tcp(address) => match TcpStream::connect(address).await {
            Ok(mut server) => {
                let _ = server.set_nodelay(true);
                let (from_server, to_server) = server.split();
                relay(&mut client, from_server, to_server, faults, &mut ends).await
            }
            Err(_) => End::Cut,
        },
        Upstream::Unix(path) => match tokio::net::UnixStream::connect(path).await {
            Ok(mut server) => {
                let (from_server, to_server) = server.split();
                relay(&mut client, from_server, to_server, faults, &mut ends).await
            }
            Err(_) => End::Cut,
        },
    };
    if matches!(end, End::Reset) {
        let _ = client.set_zero_linger();
    }
}

async fn relay(
    client: &mut TcpStream,
    from_server: impl AsyncRead + Unpin,
    to_server: impl AsyncWrite + Unpin,
    faults: watch::Receiver<Fault>,
    ends: &mut watch::Receiver<End>,
) -> End {
    let (from_client, to_client) = client.split();
    let both = async {
        let up = pump(from_client, to_server, faults.clone(), Direction::ToServer);
        let down = pump(from_server, to_client, faults.clone(), Direction::ToClient);
        tokio::pin!(up, down);
        // When the client stops sending, answers still flow; when the server stops, all is over.
        tokio::select! {
            () = &mut down => {}
            () = &mut up => down.await,
        }
    };
    tokio::select! {
        () = both => End::Cut,
        asked = ends.changed() => match asked {
            Ok(()) => *ends.borrow_and_update(),
            Err(_) => End::Cut,
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

impl Fault {
    fn holds(self, direction: Direction) -> bool {
        match self {
            Fault::Stall => true,
            Fault::HalfOpen => direction == Direction::ToClient,
            _ => false,
        }
    }
}

/// Forwards until the end of the stream, an error, or the fault's own end; then shuts the writing half.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut faults: watch::Receiver<Fault>,
    direction: Direction,
) {
    let mut buffer = vec![0; PIECE];
    let mut passed: u64 = 0;
    while let Ok(mut read) = from.read(&mut buffer).await {
        // The end of the stream is news as well: a stalled link does not tell that the peer has gone.
        if faults.wait_for(|f| !f.holds(direction)).await.is_err() || read == 0 {
            break;
        }
        let fault = *faults.borrow();
        let mut last = false;
        match fault {
            Fault::Delay(time) => tokio::time::sleep(time).await,
            Fault::Throttle { bytes_per_second } => {
                let rate = u64::from(bytes_per_second.max(1));
                let bytes = u64::try_from(read).unwrap_or(u64::MAX);
                tokio::time::sleep(Duration::from_millis(bytes.saturating_mul(1000) / rate)).await;
            }
            Fault::CutAfter { bytes } if direction == Direction::ToClient => {
                let left = usize::try_from(bytes.saturating_sub(passed)).unwrap_or(usize::MAX);
                last = left <= read;
                read = read.min(left);
            }
            _ => {}
        }
        if to.write_all(&buffer[..read]).await.is_err() || last {
            break;
        }
        passed = passed.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    // The peer may be gone already.
    let _ = to.shutdown().await;
}
