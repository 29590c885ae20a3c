//! What a script may use: priority, memory, network.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where system programs are, whatever the script's own `PATH` says.
const SYSTEM_FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// Limits of one run. The default leaves everything as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Added to the niceness, 0 to 19: the live system comes first.
    pub niceness: u8,
    /// Address space of each of its processes, in bytes (`RLIMIT_AS`). Counts reserved memory, of which Python with numpy has
    /// much more than it uses: give some GB. Linux.
    pub memory: Option<u64>,
    /// No network at all, the machine's own included; Unix sockets still work. Linux.
    pub no_network: bool,
}

/// Whether a process can be cut off from the network here, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Isolation {
    /// With this program and these arguments in front.
    Possible(PathBuf, Vec<&'static str>),
    /// Not, for this reason.
    NotPermitted(String),
}

/// Finds out by doing it.
#[must_use]
pub fn network_isolation() -> Isolation {
    let unshare = SYSTEM_FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join("unshare"))
        .find(|program| super::is_executable(program));
    let Some(unshare) = unshare else {
        return Isolation::NotPermitted("the program `unshare` is not here".to_owned());
    };
    let mut tried = Vec::new();
    for arguments in [
        // As an ordinary user: a namespace of users first, in which one stays oneself.
        vec!["--user", "--map-current-user", "--net", "--"],
        vec!["--net", "--"],
    ] {
        let output = Command::new(&unshare)
            .args(&arguments)
            .arg("true")
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) if output.status.success() => {
                return Isolation::Possible(unshare, arguments);
            }
            Ok(output) => tried.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => tried.push(error.to_string()),
        }
    }
    tried.dedup();
    Isolation::NotPermitted(tried.join("; "))
}

impl Limits {
    /// The command with what has to stand in front of it.
    pub(super) fn wrap(
        &self,
        program: OsString,
        arguments: &[OsString],
    ) -> Result<(OsString, Vec<OsString>), String> {
        if !self.no_network {
            return Ok((program, arguments.to_vec()));
        }
        match network_isolation() {
            Isolation::NotPermitted(reason) => Err(reason),
            Isolation::Possible(unshare, first) => Ok((
                unshare.into(),
                first
                    .into_iter()
                    .map(OsString::from)
                    .chain([program])
                    .chain(arguments.iter().cloned())
                    .collect(),
            )),
        }
    }

    /// Makes the child begin with its own session and these limits.
    ///
    /// The session, and not only a process group, is what takes the terminal away: without it a script that opens `/dev/tty`
    /// to ask for a password would be stopped there until its deadline.
    pub(super) fn install(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt as _;

        let niceness = i32::from(self.niceness);
        let memory = self.memory;
        let begin = move || -> std::io::Result<()> {
            rustix::process::setsid()?;
            if niceness > 0 {
                rustix::process::nice(niceness)?;
            }
            #[cfg(target_os = "linux")]
            if memory.is_some() {
                let limit = rustix::process::Rlimit {
                    current: memory,
                    maximum: memory,
                };
                rustix::process::setrlimit(rustix::process::Resource::As, limit)?;
            }
            #[cfg(not(target_os = "linux"))]
            let _ = memory;
            Ok(())
        };
        #[expect(
            unsafe_code,
            reason = "no stable safe call gives a child its own session"
        )]
        // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes three plain system calls
        // through rustix, which neither allocate nor lock, and owns only two numbers.
        unsafe {
            command.pre_exec(begin);
        }
    }
}
