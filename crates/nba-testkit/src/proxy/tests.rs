use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::time::Instant;

use super::*;

/// A server that sends back what it gets; ends with the test process.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut copy = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut stream, &mut copy);
                let _ = copy.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

fn ping(stream: &mut TcpStream) -> io::Result<Duration> {
    let start = Instant::now();
    stream.write_all(b"ping")?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, b"ping");
    Ok(start.elapsed())
}

#[test]
fn passes_everything_without_a_fault() {
    let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
    let mut client = connect(&proxy);
    let sent: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    let copy = sent.clone();
    let mut writer = client.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    thread.join().unwrap();
    assert!(got == sent);
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn delays_each_way_until_lifted() {
    let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
    let mut client = connect(&proxy);
    proxy.set(Fault::Delay(Duration::from_millis(400)));
    assert!(ping(&mut client).unwrap() >= Duration::from_millis(800));
    proxy.set(Fault::None);
    assert!(ping(&mut client).unwrap() < Duration::from_millis(800));
}

#[test]
fn throttles() {
    let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
    proxy.set(Fault::Throttle {
        bytes_per_second: 20,
    });
    // Four bytes at twenty per second, both ways.
    assert!(ping(&mut connect(&proxy)).unwrap() >= Duration::from_millis(400));
}

#[test]
fn stalls_and_goes_on() {
    for fault in [Fault::Stall, Fault::HalfOpen] {
        let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
        let mut client = connect(&proxy);
        ping(&mut client).unwrap();
        proxy.set(fault);
        client
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let error = ping(&mut client).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{fault:?}: {error}"
        );
        proxy.set(Fault::None);
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut answer = [0; 4];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ping");
    }
}

#[test]
fn cuts_orderly_and_resets_rudely() {
    let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
    let mut client = connect(&proxy);
    ping(&mut client).unwrap();
    proxy.cut();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);

    let mut client = connect(&proxy);
    ping(&mut client).unwrap();
    proxy.reset();
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    // Neither concerns the next connection.
    ping(&mut connect(&proxy)).unwrap();
}

#[test]
fn cuts_in_the_middle_of_an_answer() {
    let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
    proxy.set(Fault::CutAfter { bytes: 6 });
    let mut client = connect(&proxy);
    client.write_all(b"0123456789").unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"012345");
}

#[test]
fn refuses_the_new_and_keeps_the_old() {
    let proxy = FaultProxy::start(Upstream::Tcp(echo())).unwrap();
    let mut old = connect(&proxy);
    ping(&mut old).unwrap();
    proxy.set(Fault::Refuse);
    assert!(ping(&mut connect(&proxy)).is_err());
    ping(&mut old).unwrap();
}

#[test]
fn an_absent_server_ends_the_connection() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let proxy = FaultProxy::start(Upstream::Tcp(gone)).unwrap();
    assert!(ping(&mut connect(&proxy)).is_err());
}

#[test]
fn reaches_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
    });
    let proxy = FaultProxy::start(Upstream::Unix(path)).unwrap();
    ping(&mut connect(&proxy)).unwrap();
    server.join().unwrap();
}
