//! Builds the production-shaped database: games are simulated by worker threads, encoded, and streamed through several `COPY`s at once.
//!
//! Memory does not depend on the scale: every channel is bounded, and a batch of games is forgotten once the server has it. Rows arrive
//! in the order of the plan whatever the threads do, so two builds of one seed and scale are equal, down to their place on disk.
//!
//! A replica is only ever built into an **empty** database **on this machine**, and the database is marked with a comment before the
//! first table. What plants defects ([`crate::defects`]) refuses to touch a database without that mark.
//!
//! ```no_run
//! use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
//! use nba_testkit::replica::{Replica, ReplicaOptions};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
//! server.create_database("nba_simulator").await?;
//! let report = Replica::build(&server.target("nba_simulator"), ReplicaOptions::default(), |_| {}).await?;
//! println!("{} rows, {:.0} rows/s", report.total_rows, report.rows_per_second());
//! # Ok(())
//! # }
//! ```

pub(crate) mod connection;
mod error;
mod load;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use nba_config::DatabaseTarget;
use tokio::task::JoinSet;
use tokio_postgres::Client;

pub use self::error::ReplicaError;
use self::{
    connection::{Connection, run},
    load::Loader,
};
use crate::{
    plan::{Plan, PlanOptions},
    schema,
    sim::Universe,
    tables::GAME_TABLES,
};

/// Begin of the comment on every database this module made.
pub const MARK: &str = "nba replica";

/// What to build.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplicaOptions {
    /// Scale, and whether `temporal_events` is filled.
    pub plan: PlanOptions,
    /// Seed of the universe; the same seed gives the same games at every scale.
    pub seed: u64,
    /// Threads that simulate games, and connections that build indexes.
    pub workers: NonZeroUsize,
}

impl Default for ReplicaOptions {
    /// Scale 0.01, seed 1, as many workers as the machine has cores.
    fn default() -> Self {
        Self {
            plan: PlanOptions::default(),
            seed: 1,
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// What is being done right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Rows of a table were sent.
    Load {
        /// `schema.table`.
        table: &'static str,
        /// Rows sent so far.
        rows: u64,
        /// Rows planned.
        planned: u64,
        /// Bytes sent so far, in `COPY` text.
        bytes: u64,
    },
    /// A table's keys, indexes and statistics are being made.
    Keys {
        /// `schema.table`.
        table: &'static str,
    },
    /// Foreign keys, views and functions are being made.
    Finish,
}

/// One message to the caller's progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Since the build began.
    pub elapsed: Duration,
}

/// What was built.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReplicaReport {
    /// Rows the server confirmed, by `schema.table`; every one of the 54 tables is listed.
    pub rows: BTreeMap<&'static str, u64>,
    /// Sum of `rows`.
    pub total_rows: u64,
    /// Bytes of `COPY` text.
    pub bytes: u64,
    /// Until the last row was in.
    pub load: Duration,
    /// Until keys, views and statistics were done too.
    pub elapsed: Duration,
}

impl ReplicaReport {
    /// Rows per second of the load, keys not counted.
    #[must_use]
    pub fn rows_per_second(&self) -> f64 {
        let rows = u32::try_from(self.total_rows).map_or(f64::INFINITY, f64::from);
        rows / self.load.as_secs_f64().max(1e-9)
    }
}

/// The builder.
#[derive(Debug)]
pub struct Replica;

impl Replica {
    /// Builds the whole database and calls `progress` now and then, from several tasks.
    ///
    /// Must run inside a tokio runtime. When it is cancelled or fails, the database is left half built, with its mark; drop it.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NotLocal`] and [`ReplicaError::NotEmpty`] before anything is written; [`ReplicaError::Count`] when the server holds
    /// another number of rows than planned; otherwise what the plan, the simulator or the server said.
    pub async fn build(
        target: &DatabaseTarget,
        options: ReplicaOptions,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<ReplicaReport, ReplicaError> {
        let started = Instant::now();
        let progress: Report = Arc::new(move |step| {
            progress(Progress {
                step,
                elapsed: started.elapsed(),
            });
        });
        let connection = Connection::to(target)?;
        let client = connection.open("check").await?;
        refuse_if_not_empty(&client, &target.database).await?;
        let what = format!(
            "seed {}, scale {}",
            options.seed,
            options.plan.scale.share()
        );
        mark(&client, &target.database, &what).await?;

        let universe = Arc::new(Universe::new(options.seed));
        let plan = Arc::new(Plan::new(&universe, options.plan)?);
        for name in schema::SCHEMAS {
            run(&client, &format!("CREATE SCHEMA {name}")).await?;
        }
        let loader = Loader {
            connection: connection.clone(),
            vector: vector_type(&client).await?,
            universe,
            plan: Arc::clone(&plan),
            workers: options.workers,
            progress: Arc::clone(&progress),
        };
        let loaded = loader.run().await?;
        let load = started.elapsed();

        build_keys(&connection, &plan, options.workers, &progress).await?;
        progress(Step::Finish);
        for statement in schema::foreign_keys_sql() {
            run(&client, statement).await?;
        }
        run(&client, SET_SEQUENCES).await?;
        for statement in schema::routines_sql() {
            run(&client, statement).await?;
        }
        Ok(ReplicaReport {
            total_rows: loaded.rows.values().sum(),
            rows: loaded.rows,
            bytes: loaded.bytes,
            load,
            elapsed: started.elapsed(),
        })
    }

    /// Was this database made by [`Replica::build`]?
    ///
    /// # Errors
    ///
    /// [`ReplicaError::Server`] when the server cannot be asked.
    pub async fn is_marked(client: &Client) -> Result<bool, ReplicaError> {
        let comment: Option<String> = client
            .query_one(DATABASE_COMMENT, &[])
            .await
            .and_then(|row| row.try_get(0))
            .map_err(|source| ReplicaError::Server {
                doing: "read the database comment".into(),
                source,
            })?;
        Ok(comment.is_some_and(|comment| comment.starts_with(MARK)))
    }
}

/// Shared progress callback.
type Report = Arc<dyn Fn(Step) + Send + Sync>;

const DATABASE_COMMENT: &str = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()";

const RELATIONS: &str =
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'";

/// Sequences of serial columns continue after the highest value loaded.
const SET_SEQUENCES: &str = "DO $$
DECLARE s record;
BEGIN
    FOR s IN SELECT pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name) AS sequence, table_schema, table_name, column_name
        FROM information_schema.columns WHERE column_default LIKE 'nextval(%' LOOP
        EXECUTE format('SELECT setval(%L, max(%I)) FROM %I.%I HAVING max(%I) IS NOT NULL', s.sequence, s.column_name, s.table_schema, s.table_name, s.column_name);
    END LOOP;
END $$";

/// Stops before anything is written to a database that holds something.
pub(crate) async fn refuse_if_not_empty(
    client: &Client,
    database: &str,
) -> Result<(), ReplicaError> {
    let relations: i64 = client
        .query_one(RELATIONS, &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(|source| ReplicaError::Server {
            doing: "count relations".into(),
            source,
        })?;
    if relations == 0 {
        return Ok(());
    }
    let replica = Replica::is_marked(client).await?;
    Err(ReplicaError::NotEmpty {
        database: database.to_owned(),
        relations,
        replica,
    })
}

/// Leaves the mark, with a few words of what is being built.
pub(crate) async fn mark(client: &Client, database: &str, what: &str) -> Result<(), ReplicaError> {
    let database = database.replace('"', "\"\"");
    run(
        client,
        &format!("COMMENT ON DATABASE \"{database}\" IS '{MARK}, {what}'"),
    )
    .await
}

/// `vector(1536)` where pgvector can be installed, otherwise `real[]`.
async fn vector_type(client: &Client) -> Result<&'static str, ReplicaError> {
    let available = client
        .query_opt(
            "SELECT FROM pg_available_extensions WHERE name = 'vector'",
            &[],
        )
        .await
        .map_err(|source| ReplicaError::Server {
            doing: "look for pgvector".into(),
            source,
        })?;
    if available.is_none() {
        return Ok("real[]");
    }
    run(client, "CREATE EXTENSION IF NOT EXISTS vector").await?;
    Ok("vector(1536)")
}

/// Builds keys and statistics table by table, the largest first, on as many connections as there are workers.
async fn build_keys(
    connection: &Connection,
    plan: &Plan,
    workers: NonZeroUsize,
    progress: &Report,
) -> Result<(), ReplicaError> {
    let mut tables: Vec<_> = schema::tables()
        .map(|table| (plan.rows(table.name), table))
        .collect();
    tables.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    let queue = Arc::new(std::sync::Mutex::new(tables.into_iter()));
    let mut builders: JoinSet<Result<(), ReplicaError>> = JoinSet::new();
    for _ in 0..workers.get().min(GAME_TABLES.len()) {
        let (connection, queue, progress) =
            (connection.clone(), Arc::clone(&queue), Arc::clone(progress));
        builders.spawn(async move {
            let client = connection.open("keys").await?;
            run(&client, "SET maintenance_work_mem = '128MB'").await?;
            loop {
                let next = queue
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .next();
                let Some((rows, table)) = next else {
                    return Ok(());
                };
                progress(Step::Keys { table: table.name });
                // One message per table: most tables are empty, and their time is the round trips.
                let mut statements: Vec<&str> = table.keys_sql().collect();
                let analyze = format!("ANALYZE {}", table.name);
                if rows > 0 {
                    statements.push(&analyze);
                }
                run(&client, &statements.join(";\n")).await?;
            }
        });
    }
    while let Some(finished) = builders.join_next().await {
        finished.map_err(|_| ReplicaError::Stopped)??;
    }
    Ok(())
}
