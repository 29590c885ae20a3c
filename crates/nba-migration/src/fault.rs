//! Step boundaries at which tests end the process, so that what a crash leaves there is looked at, not guessed.
//!
//! Everything that writes in steps names the boundary between two of them with `point`. Without the feature `fault-points`, which
//! only tests switch on, that is nothing at all. With it, a test lets a run write down the boundaries it passes
//! ([`Fault::Trace`]) and then kills or holds one run at each of them: every boundary there is, not a sample.

/// What happens at boundaries.
#[cfg(feature = "fault-points")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The name of each boundary is appended to this file, one per line.
    Trace(std::path::PathBuf),
    /// At the boundary with this number, from 1, the process gets SIGKILL: nothing of it runs any more.
    Kill(usize),
    /// At that boundary the process stops itself (SIGSTOP) until it gets SIGCONT, so that a test can take something away meanwhile.
    Hold(usize),
}

#[cfg(feature = "fault-points")]
mod armed {
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Fault;

    static FAULT: OnceLock<Fault> = OnceLock::new();
    static PLANTED: OnceLock<String> = OnceLock::new();
    static PASSED: AtomicUsize = AtomicUsize::new(0);

    /// A text that is no [`Fault`].
    #[derive(Debug, thiserror::Error)]
    #[error("`{0}` is none of trace:FILE, kill:N, hold:N")]
    pub struct BadFault(String);

    impl std::str::FromStr for Fault {
        type Err = BadFault;

        fn from_str(text: &str) -> Result<Self, BadFault> {
            let bad = || BadFault(text.to_owned());
            let (word, rest) = text.split_once(':').ok_or_else(bad)?;
            let number = || rest.parse().map_err(|_| bad());
            match word {
                "trace" => Ok(Self::Trace(rest.into())),
                "kill" => Ok(Self::Kill(number()?)),
                "hold" => Ok(Self::Hold(number()?)),
                _ => Err(bad()),
            }
        }
    }

    /// Says what happens at boundaries from now on; the first call counts.
    pub fn arm(fault: Fault) {
        // A second one would make the numbers of the first meaningless.
        let _ = FAULT.set(fault);
    }

    /// Plants a step that is wrong on purpose, so that the tests of steps can show that they would notice; the first call counts.
    pub fn plant(name: impl Into<String>) {
        let _ = PLANTED.set(name.into());
    }

    pub(crate) fn planted(name: &str) -> bool {
        PLANTED.get().is_some_and(|planted| planted == name)
    }

    pub(crate) fn point(name: &str) {
        let Some(fault) = FAULT.get() else { return };
        let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        match fault {
            Fault::Trace(file) => {
                let written = std::fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(file)
                    .and_then(|mut file| writeln!(file, "{name}"));
                if let Err(error) = written {
                    tracing::error!(%error, "a boundary could not be written down");
                }
            }
            Fault::Kill(at) if *at == number => {
                let _ = kill_process(getpid(), Signal::KILL);
                // The signal may reach another thread first.
                loop {
                    std::thread::park();
                }
            }
            Fault::Hold(at) if *at == number => {
                let _ = kill_process(getpid(), Signal::STOP);
            }
            _ => {}
        }
    }
}

#[cfg(feature = "fault-points")]
pub use self::armed::{BadFault, arm, plant};
#[cfg(feature = "fault-points")]
pub(crate) use self::armed::{planted, point};

/// The boundary called `name` is passed.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub(crate) fn point(_name: &str) {}

/// Whether the wrong step called `name` was planted: never outside of tests.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub(crate) fn planted(_name: &str) -> bool {
    false
}
