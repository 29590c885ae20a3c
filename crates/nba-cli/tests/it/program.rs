//! Running `nba` in an environment that holds nothing of this machine.

use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest run of any command here: one that hangs is a finding.
const LIMIT: Duration = Duration::from_secs(90);

/// Pause between two looks at something that takes its time.
const POLL: Duration = Duration::from_millis(20);

/// A home, a working folder and variables, in which the program runs.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) home: PathBuf,
    pub(crate) project: PathBuf,
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Place {
    /// Empty folders below `dir`.
    pub(crate) fn empty(dir: &Path) -> Self {
        let place = Self {
            home: dir.join("home"),
            project: dir.join("project"),
            variables: Vec::new(),
        };
        std::fs::create_dir_all(&place.home).unwrap();
        std::fs::create_dir_all(&place.project).unwrap();
        place
    }

    /// The same with one more variable.
    pub(crate) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut place = self.clone();
        place.variables.push((name, value.into()));
        place
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", &self.home)
            .env("NO_COLOR", "1")
            // Without credentials the object store's client would look for a cloud around it.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.project)
            .stdin(Stdio::null());
        command
    }

    /// Starts `nba` and does not wait.
    pub(crate) fn spawn<A: AsRef<str>>(&self, words: &[A]) -> Running {
        let mut command = self.command(env!("CARGO_BIN_EXE_nba"));
        command
            .args(words.iter().map(AsRef::as_ref))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running {
            child: Some(command.spawn().unwrap()),
            command: words
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// Runs `nba` to its end.
    pub(crate) fn nba<A: AsRef<str>>(&self, words: &[A]) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(env!("CARGO_BIN_EXE_nba")));
        command.args(words.iter().map(AsRef::as_ref)).timeout(LIMIT);
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        Ran::new(words.join(" "), command.output().unwrap())
    }

    /// Runs a line of shell with `nba` in its path.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        let folder = Path::new(env!("CARGO_BIN_EXE_nba")).parent().unwrap();
        let mut command = assert_cmd::Command::from_std(self.command("bash"));
        command
            .args(["-c", line])
            .env("PATH", format!("{}:{}", folder.display(), search_path()))
            .timeout(LIMIT);
        Ran::new(line.to_owned(), command.output().unwrap())
    }
}

/// Where this machine has its programs: all that reaches the program of it.
fn search_path() -> String {
    let own = nba_config::Inputs::from_process().unwrap().environment;
    own.get("PATH").cloned().unwrap_or_default()
}

/// A finished run.
pub(crate) struct Ran {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn new(command: String, output: Output) -> Self {
        Self {
            command,
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails unless it ended with this exit code and without a panic.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        assert!(!self.err.contains("panicked"), "{self}");
        self
    }

    /// Standard output, which has to be one JSON document and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON: {error}: {self}"))
    }

    /// Fails unless standard error, or in JSON mode the error, contains this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.err.contains(text) || self.out.contains(text),
            "`{text}` is missing in {self}"
        );
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ({:?})\n--- standard output\n{}\n--- standard error\n{}",
            self.command, self.code, self.out, self.err
        )
    }
}

/// A program that is still running; dropping it kills it.
pub(crate) struct Running {
    child: Option<Child>,
    command: String,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Sends a signal by name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Kills it, unless it has ended.
    pub(crate) fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Its end, which has to come before the limit.
    #[track_caller]
    pub(crate) fn ends_within(mut self, limit: Duration) -> Ran {
        wait_for(&format!("the end of `{}`", self.command), limit, || {
            self.has_ended().then_some(())
        });
        Ran::new(
            self.command.clone(),
            self.child.take().unwrap().wait_with_output().unwrap(),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Looks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "no {what} within {} s",
            limit.as_secs()
        );
        std::thread::sleep(POLL);
    }
}

/// Whether a process is there and has not ended (a zombie that nobody collects has).
pub(crate) fn is_alive(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}
