//! The examples run, on a private server as for a newcomer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// An example in an empty folder with an empty environment: nothing is configured there.
fn example(name: &str, folder: &std::path::Path) -> Command {
    // target/<profile>/deps/it-… → target/<profile>/examples/<name>
    let test: PathBuf = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        program.is_file(),
        "build it: cargo build -p nba-db --features embedded --example {name}"
    );
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin");
    command
}

fn output(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = example(name, folder.path()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn execute_query_prints_rows() {
    let text = output("execute_query");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0],
        r#"{"game_id":"0022300004","season":2024,"home_score":94}"#
    );
}

#[test]
fn batch_counts_and_streams() {
    let text = output("batch");
    assert!(text.contains("public.games: 1000 rows"), "{text}");
    assert!(text.contains("season 2024: 200 games"), "{text}");
}

#[test]
fn service_answers_and_stops_on_interrupt() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = example("service", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(service.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().to_owned();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let games = get("/games/2024");
    assert!(games.starts_with("HTTP/1.1 200"), "{games}");
    assert!(
        games.contains(r#"[{"game_id":"0022300004","season":2024,"home_score":94},"#),
        "{games}"
    );
    assert!(get("/count").ends_with("1000"));
    assert!(get("/games/none").starts_with("HTTP/1.1 400"));
    let interrupted = Command::new("kill")
        .args(["-INT", &service.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert!(service.wait().unwrap().success());
}
