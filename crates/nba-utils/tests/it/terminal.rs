//! The console log on a pipe and on a terminal.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::child;

/// Runs `command` with a terminal as its standard error and returns what was shown there.
fn on_terminal(mut command: Command) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let screen = OpenOptions::new()
        .read(true)
        .write(true)
        .open(OsStr::from_bytes(name.as_bytes()))
        .unwrap();
    let status = command
        .stderr(screen)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    drop(command);
    let mut shown = Vec::new();
    // the last close of the other side is reported as an I/O error on Linux
    let _ = File::from(terminal).read_to_end(&mut shown);
    String::from_utf8(shown).unwrap()
}

#[test]
fn piped_console_is_plain_and_nothing_leaks_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let output = child::command("log", folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let console = String::from_utf8(output.stderr).unwrap();
    let file = fs::read_to_string(folder.path().join("nba.log")).unwrap();
    for text in [&console, &file] {
        assert!(
            text.contains("connected with ***") && text.contains("password"),
            "{text}"
        );
        assert!(
            !text.contains("hunter2") && !text.contains("unregistered") && !text.contains('\x1b'),
            "{text}"
        );
    }
    assert!(
        !folder.path().join("second.log").exists(),
        "a refused set-up left a file"
    );
}

#[test]
fn terminal_is_coloured_unless_no_color_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let shown = on_terminal(child::command("log", folder.path()));
    assert!(
        shown.contains("\x1b[") && shown.contains("***"),
        "{shown:?}"
    );
    assert!(
        !shown.contains("hunter2") && !shown.contains("unregistered"),
        "{shown:?}"
    );

    let mut command = child::command("log", folder.path());
    command.env("NO_COLOR", "1");
    let shown = on_terminal(command);
    assert!(
        shown.contains("connected with ***") && !shown.contains('\x1b'),
        "{shown:?}"
    );
}
