//! Running the server programs as someone PostgreSQL accepts.
//!
//! `initdb` and `postgres` refuse user id 0. Root has two ways around it: a user namespace in which
//! the process believes to be user 1000 (files stay root's, nothing has to be chowned, folders below
//! a closed `/root` work), or dropping privileges to another account. The first is tried first;
//! containers with a strict system call filter forbid it.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt, lchown},
    path::Path,
    process::{Command, Stdio},
};

use super::error::EmbeddedError;

/// Whom to run the server as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RunAs {
    /// Ourselves; as root the user namespace, and where that is forbidden another account.
    #[default]
    Auto,
    /// As root: only the user namespace.
    UserNamespace,
    /// As root: only dropping privileges to `postgres`, or `nobody` where there is none.
    OtherAccount,
}

/// The decision taken for this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Privilege {
    /// Start programs directly.
    Direct,
    /// Start programs through `unshare`.
    Namespace,
    /// Start programs through `setpriv`, after giving them their files.
    Drop { uid: u32, gid: u32 },
}

impl Privilege {
    /// Finds a way that works, by trying it.
    pub(super) fn choose(run_as: RunAs) -> Result<Self, EmbeddedError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Direct);
        }
        let namespace = match run_as {
            RunAs::OtherAccount => Err("not tried".to_owned()),
            _ => Self::Namespace.works(),
        };
        let Err(namespace) = namespace else {
            return Ok(Self::Namespace);
        };
        let drop = match run_as {
            RunAs::UserNamespace => Err("not tried".to_owned()),
            _ => match account(&fs::read_to_string("/etc/passwd").unwrap_or_default()) {
                None => Err("no account `postgres` or `nobody`".to_owned()),
                Some((uid, gid)) => {
                    let way = Self::Drop { uid, gid };
                    way.works().map(|()| way)
                }
            },
        };
        drop.map_err(|drop| EmbeddedError::RootRefused { namespace, drop })
    }

    /// The words to put before a program.
    pub(super) fn prefix(&self) -> Vec<OsString> {
        match self {
            Self::Direct => Vec::new(),
            Self::Namespace => [
                "unshare",
                "--user",
                "--map-user=1000",
                "--map-group=1000",
                "--",
            ]
            .map(OsString::from)
            .into(),
            Self::Drop { uid, gid } => vec![
                "setpriv".into(),
                format!("--reuid={uid}").into(),
                format!("--regid={gid}").into(),
                "--clear-groups".into(),
                "--".into(),
            ],
        }
    }

    /// A command that runs `program` this way, with a clean environment.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut words = self.prefix();
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        clean_environment(&mut command);
        command
    }

    /// Gives a file or folder tree to the server's account, where that is not us.
    pub(super) fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Self::Drop { uid, gid } = *self else {
            return Ok(());
        };
        let metadata = fs::symlink_metadata(path).map_err(EmbeddedError::io("inspect", path))?;
        if (metadata.uid(), metadata.gid()) != (uid, gid) {
            lchown(path, Some(uid), Some(gid)).map_err(EmbeddedError::io("give away", path))?;
        }
        if metadata.is_dir() {
            for entry in fs::read_dir(path).map_err(EmbeddedError::io("list", path))? {
                let entry = entry.map_err(EmbeddedError::io("list", path))?;
                self.give(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Tries the way on a harmless program.
    fn works(&self) -> Result<(), String> {
        let output = self
            .command(Path::new("true"))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// Nothing of ours reaches the server: `PG*` variables would change what it does.
pub(super) fn clean_environment(command: &mut Command) {
    command
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
}

/// User and group id of `postgres`, else `nobody`, out of the text of `/etc/passwd`.
pub(super) fn account(passwd: &str) -> Option<(u32, u32)> {
    ["postgres", "nobody"].iter().find_map(|name| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != *name {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some((uid, gid))
        })
    })
}
