//! Where the commands of a page run: a legacy checkout, its credentials pointing at a replica, `nba` in the path.

use crate::page::Outcome;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Scale of the replica the pages are run against.
const SCALE: &str = "0.001";

/// One project for one page.
pub(crate) struct Sandbox {
    dir: TempDir,
    data_dir: Option<PathBuf>,
}

impl Sandbox {
    /// A checkout and a running replica.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("nba-docs-")
            .tempdir()
            .expect("a temporary folder");
        let data_dir = dir.path().join("replica");
        let sandbox = Self {
            data_dir: Some(data_dir.clone()),
            dir,
        };
        let data = data_dir.display();
        for setup in [
            format!("nba testkit build --scale {SCALE} --data-dir {data}"),
            format!("nba testkit checkout work --data-dir {data}"),
        ] {
            let outcome = sandbox.run_in(&setup, sandbox.dir.path());
            assert_eq!(outcome.code, Some(0), "`{setup}`: {}", outcome.output);
        }
        sandbox
    }

    /// Only a folder.
    pub(crate) fn without_replica() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let sandbox = Self {
            data_dir: None,
            dir,
        };
        std::fs::create_dir_all(sandbox.project()).expect("a project folder");
        sandbox
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("work/nba-simulator-aws")
    }

    /// Runs one command line where the one before left off: its folder and its exported variables.
    pub(crate) fn run(&self, command: &str) -> Outcome {
        let state = self.dir.path().join("state");
        let script = format!(
            "[ -e {state} ] && . {state}\n{command}\ncode=$?\n{{ export -p; echo cd \"'$PWD'\"; }} > {state}\nexit $code",
            state = state.display()
        );
        self.run_in(&script, &self.project())
    }

    fn run_in(&self, script: &str, dir: &Path) -> Outcome {
        let bin_dir = Path::new(env!("CARGO_BIN_EXE_nba"))
            .parent()
            .expect("a program lies in a folder")
            .display();
        #[expect(
            clippy::disallowed_methods,
            reason = "the commands need the programs of this machine"
        )]
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["-c", script])
            .current_dir(dir)
            .env_clear()
            .env("PATH", format!("{bin_dir}:{path}"))
            .env("HOME", self.dir.path().join("work/home"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        let text = [output.stdout, output.stderr].concat();
        Outcome {
            code: output.status.code(),
            output: String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(data_dir) = &self.data_dir {
            self.run_in(
                &format!("nba testkit stop --data-dir {}", data_dir.display()),
                self.dir.path(),
            );
        }
    }
}
