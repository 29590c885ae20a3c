//! Initialising a data folder: by `initdb`, or for throw-away servers by copying an initialised one.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    binaries::PgBinaries, error::EmbeddedError, guardian::tail, privilege::Privilege, run_folder,
    system_id,
};

/// Our settings, read last by the server.
pub(super) const CONF_FILE: &str = "nba.conf";

/// What `initdb` is told.
#[derive(Debug)]
pub(super) struct Initialisation<'a> {
    pub(super) programs: &'a PgBinaries,
    pub(super) privilege: &'a Privilege,
    pub(super) superuser: &'a str,
    pub(super) arguments: &'a [String],
}

impl Initialisation<'_> {
    /// Fills `data` from the cached template, making that first where it is missing or damaged.
    pub(super) fn copy_template(&self, cache: &Path, data: &Path) -> Result<(), EmbeddedError> {
        fs::create_dir_all(cache).map_err(EmbeddedError::io("create", cache))?;
        let key = self.key();
        let template = cache.join(&key);
        let manifest = cache.join(format!("{key}.manifest"));
        let guard = run_folder::lock_exclusively(&cache.join(format!("{key}.lock")))?;
        if let Ok(expected) = fs::read_to_string(&manifest) {
            let copied = copy_tree(&template, data);
            // A cleaner of old temporary files may have taken some: then it is no template any more.
            let complete = copied
                .as_ref()
                .is_ok_and(|copied| copied.manifest() == expected);
            if complete && system_id::renew(data, new_system_identifier()).is_ok() {
                return self.privilege.give(data);
            }
            tracing::debug!(template = %template.display(), "template unusable, made again");
            remove_if_there(&template)?;
            remove_if_there(data)?;
        }
        self.run_initdb(data, &["--no-sync"])?;
        remove_if_there(&template)?;
        let copied = copy_tree(data, &template)?;
        fs::write(&manifest, copied.manifest()).map_err(EmbeddedError::io("write", &manifest))?;
        drop(guard);
        Ok(())
    }

    /// Fills `data` by `initdb`, with everything on the disk afterwards.
    pub(super) fn initdb(&self, data: &Path) -> Result<(), EmbeddedError> {
        self.run_initdb(data, &[])
    }

    fn run_initdb(&self, data: &Path, more: &[&str]) -> Result<(), EmbeddedError> {
        fs::create_dir_all(data).map_err(EmbeddedError::io("create", data))?;
        run_folder::close_to_others(data)?;
        self.privilege.give(data)?;
        let output = self
            .privilege
            .command(&self.programs.program("initdb"))
            .arg("--pgdata")
            .arg(data)
            .args(["--username", self.superuser])
            // The same everywhere, and sorted like Rust sorts: by bytes.
            .args(["--encoding=UTF8", "--no-locale", "--auth=trust"])
            .args(more)
            .args(self.arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| EmbeddedError::Program {
                program: "initdb".to_owned(),
                status: "did not start".to_owned(),
                output: error.to_string(),
            })?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            return Err(EmbeddedError::Program {
                program: "initdb".to_owned(),
                status: output.status.to_string(),
                output: tail(&String::from_utf8_lossy(&said)),
            });
        }
        let conf = data.join("postgresql.conf");
        fs::OpenOptions::new()
            .append(true)
            .open(&conf)
            .and_then(|mut file| writeln!(file, "include_if_exists = '{CONF_FILE}'"))
            .map_err(EmbeddedError::io("extend", &conf))
    }

    /// Names the template: same name, same result of `initdb`.
    fn key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.programs.version().hash(&mut hasher);
        self.programs.folder().hash(&mut hasher);
        self.superuser.hash(&mut hasher);
        self.arguments.hash(&mut hasher);
        format!("pg{}-{:016x}", self.programs.major(), hasher.finish())
    }
}

/// What a copy consisted of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Copied {
    entries: u64,
    bytes: u64,
}

impl Copied {
    fn manifest(&self) -> String {
        format!("{} entries, {} bytes\n", self.entries, self.bytes)
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<Copied, EmbeddedError> {
    fs::create_dir_all(to).map_err(EmbeddedError::io("create", to))?;
    run_folder::close_to_others(to)?;
    let mut copied = Copied::default();
    for entry in fs::read_dir(from).map_err(EmbeddedError::io("list", from))? {
        let entry = entry.map_err(EmbeddedError::io("list", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry
            .file_type()
            .map_err(EmbeddedError::io("inspect", &source))?;
        copied.entries += 1;
        if kind.is_dir() {
            let inner = copy_tree(&source, &target)?;
            copied.entries += inner.entries;
            copied.bytes += inner.bytes;
        } else {
            copied.bytes +=
                fs::copy(&source, &target).map_err(EmbeddedError::io("copy", &source))?;
        }
    }
    Ok(copied)
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EmbeddedError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Seconds in the upper half as PostgreSQL does it, chance in the lower instead of microseconds and process id.
fn new_system_identifier() -> u64 {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let [a, b, c, d, ..] = uuid::Uuid::new_v4().into_bytes();
    (seconds << 32) | u64::from(u32::from_ne_bytes([a, b, c, d]))
}

/// Version a data folder was made with, where it is one.
pub(super) fn folder_major(data: &Path) -> Option<String> {
    let text = fs::read_to_string(data.join("PG_VERSION")).ok()?;
    Some(text.trim().to_owned())
}

/// Default place of the templates.
pub(super) fn default_cache(root: &Path) -> PathBuf {
    root.join("templates")
}
