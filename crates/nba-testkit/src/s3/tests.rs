use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

fn get(server: &S3Server, path: &str) -> String {
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn answers_and_refuses_the_unsigned() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), S3Credentials::random()).unwrap();
    let bucket = server.create_bucket("nba-sim-raw-data-lake").unwrap();
    std::fs::write(bucket.join("a.json"), b"{}").unwrap();
    let answer = get(&server, "/nba-sim-raw-data-lake/a.json");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("AccessDenied"), "{answer}");
}

#[test]
fn stops_when_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), S3Credentials::random()).unwrap();
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    TcpStream::connect(&address).unwrap();
    drop(server);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn names_the_folder_it_cannot_serve() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nowhere");
    let error = S3Server::start(&missing, S3Credentials::random()).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn hides_the_secret_key() {
    let credentials = S3Credentials::random();
    let shown = format!("{credentials:?}");
    assert!(!shown.contains(&credentials.secret_key));
    assert_ne!(credentials, S3Credentials::random());
}
