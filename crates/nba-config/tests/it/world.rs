//! A project folder, a home folder and an environment, all made up.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::PathBuf,
};

use nba_config::{Config, ConfigCheck, ConfigError, DatabaseTarget, ExposeSecret, Inputs};
use tempfile::TempDir;

pub(crate) struct World {
    root: TempDir,
    pub(crate) inputs: Inputs,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut inputs = Inputs::new(root.path().join("project"));
        inputs.home = Some(root.path().join("home"));
        fs::create_dir(root.path().join("project")).unwrap();
        fs::create_dir(root.path().join("home")).unwrap();
        Self { root, inputs }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// `path` starts with `project/` or `home/`; only the owner may read it.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        use std::io::Write as _;
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .unwrap();
        file.write_all(content.as_ref()).unwrap();
        self
    }

    pub(crate) fn open_to_all(self, path: &str) -> Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o644)).unwrap();
        self
    }

    /// `NAME=value` lines for the environment.
    pub(crate) fn env(mut self, lines: &str) -> Self {
        for line in lines.split_whitespace() {
            let (name, value) = line.split_once('=').unwrap();
            self.inputs.environment.insert(name.into(), value.into());
        }
        self
    }

    pub(crate) fn target_flag(mut self, name: &str) -> Self {
        self.inputs.flags.target = Some(name.into());
        self
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(self.inputs.clone()).unwrap()
    }

    pub(crate) fn database(&self) -> Result<DatabaseTarget, ConfigError> {
        self.config().database()
    }

    pub(crate) fn check(&self) -> ConfigCheck {
        self.config().check()
    }

    /// The codes of all findings, sorted, each once.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<_> = self
            .check()
            .findings
            .iter()
            .map(|finding| finding.code.as_str())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// `user:password@host:port/database`, the password in the clear.
pub(crate) fn whole(target: &DatabaseTarget) -> String {
    let password = target
        .password
        .as_ref()
        .map_or("-", |password| password.expose_secret());
    format!(
        "{}:{password}@{}:{}/{}",
        target.user, target.host, target.port, target.database
    )
}
