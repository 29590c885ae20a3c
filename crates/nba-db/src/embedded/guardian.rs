//! The process between us and the server, which outlives us by as long as cleaning up takes.
//!
//! A few lines of `sh` start the server as their child and hold the reading end of a pipe from us. When
//! the pipe closes, because we stopped or because we were killed in any way, the server is stopped and
//! its folder removed. As the parent of the server the guardian can signal it by number without ever
//! meeting a stranger. A parent-death signal was rejected: it fires when the starting *thread* ends.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::privilege::clean_environment;

/// `$1` log file, `$2` file whose presence keeps everything, `$3` folder to remove in the end or nothing,
/// `$4` socket folder to remove when empty or nothing, then the server's command.
///
/// Terminal signals go past it (own group, and ignored). The server gets neither the pipe nor the lock.
/// The reader stays until it is killed, so that its number is its own when that happens; after `detach`
/// it is gone, and therefore not signalled.
const SCRIPT: &str = r#"
log=$1 keep=$2 folder=$3 socket=$4
shift 4
trap '' HUP INT TERM
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
server=$!
(
    while read -r word <&3; do
        case $word in
            fast) kill -INT "$server" ;;
            immediate) kill -QUIT "$server" ;;
            detach) : >"$log.detached"; exit 0 ;;
        esac
    done
    kill -QUIT "$server"
    exec sleep 60
) &
reader=$!
exec 3<&-
wait "$server"
status=$?
[ -e "$log.detached" ] || kill -KILL "$reader"
if [ ! -e "$keep" ]; then
    if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
    if [ -n "$socket" ]; then rmdir -- "$socket"; fi
fi
exit "$status"
"#;

/// Lines of a log shown in errors.
const TAIL_LINES: usize = 8;
/// Bytes read from the end of a log for them.
const TAIL_BYTES: u64 = 4096;

/// What a guardian is told when it starts.
#[derive(Debug)]
pub(super) struct Orders<'a> {
    /// Command line of the server.
    pub(super) words: &'a [OsString],
    /// Its log file.
    pub(super) log: &'a Path,
    /// While this file exists, nothing is removed.
    pub(super) keep: &'a Path,
    /// Folder to remove after the server, with everything in it.
    pub(super) folder: Option<&'a Path>,
    /// Folder to remove after the server, if it is empty.
    pub(super) socket: Option<&'a Path>,
}

/// A running guardian.
#[derive(Debug)]
pub(super) struct Guardian {
    child: Child,
    pipe: Option<ChildStdin>,
    /// Open, because the file may be gone together with the server that failed.
    log: File,
}

impl Guardian {
    /// Starts the server under a guardian that shares `lock`.
    pub(super) fn start(orders: &Orders<'_>, lock: &File) -> io::Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(orders.log)?;
        let word = |path: Option<&Path>| path.map_or_else(OsString::new, OsString::from);
        let mut command = Command::new("/bin/sh");
        clean_environment(&mut command);
        let mut child = command
            .args(["-c", SCRIPT, "nba-pg-guardian"])
            .arg(orders.log)
            .arg(orders.keep)
            .arg(word(orders.folder))
            .arg(word(orders.socket))
            .args(orders.words)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            // Not written to: this keeps the lock for as long as the guardian lives.
            .stdout(lock.try_clone()?)
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe, log })
    }

    /// Whether the server has ended, and how.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Tells the guardian a word; whether it could be told.
    pub(super) fn tell(&mut self, word: &str) -> bool {
        self.pipe
            .as_mut()
            .is_some_and(|pipe| writeln!(pipe, "{word}").is_ok())
    }

    /// Last lines of the server's log, on one line.
    pub(super) fn log_tail(&mut self) -> String {
        let mut read = || -> io::Result<String> {
            let length = self.log.metadata()?.len();
            self.log
                .seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
            let mut bytes = Vec::new();
            self.log.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().map_or_else(|error| format!("(no log: {error})"), |text| tail(&text))
    }

    /// Closes the pipe: the server stops at once.
    pub(super) fn let_go(&mut self) {
        self.pipe = None;
    }

    /// Waits until server and guardian are gone and the folder removed; whether that happened in time.
    pub(super) fn wait(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.ended().is_none() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

/// Last lines of a text, on one line.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join(" | ")
}
