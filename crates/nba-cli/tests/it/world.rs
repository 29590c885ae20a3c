//! One replica for all stories, made by the program itself.

use crate::program::{Place, Ran, is_alive, wait_for};
use nba_db::tokio_postgres::{self, NoTls, SimpleQueryMessage};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Scale of the replica.
pub(crate) const SCALE: &str = "0.001";

/// A copy that nobody connects to, for copies that are written to.
const PRISTINE: &str = "pristine";

/// Longest path of a temporary folder below which a socket's path fits, in bytes.
const SHORT: usize = 32;

/// A replica and the folder everything lies in.
pub(crate) struct World {
    dir: TempDir,
    data: PathBuf,
    /// What `testkit build --json` said.
    pub(crate) built: serde_json::Value,
}

impl World {
    /// Builds it.
    pub(crate) fn new() -> Self {
        let mut world = Self::prepared();
        world.finish();
        world
    }

    /// Builds it after a first build that is interrupted.
    pub(crate) fn after_an_interrupted_build() -> Self {
        let mut world = Self::prepared();
        world.interrupt_a_build();
        world.finish();
        let again = world.build().exits(2).says("is in use by another server");
        again.json();
        world
    }

    fn prepared() -> Self {
        // Short: a socket's path has to fit into 107 bytes, and some systems' own folder is long.
        let temporary = std::env::temp_dir();
        let short = temporary.as_os_str().len() <= SHORT;
        let dir = tempfile::Builder::new()
            .prefix("nba-it-")
            .tempdir_in(if short { &temporary } else { Path::new("/tmp") })
            .unwrap();
        let data = dir.path().join("replica");
        Self {
            dir,
            data,
            built: serde_json::Value::Null,
        }
    }

    fn finish(&mut self) {
        let built = self.build().exits(0);
        self.built = built.json()["built"].clone();
        assert!(
            self.built.is_object(),
            "an interrupted build passed for a replica: {built}"
        );
        self.sql(
            "postgres",
            &format!("create database {PRISTINE} template nba_simulator"),
        );
    }

    fn build(&self) -> Ran {
        self.outside().nba(&[
            "testkit",
            "build",
            "--scale",
            SCALE,
            "--json",
            "--data-dir",
            &self.data(),
        ])
    }

    /// Interrupted in the middle, a build ends soon and leaves no server; the next one starts anew (see above).
    fn interrupt_a_build(&self) {
        let mut build = self.outside().spawn(&[
            "testkit",
            "build",
            "--scale",
            "0.02",
            "--data-dir",
            &self.data(),
        ]);
        let server = wait_for(
            "server in the middle of a build",
            Duration::from_secs(60),
            || {
                assert!(
                    !build.has_ended(),
                    "the build is over before it could be interrupted"
                );
                let busy = self.try_sql(
                "postgres",
                "select 1 from pg_stat_activity where application_name like 'nba/testkit/%' and state = 'active'",
            );
                busy.is_ok_and(|rows| !rows.is_empty())
                    .then(|| self.server_id())
                    .flatten()
            },
        );
        build.signal("INT");
        let ran = build.ends_within(Duration::from_secs(10)).exits(2);
        assert!(ran.err.contains("interrupted"), "{ran}");
        assert!(
            !is_alive(server),
            "the server outlived its interrupted build"
        );
    }

    /// Folder of the server, as text.
    pub(crate) fn data(&self) -> String {
        self.data.display().to_string()
    }

    /// Folder for anything.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Folder of the server's socket.
    pub(crate) fn socket(&self) -> String {
        self.data.join("s").display().to_string()
    }

    /// Process id of the server.
    fn server_id(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.data.join("data/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    /// A place that knows of no project.
    pub(crate) fn outside(&self) -> Place {
        Place::empty(&self.dir().join("outside"))
    }

    /// A legacy checkout whose credentials name the replica.
    pub(crate) fn project(&self, name: &str) -> Place {
        let dir = self.dir().join(name);
        self.outside()
            .nba(&[
                "testkit",
                "checkout",
                &dir.display().to_string(),
                "--data-dir",
                &self.data(),
            ])
            .exits(0);
        Place {
            home: dir.join("home"),
            project: dir.join("nba-simulator-aws"),
            variables: Vec::new(),
        }
    }

    /// The same with a database of its own, which may be written to.
    pub(crate) fn project_with_database(&self, name: &str) -> Place {
        self.sql(
            "postgres",
            &format!("create database {name} template {PRISTINE}"),
        );
        let place = self.project(name);
        let file = credentials(&place);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("'nba_simulator'", &format!("'{name}'"))).unwrap();
        place
    }

    /// A project of nothing but an `nba.toml`, and a database of its own: cheaper than a checkout where none is needed.
    pub(crate) fn own_database(&self, name: &str) -> Place {
        self.sql(
            "postgres",
            &format!("create database {name} template {PRISTINE}"),
        );
        self.settled(name)
    }

    /// The same with one small table: where what is in it does not matter.
    pub(crate) fn small_database(&self, name: &str) -> Place {
        self.sql("postgres", &format!("create database {name}"));
        self.sql(
            name,
            "create table games as select n from generate_series(1, 10) n",
        );
        self.settled(name)
    }

    fn settled(&self, name: &str) -> Place {
        let place = Place::empty(&self.dir().join(name));
        let settings = format!(
            "[database]\ntarget = \"replica\"\n\n[targets.replica]\nurl = \"postgres:///{name}?host={}&user=postgres\"\n",
            self.socket()
        );
        std::fs::write(place.project.join("nba.toml"), settings).unwrap();
        place
    }

    /// Runs statements as the superuser and returns the first column of their rows.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Vec<String> {
        self.try_sql(database, sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    fn try_sql(&self, database: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.data.join("s"))
            .user("postgres")
            .dbname(database);
        run_async(async {
            let (client, connection) = config.connect(NoTls).await?;
            let driver = tokio::spawn(connection);
            let rows = client.simple_query(sql).await;
            drop(client);
            driver.await.unwrap()?;
            let text = |row: SimpleQueryMessage| match row {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            };
            Ok(rows?.into_iter().filter_map(text).collect())
        })
    }

    /// Stops the server, as a person would.
    pub(crate) fn stop(&self) -> Ran {
        self.outside()
            .nba(&["testkit", "stop", "--data-dir", &self.data()])
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Stopping a stopped server is fine.
        let ran = self.stop();
        if ran.code != Some(0) {
            eprintln!("left behind: {ran}");
        }
    }
}

/// The credentials file of a place.
pub(crate) fn credentials(place: &Place) -> PathBuf {
    place.home.join("nba-sim-credentials.env")
}

/// Runs something asynchronous to its end.
pub(crate) fn run_async<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
