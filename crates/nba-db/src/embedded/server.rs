//! Starting, using and stopping one server.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use nba_config::{DatabaseTarget, Host, SslMode};
use tokio::task::spawn_blocking;

use super::{
    binaries::PgBinaries,
    error::EmbeddedError,
    guardian::{Guardian, Orders},
    options::{Durability, EmbeddedOptions, Storage, TcpPort},
    privilege::Privilege,
    run_folder::{self, ServerFolder},
    running::{self, Occupant, RUN_FILE, RUN_SETTING, Stop},
    template::{self, CONF_FILE, Initialisation},
};

/// Port of a server without TCP: it only names the socket.
const SOCKET_PORT: u16 = 5432;
/// Between choosing a free port and using it somebody else may take it.
const PORT_ATTEMPTS: u32 = 5;
/// Polling interval while waiting for readiness; a start takes about 100 ms.
const READY_POLL: Duration = Duration::from_millis(5);
/// Time a fast stop gets (it writes all dirty pages) before it becomes an immediate one.
const FAST_STOP: Duration = Duration::from_secs(30);
/// Time an immediate stop, and removing the folder, get.
const IMMEDIATE_STOP: Duration = Duration::from_secs(15);
/// Longest name PostgreSQL keeps.
const NAME_MAX: usize = 63;

/// A private PostgreSQL server; dropping it stops it and removes what it made.
///
/// The methods are async and safe to cancel: blocking work runs to its end in a blocking task.
/// Dropping blocks until the server is gone (some 50 ms); call [`EmbeddedServer::stop`] where that matters.
#[derive(Debug)]
pub struct EmbeddedServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    programs: PgBinaries,
    privilege: Privilege,
    folder: ServerFolder,
    socket_dir: PathBuf,
    tcp: Option<TcpPort>,
    port: u16,
    superuser: String,
    start_timeout: Duration,
    /// Whether the socket's folder was made for this server.
    own_socket_dir: bool,
    /// `None` before the start, and once stopped or detached.
    guardian: Mutex<Option<Guardian>>,
    /// Set when the server shall outlive us.
    detached: AtomicBool,
}

impl EmbeddedServer {
    /// Starts a server and returns when it accepts connections.
    ///
    /// # Errors
    ///
    /// See [`EmbeddedError`]: no programs, a folder in use or not ours, a start that failed.
    pub async fn start(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        blocking(move || Self::start_blocking(&options)).await
    }

    /// [`EmbeddedServer::start`] for code without an async runtime.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedServer::start`].
    pub fn start_blocking(options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let programs = PgBinaries::find(&options.search)?;
        let privilege = Privilege::choose(options.run_as)?;
        let root = run_folder::run_root(options.run_dir.as_deref())?;
        let folder = match &options.storage {
            Storage::Ephemeral => ServerFolder::ephemeral(&root)?,
            Storage::Folder(path) => ServerFolder::persistent(path)?,
        };
        let fixed = match options.tcp {
            Some(TcpPort::Fixed(port)) => port,
            _ => SOCKET_PORT,
        };
        let mut inner = Inner {
            socket_dir: PathBuf::new(),
            port: fixed,
            tcp: options.tcp,
            superuser: options.superuser.clone(),
            start_timeout: options.start_timeout,
            own_socket_dir: options.socket_dir.is_none(),
            guardian: Mutex::new(None),
            detached: AtomicBool::new(false),
            programs,
            privilege,
            folder,
        };
        inner.initialise(options, &root)?;
        for attempt in 1..=PORT_ATTEMPTS {
            if options.tcp == Some(TcpPort::Any) {
                inner.port = free_port()?;
            }
            inner.socket_dir = run_folder::socket_folder(
                options.socket_dir.as_deref(),
                &inner.folder.path,
                &root,
                inner.port,
            )?;
            inner.privilege.give(&inner.socket_dir)?;
            inner.write_configuration(options)?;
            let may_retry = options.tcp == Some(TcpPort::Any) && attempt < PORT_ATTEMPTS;
            let launched = if may_retry {
                inner.keeping_the_folder(Inner::launch)
            } else {
                inner.launch()
            };
            match launched {
                Err(EmbeddedError::NotReady { log, .. })
                    if may_retry && log.contains("could not bind") => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        tracing::debug!(
            data = %inner.folder.data().display(),
            socket = %inner.socket_dir.display(),
            port = inner.port,
            "embedded server ready"
        );
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Folder of the unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.inner.socket_dir
    }

    /// Port, of the socket's name and of 127.0.0.1 where that was asked for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Name of the superuser, who needs no password on the socket.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.inner.superuser
    }

    /// Folder of everything that belongs to this server. An ephemeral one disappears with the server, however that
    /// ends, and with whatever else was put there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder.path
    }

    /// The data folder (`PGDATA`).
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.inner.folder.data()
    }

    /// The server's log file.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.inner.folder.log()
    }

    /// The server programs in use, for `pg_dump`, `psql` and the like.
    #[must_use]
    pub fn programs(&self) -> &PgBinaries {
        &self.inner.programs
    }

    /// Connection URL of a database, through the socket; every driver takes this form.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        // There is no password to mask.
        self.target(database).to_url_masked()
    }

    /// A database of this server as a connection target, through the socket.
    #[must_use]
    pub fn target(&self, database: &str) -> DatabaseTarget {
        let mut target = DatabaseTarget::new(
            Host::Unix(self.socket_dir().to_owned()),
            self.port(),
            database,
            self.user(),
        );
        target.ssl = SslMode::Disable;
        target
    }

    /// Creates an empty database.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Sql`], for example when it exists.
    pub async fn create_database(&self, name: &str) -> Result<(), EmbeddedError> {
        let statement = format!("CREATE DATABASE {}", quoted(name)?);
        self.execute(&format!("create database `{name}`"), &statement)
            .await
    }

    /// Creates a database as a copy of another one, to which nobody may be connected.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Sql`], for example when the template is in use.
    pub async fn create_database_from_template(
        &self,
        name: &str,
        template: &str,
    ) -> Result<(), EmbeddedError> {
        let mut statement = format!(
            "CREATE DATABASE {} TEMPLATE {}",
            quoted(name)?,
            quoted(template)?
        );
        if self.inner.programs.major() >= 15 {
            // Files are copied as they are; the other way writes every page to the WAL.
            statement.push_str(" STRATEGY file_copy");
        }
        self.execute(
            &format!("create database `{name}` from `{template}`"),
            &statement,
        )
        .await
    }

    /// Gives a database another name; whoever is connected to it has a few seconds to go.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Sql`], for example when the new name is taken.
    pub async fn rename_database(&self, from: &str, to: &str) -> Result<(), EmbeddedError> {
        let statement = format!("ALTER DATABASE {} RENAME TO {}", quoted(from)?, quoted(to)?);
        self.execute(&format!("rename database `{from}` to `{to}`"), &statement)
            .await
    }

    /// Removes a database, disconnecting whoever uses it; one that is not there is fine.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Sql`].
    pub async fn drop_database(&self, name: &str) -> Result<(), EmbeddedError> {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)?);
        self.execute(&format!("drop database `{name}`"), &statement)
            .await
    }

    /// Stops the server (fast: clients are disconnected, data is written) and removes an ephemeral folder.
    ///
    /// Stopping a stopped server is fine.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::NotStopped`].
    pub async fn stop(&self) -> Result<(), EmbeddedError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.stop()).await
    }

    /// Stops the server and starts it again, on the same data, socket and port.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedServer::start`] and [`EmbeddedServer::stop`].
    pub async fn restart(&self) -> Result<(), EmbeddedError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.keeping_the_folder(|inner| inner.stop().and_then(|()| inner.launch()))
        })
        .await
    }

    /// Leaves the server running after this process; [`stop_folder`] stops it. Returns its folder.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::NotReady`] when the server is not running any more.
    pub fn detach(self) -> Result<PathBuf, EmbeddedError> {
        let mut slot = self.inner.guardian();
        let told = slot
            .as_mut()
            .is_some_and(|guardian| guardian.ended().is_none() && guardian.tell("detach"));
        if !told {
            let problem = "is not running any more".to_owned();
            return Err(self.inner.not_ready(problem, slot.as_mut()));
        }
        *slot = None;
        self.inner.detached.store(true, Ordering::Relaxed);
        Ok(self.inner.folder.path.clone())
    }

    async fn execute(&self, operation: &str, statement: &str) -> Result<(), EmbeddedError> {
        let failed = |source: tokio_postgres::Error| {
            let answer = source.as_db_error();
            EmbeddedError::Sql {
                operation: operation.to_owned(),
                sqlstate: answer.map(|a| a.code().code().to_owned()),
                message: answer.map(|a| a.message().to_owned()).unwrap_or_default(),
                source,
            }
        };
        let (client, connection) = tokio_postgres::Config::new()
            .host_path(self.socket_dir())
            .port(self.port())
            .user(self.user())
            .dbname("postgres")
            .application_name("nba/embedded")
            .connect(tokio_postgres::NoTls)
            .await
            .map_err(failed)?;
        let driver = tokio::spawn(connection);
        let result = client.batch_execute(statement).await.map_err(failed);
        drop(client);
        // The connection's own end says nothing new once the statement has answered.
        let _ = driver.await;
        result
    }
}

/// Stops a server left running by [`EmbeddedServer::detach`], if one of ours runs on this folder.
///
/// Blocking; returns whether there was one.
///
/// # Errors
///
/// [`EmbeddedError::FolderInUse`] when a server runs there that was not started by this program,
/// [`EmbeddedError::NotStopped`] when it does not stop in time.
pub fn stop_folder(folder: &Path) -> Result<bool, EmbeddedError> {
    let Some(server) = running::find(&folder.join("data")) else {
        return Ok(false);
    };
    if !server.started_in(folder) {
        return Err(EmbeddedError::FolderInUse {
            folder: folder.to_owned(),
            pid: Some(server.pid()),
        });
    }
    if server.stop(Stop::Fast) && run_folder::wait_until_free(folder, IMMEDIATE_STOP)? {
        return Ok(true);
    }
    Err(EmbeddedError::NotStopped {
        data: folder.join("data"),
        seconds: running::STOP_DEADLINE.as_secs(),
    })
}

impl Inner {
    fn guardian(&self) -> MutexGuard<'_, Option<Guardian>> {
        // A panic elsewhere leaves the slot as it was: full or empty, both fine.
        self.guardian.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_ready(&self, problem: String, guardian: Option<&mut Guardian>) -> EmbeddedError {
        EmbeddedError::NotReady {
            data: self.folder.data(),
            problem,
            log: guardian.map_or_else(|| "(stopped before)".to_owned(), Guardian::log_tail),
        }
    }

    /// Makes sure the data folder is one, made by this version, with no server of ours left on it.
    fn initialise(&self, options: &EmbeddedOptions, root: &Path) -> Result<(), EmbeddedError> {
        let data = self.folder.data();
        // The folder's lock is ours, so whoever runs there has lost its guardian.
        if let Some(orphan) = running::find(&data)
            && (!orphan.started_in(&self.folder.path) || !orphan.stop(Stop::Fast))
        {
            return Err(EmbeddedError::FolderInUse {
                folder: self.folder.path.clone(),
                pid: Some(orphan.pid()),
            });
        }
        if let Some(folder_major) = template::folder_major(&data) {
            if folder_major != self.programs.major().to_string() {
                return Err(EmbeddedError::VersionMismatch {
                    folder: data,
                    folder_major,
                    programs_major: self.programs.major(),
                });
            }
            return self.privilege.give(&data);
        }
        let initialisation = Initialisation {
            programs: &self.programs,
            privilege: &self.privilege,
            superuser: &self.superuser,
            arguments: &options.initdb_args,
        };
        // Under another name first: half an initialisation must not pass for a data folder.
        let fresh = data.with_added_extension("new");
        template::remove_if_there(&fresh)?;
        match options.durability {
            Durability::Throwaway => {
                let cache = options
                    .cache_dir
                    .clone()
                    .unwrap_or_else(|| template::default_cache(root));
                initialisation.copy_template(&cache, &fresh)?;
            }
            Durability::Safe => initialisation.initdb(&fresh)?,
        }
        fs::rename(&fresh, &data).map_err(EmbeddedError::io("rename", &fresh))
    }

    fn write_configuration(&self, options: &EmbeddedOptions) -> Result<(), EmbeddedError> {
        let data = self.folder.data();
        let mut conf = String::new();
        let mut set = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(conf, "{name} = {}", conf_quoted(value));
        };
        let listen = if self.tcp.is_some() { "127.0.0.1" } else { "" };
        set("listen_addresses", listen);
        set("port", &self.port.to_string());
        // A list: quoted, so that commas and spaces belong to the path.
        let socket = self.socket_dir.to_string_lossy().replace('"', "\"\"");
        set("unix_socket_directories", &format!("\"{socket}\""));
        set("unix_socket_permissions", "0700");
        set("logging_collector", "off");
        set("log_destination", "stderr");
        set("log_line_prefix", "%m [%p] %q%u@%d ");
        set("cluster_name", "nba-embedded");
        if options.durability == Durability::Throwaway {
            for (name, value) in [
                ("fsync", "off"),
                ("synchronous_commit", "off"),
                ("full_page_writes", "off"),
                ("wal_level", "minimal"),
                ("max_wal_senders", "0"),
                ("max_wal_size", "2GB"),
                ("checkpoint_timeout", "30min"),
            ] {
                set(name, value);
            }
        }
        for (name, value) in &options.conf {
            set(name, value);
        }
        let mut hba = options.hba.join("\n");
        hba.push_str("\nlocal all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");

        self.write_file(&data.join(CONF_FILE), conf.as_bytes())?;
        self.write_file(&data.join("pg_hba.conf"), hba.as_bytes())?;
        for (name, content) in &options.files {
            self.write_file(&data.join(name), content)?;
        }
        Ok(())
    }

    /// Writes a file only the server may read.
    fn write_file(&self, path: &Path, content: &[u8]) -> Result<(), EmbeddedError> {
        fs::write(path, content).map_err(EmbeddedError::io("write", path))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .map_err(EmbeddedError::io("protect", path))?;
        self.privilege.give(path)
    }

    /// Does something during which a server that ends does not take its folder with it.
    fn keeping_the_folder(
        &self,
        work: impl FnOnce(&Self) -> Result<(), EmbeddedError>,
    ) -> Result<(), EmbeddedError> {
        let keep = self.keep_file();
        fs::write(&keep, "").map_err(EmbeddedError::io("write", &keep))?;
        let done = work(self);
        fs::remove_file(&keep).map_err(EmbeddedError::io("remove", &keep))?;
        done
    }

    fn keep_file(&self) -> PathBuf {
        self.folder.path.join("keep")
    }

    /// Starts the server process and waits until it is ready.
    fn launch(&self) -> Result<(), EmbeddedError> {
        let (data, log) = (self.folder.data(), self.folder.log());
        let run = uuid::Uuid::new_v4();
        let run_file = self.folder.path.join(RUN_FILE);
        fs::write(&run_file, run.to_string()).map_err(EmbeddedError::io("write", &run_file))?;
        let pid_file = data.join("postmaster.pid");
        // Of an earlier server: not to be believed, and a reason for the new one not to start when its
        // number is in use again. Where there is doubt it stays, and PostgreSQL decides.
        if matches!(running::occupant(&data), Occupant::Nobody) {
            remove_if_there(&pid_file)?;
        }
        let stale = fs::read_to_string(&pid_file).ok();
        remove_if_there(&log.with_added_extension("detached"))?;
        let mut words = self.privilege.prefix();
        words.extend([
            OsString::from(self.programs.program("postgres")),
            "-D".into(),
            data.clone().into(),
            "-c".into(),
            format!("{RUN_SETTING}={run}").into(),
        ]);
        let outside = self.own_socket_dir && !self.socket_dir.starts_with(&self.folder.path);
        let orders = Orders {
            words: &words,
            log: &log,
            keep: &self.keep_file(),
            folder: self.folder.ephemeral.then_some(self.folder.path.as_path()),
            socket: outside.then_some(self.socket_dir.as_path()),
        };
        let mut guardian = Guardian::start(&orders, &self.folder.lock)
            .map_err(EmbeddedError::io("start a guardian for", &data))?;
        let deadline = Instant::now() + self.start_timeout;
        let problem = loop {
            if is_ready(&pid_file, stale.as_deref()) {
                *self.guardian() = Some(guardian);
                return Ok(());
            }
            if let Some(status) = guardian.ended() {
                break format!("stopped while starting ({status})");
            }
            if Instant::now() > deadline {
                break format!("was not ready after {} s", self.start_timeout.as_secs());
            }
            std::thread::sleep(READY_POLL);
        };
        let error = self.not_ready(problem, Some(&mut guardian));
        guardian.let_go();
        guardian.wait(IMMEDIATE_STOP);
        Err(error)
    }

    fn stop(&self) -> Result<(), EmbeddedError> {
        let Some(mut guardian) = self.guardian().take() else {
            return Ok(());
        };
        guardian.tell("fast");
        if guardian.wait(FAST_STOP) {
            return Ok(());
        }
        self.stop_now(guardian)
    }

    fn stop_now(&self, mut guardian: Guardian) -> Result<(), EmbeddedError> {
        guardian.let_go();
        if guardian.wait(IMMEDIATE_STOP) {
            return Ok(());
        }
        Err(EmbeddedError::NotStopped {
            data: self.folder.data(),
            seconds: IMMEDIATE_STOP.as_secs(),
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let taken = self.guardian().take();
        let stopped = match taken {
            None => Ok(()),
            // Nothing of it will be read again: no need to write it out first.
            Some(guardian) if self.folder.ephemeral => self.stop_now(guardian),
            Some(guardian) => {
                *self.guardian() = Some(guardian);
                self.stop()
            }
        };
        if let Err(error) = stopped {
            tracing::error!(%error, "embedded server left behind");
            return;
        }
        // Mostly gone already; not so when the start failed before there was a guardian.
        if self.folder.ephemeral
            && !self.detached.load(Ordering::Relaxed)
            && let Err(error) = fs::remove_dir_all(&self.folder.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.folder.path.display(), %error, "cannot remove a folder");
        }
    }
}

/// The eighth line of `postmaster.pid` says how far the start has come.
fn is_ready(pid_file: &Path, stale: Option<&str>) -> bool {
    fs::read_to_string(pid_file).is_ok_and(|text| {
        let status = text.lines().nth(7).map(str::trim);
        Some(text.as_str()) != stale && status == Some("ready")
    })
}

fn remove_if_there(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EmbeddedError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn free_port() -> Result<u16, EmbeddedError> {
    let address = "127.0.0.1:0";
    TcpListener::bind(address)
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(EmbeddedError::io("find a free port on", Path::new(address)))
}

/// A value of `postgresql.conf`.
pub(super) fn conf_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// A database name as SQL identifier.
pub(super) fn quoted(name: &str) -> Result<String, EmbeddedError> {
    let problem = match name {
        "" => "it is empty",
        _ if name.contains('\0') => "it contains a zero byte",
        _ if name.len() > NAME_MAX => "it is longer than 63 bytes",
        _ => return Ok(format!("\"{}\"", name.replace('"', "\"\""))),
    };
    Err(EmbeddedError::BadName {
        name: name.to_owned(),
        problem,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddedError> + Send + 'static,
) -> Result<T, EmbeddedError> {
    spawn_blocking(work)
        .await
        .map_err(|source| EmbeddedError::Task { source })?
}
