//! The scripts: what they say when something is missing, and that the familiar names are calls of `nba`.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Programs every script may count on.
const BASICS: [&str; 6] = ["bash", "env", "dirname", "id", "cat", "mktemp"];

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("scripts")
        .join(name)
}

/// A search path with the basics and stand-ins for `names` that print their name and arguments.
fn machine_with(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for basic in BASICS {
        let found = ["/usr/bin", "/bin"]
            .iter()
            .map(|place| Path::new(place).join(basic))
            .find(|path| path.exists())
            .unwrap();
        symlink(found, folder.path().join(basic)).unwrap();
    }
    for name in names {
        let path = folder.path().join(name);
        fs::write(
            &path,
            format!("#!/bin/bash\nprintf '%s\\n' {name} \"$@\"\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn run(name: &str, arguments: &[&str], machine: &Path, extra: &[(&str, &str)]) -> Output {
    Command::new("/bin/bash")
        .arg(script(name))
        .args(arguments)
        .env_clear()
        .env("PATH", machine)
        .envs(extra.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn launchers_are_one_call_of_nba() {
    let machine = machine_with(&["nba"]);
    let check = |name: &str, expected: &[&str]| {
        let output = run(name, &["--json", "two words"], machine.path(), &[]);
        let (out, err) = said(&output);
        let mut words = vec!["nba"];
        words.extend(expected);
        words.extend(["--json", "two words"]);
        assert_eq!(out.lines().collect::<Vec<_>>(), words, "{name}: {err}");
    };
    check("validation/verify_system_health", &["health"]);
    check("validation/emergency_rollback", &["rollback", "plan"]);
    check("refactor_dashboard", &["dashboard"]);
}

#[test]
fn launchers_build_nba_where_it_is_not_installed() {
    let machine = machine_with(&["cargo"]);
    let output = run("validation/verify_system_health", &[], machine.path(), &[]);
    let (out, _) = said(&output);
    let words: Vec<&str> = out.lines().collect();
    assert_eq!(words[..3], ["cargo", "run", "--quiet"], "{out}");
    assert_eq!(
        words[words.len() - 4..],
        ["-p", "nba-cli", "--", "health"],
        "{out}"
    );
}

#[test]
fn demo_passes_its_arguments_on_but_keeps_yes_for_itself() {
    let machine = machine_with(&["cargo", "cc", "git"]);
    let programs = machine_with(&["postgres"]);
    let known = [("NBA_PG_BIN", programs.path().to_str().unwrap())];
    let output = run("demo", &["--keep", "--yes", "a b"], machine.path(), &known);
    let (out, err) = said(&output);
    let words: Vec<&str> = out.lines().collect();
    assert_eq!(
        words[words.len() - 4..],
        ["--", "demo", "--keep", "a b"],
        "{out}{err}"
    );
}

#[test]
fn missing_things_are_named_with_the_next_step() {
    let check = |present: &[&str], variables: &[(&str, &str)], expected: &[&str]| {
        for name in ["demo", "test"] {
            let machine = machine_with(present);
            let output = run(name, &[], machine.path(), variables);
            let (_, err) = said(&output);
            assert_eq!(output.status.code(), Some(2), "{name}: {err}");
            for text in expected {
                assert!(err.contains(text), "{name} did not say `{text}`: {err}");
            }
        }
    };
    check(&[], &[], &["cargo is missing", "rustup.rs"]);
    check(&["cargo"], &[], &["a C compiler is missing", "hint: "]);
    // Nobody to ask: nothing is installed.
    check(
        &["cargo", "apt-get", "sudo"],
        &[],
        &["apt-get install build-essential", "--yes"],
    );
    check(
        &["cargo", "cc", "git"],
        &[("NBA_PG_BIN", "/nowhere")],
        &["NBA_PG_BIN is `/nowhere`"],
    );
}

#[test]
fn unknown_test_levels_are_refused() {
    let machine = machine_with(&[]);
    let output = run("test", &["everything"], machine.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).1.contains("usage:"));
}
