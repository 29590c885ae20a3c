//! The folders an embedded server lives in, who owns them, and sweeping what a killed process left.
//!
//! ```text
//! <run root>/            /tmp/nba-pg-<uid>; 0700, or 0711 for root, whose server may run as another account
//!   lock                 held while a folder is created or swept
//!   templates/           initialised clusters, one per version of the programs
//!   e-XXXXXXXX/          one ephemeral server: data/, s/ (socket), server.log, lock, run
//!   s-<hash>/            socket of a persistent server whose own path is too long
//! ```
//! A server folder's `lock` is held by us *and* by the guardian: free means both are gone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::EmbeddedError,
    running::{self, Occupant, Stop},
};

/// Bytes of a unix socket's path the kernel takes (108 with the closing zero on Linux, less on macOS).
pub const SOCKET_PATH_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Names of files in a server folder.
pub(super) const MARKER: &str = "nba-embedded";
const LOCK: &str = "lock";
const MARKER_TEXT: &str = "embedded PostgreSQL server of nba; see nba_db::embedded\n";

/// A locked folder for one server.
#[derive(Debug)]
pub(super) struct ServerFolder {
    pub(super) path: PathBuf,
    pub(super) lock: File,
    pub(super) ephemeral: bool,
}

impl ServerFolder {
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// A fresh folder below the run root, after sweeping what earlier processes left there.
    pub(super) fn ephemeral(root: &Path) -> Result<Self, EmbeddedError> {
        let _guard = lock_exclusively(&root.join(LOCK))?;
        sweep(root);
        let path = tempfile::Builder::new()
            .prefix("e-")
            .rand_bytes(8)
            .tempdir_in(root)
            .map_err(EmbeddedError::io("create a folder in", root))?
            .keep();
        let folder = Self {
            lock: lock_exclusively(&path.join(LOCK))?,
            path,
            ephemeral: true,
        };
        folder.mark()?;
        Ok(folder)
    }

    /// A folder chosen by the caller: new, empty, or used by us before.
    pub(super) fn persistent(path: &Path) -> Result<Self, EmbeddedError> {
        fs::create_dir_all(path).map_err(EmbeddedError::io("create", path))?;
        let path = path
            .canonicalize()
            .map_err(EmbeddedError::io("resolve", path))?;
        let mut entries = fs::read_dir(&path).map_err(EmbeddedError::io("list", &path))?;
        if !path.join(MARKER).exists() && entries.next().is_some() {
            return Err(EmbeddedError::ForeignFolder { folder: path });
        }
        let lock = open_lock(&path.join(LOCK))?;
        if lock.try_lock().is_err() {
            let pid = running::find(&path.join("data")).map(|server| server.pid());
            return Err(EmbeddedError::FolderInUse { folder: path, pid });
        }
        let folder = Self {
            path,
            lock,
            ephemeral: false,
        };
        folder.mark()?;
        Ok(folder)
    }

    fn mark(&self) -> Result<(), EmbeddedError> {
        let marker = self.path.join(MARKER);
        fs::write(&marker, MARKER_TEXT).map_err(EmbeddedError::io("write", &marker))
    }
}

/// The run root, created where missing and checked to be ours.
pub(super) fn run_root(chosen: Option<&Path>) -> Result<PathBuf, EmbeddedError> {
    let uid = rustix::process::geteuid();
    let path = chosen.map_or_else(
        // Not the user's TMPDIR: that may be too long for a socket, and is not ours to read.
        || PathBuf::from(format!("/tmp/nba-pg-{}", uid.as_raw())),
        Path::to_owned,
    );
    let mode = if uid.is_root() { 0o711 } else { 0o700 };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(&path)
        .map_err(EmbeddedError::io("create", &path))?;
    // Somebody else could have made the folder first, or a link, to watch our sockets.
    let metadata = fs::symlink_metadata(&path).map_err(EmbeddedError::io("inspect", &path))?;
    if metadata.uid() != uid.as_raw() || (chosen.is_none() && !metadata.is_dir()) {
        return Err(EmbeddedError::NotOurs {
            path,
            owner: metadata.uid(),
        });
    }
    Ok(path)
}

/// Where the socket goes: the wish, which must fit; else inside the server's folder; else below the root.
pub(super) fn socket_folder(
    wish: Option<&Path>,
    folder: &Path,
    root: &Path,
    port: u16,
) -> Result<PathBuf, EmbeddedError> {
    let fits = |candidate: &Path| socket_length(candidate, port) <= SOCKET_PATH_MAX;
    let chosen = match wish {
        Some(wish) => wish.to_owned(),
        None => {
            let inside = folder.join("s");
            if fits(&inside) {
                inside
            } else {
                hashed(folder, root, fits)
            }
        }
    };
    if !fits(&chosen) {
        return Err(EmbeddedError::SocketPathTooLong {
            length: socket_length(&chosen, port),
            path: chosen.join(format!(".s.PGSQL.{port}")),
        });
    }
    if !chosen.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&chosen)
            .map_err(EmbeddedError::io("create", &chosen))?;
    }
    Ok(chosen)
}

/// A short folder for a server in a long one: below the root, or below the default root where that is long too.
fn hashed(folder: &Path, root: &Path, fits: impl Fn(&Path) -> bool) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    let name = format!("s-{:016x}", hasher.finish());
    let near = root.join(&name);
    if fits(&near) {
        return near;
    }
    run_root(None).map_or(near, |short| short.join(name))
}

fn socket_length(folder: &Path, port: u16) -> usize {
    folder.as_os_str().as_bytes().len() + format!("/.s.PGSQL.{port}").len()
}

/// Removes ephemeral folders whose owner and guardian are both gone, stopping a server orphaned in one.
///
/// What cannot be removed is left for the next sweep: this must not keep a new server from starting.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let is_ours =
            entry.file_name().as_bytes().starts_with(b"e-") && path.join(MARKER).is_file();
        if !is_ours {
            continue;
        }
        let Ok(lock) = open_lock(&path.join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_err() {
            continue;
        }
        let gone = match running::occupant(&path.join("data")) {
            Occupant::Nobody => true,
            Occupant::Server(server) => server.started_in(&path) && server.stop(Stop::Immediate),
            Occupant::Unknown => false,
        };
        if !gone {
            tracing::warn!(folder = %path.display(), "a server may run in an abandoned folder, left alone");
            continue;
        }
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(folder = %path.display(), %error, "cannot remove an abandoned folder");
        }
    }
}

/// Waits until a folder's lock is free, which is when its guardian has gone; whether it became so in time.
pub(super) fn wait_until_free(folder: &Path, limit: Duration) -> Result<bool, EmbeddedError> {
    let lock = open_lock(&folder.join(LOCK))?;
    let deadline = Instant::now() + limit;
    while lock.try_lock().is_err() {
        if Instant::now() > deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

fn open_lock(path: &Path) -> Result<File, EmbeddedError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(EmbeddedError::io("open", path))
}

/// Opens and locks a file, waiting for others.
pub(super) fn lock_exclusively(path: &Path) -> Result<File, EmbeddedError> {
    let file = open_lock(path)?;
    file.lock().map_err(EmbeddedError::io("lock", path))?;
    Ok(file)
}

/// Makes a folder readable only by its owner, which `postgres` demands of its data.
pub(super) fn close_to_others(path: &Path) -> Result<(), EmbeddedError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(EmbeddedError::io("protect", path))
}
