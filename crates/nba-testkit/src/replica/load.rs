//! The load: worker threads → one ordered distributor → one `COPY` per table.

use std::{collections::BTreeMap, num::NonZeroUsize, pin::pin, sync::Arc};

use bytes::Bytes;
use futures::SinkExt;
use tokio::{
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
};
use tokio_postgres::{Client, CopyInSink};

use super::{
    ReplicaError, Report, Step,
    connection::{Connection, run},
};
use crate::{
    plan::{Feeds, Plan, PlannedGame},
    schema::{self, Table},
    sim::{SimOptions, Universe, simulate, simulate_into},
    tables::{GAME_TABLES, GameTables, Rows, reference},
};

/// Games per batch: about 1.2 MB of text, most of it `hoopr_play_by_play`.
const BATCH_GAMES: usize = 4;
/// Batches a worker may be ahead of the distributor.
const WORKER_BATCHES: usize = 2;
/// Batches a table's `COPY` may be behind the distributor.
const TABLE_BATCHES: usize = 4;

/// Everything a load needs.
pub(super) struct Loader {
    pub(super) connection: Connection,
    pub(super) vector: &'static str,
    pub(super) universe: Arc<Universe>,
    pub(super) plan: Arc<Plan>,
    pub(super) workers: NonZeroUsize,
    pub(super) progress: Report,
}

/// What the server confirmed.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) rows: BTreeMap<&'static str, u64>,
    pub(super) bytes: u64,
}

/// Rows of one table, ready to send.
struct Piece {
    /// Position in [`GAME_TABLES`].
    table: usize,
    bytes: Bytes,
    rows: u64,
}

type Batch = Result<Vec<Piece>, ReplicaError>;

impl Loader {
    /// Creates and fills all tables; keys come later.
    pub(super) async fn run(self) -> Result<Loaded, ReplicaError> {
        let this = Arc::new(self);
        let mut tasks = JoinSet::new();
        {
            let this = Arc::clone(&this);
            tasks.spawn(async move { this.load_reference().await });
        }
        let mut tables = Vec::with_capacity(GAME_TABLES.len());
        for name in GAME_TABLES {
            let (sender, receiver) = mpsc::channel(TABLE_BATCHES);
            tables.push(sender);
            let this = Arc::clone(&this);
            tasks.spawn(async move { this.load_game_table(name, receiver).await });
        }
        let workers = this.start_workers(&mut tasks);
        tasks.spawn(async move {
            distribute(workers, tables).await?;
            Ok(Loaded::default())
        });

        let mut all = Loaded::default();
        let mut failure = None;
        // The first failure is the reason; the others are its consequences.
        while let Some(finished) = tasks.join_next().await {
            match finished
                .map_err(|_| ReplicaError::Stopped)
                .and_then(|result| result)
            {
                Ok(part) => {
                    all.rows.extend(part.rows);
                    all.bytes += part.bytes;
                }
                Err(error) => {
                    if failure
                        .as_ref()
                        .is_none_or(|first| matches!(first, ReplicaError::Stopped))
                    {
                        failure = Some(error);
                    }
                }
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(all),
        }
    }

    /// Starts the threads that simulate: worker `w` makes batches `w`, `w + workers`, …
    fn start_workers(
        self: &Arc<Self>,
        tasks: &mut JoinSet<Result<Loaded, ReplicaError>>,
    ) -> Vec<mpsc::Receiver<Batch>> {
        let mut first_event_id = 1;
        let first_event_ids: Arc<[u64]> = self
            .plan
            .games
            .iter()
            .map(|game| {
                let id = first_event_id;
                if game.feeds.has(Feeds::ESPN_PLAYS) {
                    first_event_id += u64::from(game.plays.unwrap_or(0));
                }
                id
            })
            .collect();
        (0..self.workers.get())
            .map(|worker| {
                let (sender, receiver) = mpsc::channel(WORKER_BATCHES);
                let this = Arc::clone(self);
                let first_event_ids = Arc::clone(&first_event_ids);
                tasks.spawn(async move {
                    let work = spawn_blocking(move || {
                        this.simulate_batches(worker, &first_event_ids, &sender);
                    });
                    work.await.map_err(|_| ReplicaError::Stopped)?;
                    Ok(Loaded::default())
                });
                receiver
            })
            .collect()
    }

    fn simulate_batches(
        &self,
        worker: usize,
        first_event_ids: &[u64],
        sender: &mpsc::Sender<Batch>,
    ) {
        let games = self
            .plan
            .games
            .chunks(BATCH_GAMES)
            .zip(first_event_ids.chunks(BATCH_GAMES));
        let mut simulator = Simulator {
            universe: &self.universe,
            game: None,
        };
        let mut rows = GameTables::default();
        for (games, first_event_ids) in games.skip(worker).step_by(self.workers.get()) {
            let batch = self.batch(&mut simulator, &mut rows, games, first_event_ids);
            let failed = batch.is_err();
            // A closed channel means that another part failed and said why.
            if sender.blocking_send(batch).is_err() || failed {
                return;
            }
        }
    }

    fn batch(
        &self,
        simulator: &mut Simulator<'_>,
        rows: &mut GameTables,
        games: &[PlannedGame],
        first_event_ids: &[u64],
    ) -> Batch {
        for (planned, first_event_id) in games.iter().zip(first_event_ids) {
            let game = simulator.play(planned)?;
            rows.add(game, planned, self.plan.options.temporal, *first_event_id);
        }
        let pieces = rows
            .tables()
            .enumerate()
            .filter(|(_, (_, rows))| rows.count() > 0);
        Ok(pieces
            .map(|(table, (_, rows))| {
                let (bytes, rows) = rows.take();
                Piece {
                    table,
                    bytes: bytes.into(),
                    rows,
                }
            })
            .collect())
    }

    async fn load_game_table(
        &self,
        name: &'static str,
        mut pieces: mpsc::Receiver<Piece>,
    ) -> Result<Loaded, ReplicaError> {
        let client = self.connection.open("load").await?;
        run(&client, "BEGIN").await?;
        let mut copy = Copy::start(&client, name, self.vector).await?;
        let planned = self.plan.rows(name);
        let mut rows = 0;
        while let Some(piece) = pieces.recv().await {
            rows += piece.rows;
            copy.send(piece.bytes).await?;
            (self.progress)(Step::Load {
                table: name,
                rows,
                planned,
                bytes: copy.bytes,
            });
        }
        let loaded = copy.finish(planned).await?;
        run(&client, "COMMIT").await?;
        Ok(loaded)
    }

    /// Creates the tables that are not made from games and fills those that have rows.
    async fn load_reference(self: &Arc<Self>) -> Result<Loaded, ReplicaError> {
        let client = self.connection.open("load").await?;
        let mut all = Loaded::default();
        run(&client, "BEGIN").await?;
        for table in schema::tables().filter(|table| !GAME_TABLES.contains(&table.name)) {
            let this = Arc::clone(self);
            let rows = spawn_blocking(move || {
                let mut rows = Rows::default();
                reference::write(&mut rows, table.name, &this.universe, &this.plan).map(|()| rows)
            });
            let mut rows = rows.await.map_err(|_| ReplicaError::Stopped)??;
            let planned = self.plan.rows(table.name);
            let mut copy = Copy::start(&client, table.name, self.vector).await?;
            let (bytes, count) = rows.take();
            copy.send(bytes.into()).await?;
            (self.progress)(Step::Load {
                table: table.name,
                rows: count,
                planned,
                bytes: copy.bytes,
            });
            let loaded = copy.finish(planned).await?;
            all.rows.extend(loaded.rows);
            all.bytes += loaded.bytes;
        }
        run(&client, "COMMIT").await?;
        Ok(all)
    }
}

/// Hands batches on in the order of the plan.
async fn distribute(
    mut workers: Vec<mpsc::Receiver<Batch>>,
    tables: Vec<mpsc::Sender<Piece>>,
) -> Result<(), ReplicaError> {
    loop {
        for worker in &mut workers {
            // Workers end in turn: the first that has no batch left had the last one before it.
            let Some(batch) = worker.recv().await else {
                return Ok(());
            };
            for piece in batch? {
                tables[piece.table]
                    .send(piece)
                    .await
                    .map_err(|_| ReplicaError::Stopped)?;
            }
        }
    }
}

/// Plays games one after the other in the same memory.
struct Simulator<'a> {
    universe: &'a Universe,
    game: Option<crate::sim::Game>,
}

impl Simulator<'_> {
    fn play(&mut self, planned: &PlannedGame) -> Result<&crate::sim::Game, ReplicaError> {
        let header = self.universe.header(planned.index);
        let options = SimOptions {
            plays: planned.plays.map(u32::from),
            roster_size: planned
                .roster
                .map(|players| [players.div_ceil(2), players / 2]),
        };
        match &mut self.game {
            Some(game) => simulate_into(game, &header, &options)?,
            None => self.game = Some(simulate(&header, &options)?),
        }
        self.game.as_ref().ok_or(ReplicaError::Stopped)
    }
}

/// A table made and filled in one transaction, which lets the server mark the rows as old at once (`FREEZE`) and, without
/// replication, skip its log.
struct Copy {
    table: &'static str,
    sink: std::pin::Pin<Box<CopyInSink<Bytes>>>,
    bytes: u64,
}

impl Copy {
    async fn start(
        client: &Client,
        name: &'static str,
        vector: &str,
    ) -> Result<Self, ReplicaError> {
        let table = schema::table(name).ok_or(ReplicaError::Stopped)?;
        run(client, &table.create_sql(vector)).await?;
        let sql = copy_sql(table);
        let sink = client
            .copy_in(&sql)
            .await
            .map_err(|source| ReplicaError::Server { doing: sql, source })?;
        Ok(Self {
            table: name,
            sink: Box::pin(sink),
            bytes: 0,
        })
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), ReplicaError> {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.sink
            .send(bytes)
            .await
            .map_err(|source| self.failure(source))
    }

    async fn finish(mut self, planned: u64) -> Result<Loaded, ReplicaError> {
        let finished = pin!(self.sink.as_mut().finish()).await;
        let loaded = finished.map_err(|source| self.failure(source))?;
        if loaded != planned {
            return Err(ReplicaError::Count {
                table: self.table,
                loaded,
                planned,
            });
        }
        Ok(Loaded {
            rows: BTreeMap::from([(self.table, loaded)]),
            bytes: self.bytes,
        })
    }

    fn failure(&self, source: tokio_postgres::Error) -> ReplicaError {
        ReplicaError::Server {
            doing: format!("COPY {}", self.table),
            source,
        }
    }
}

fn copy_sql(table: &Table) -> String {
    let columns: Vec<_> = table
        .stored_columns()
        .map(|column| format!("\"{column}\""))
        .collect();
    format!(
        "COPY {} ({}) FROM STDIN WITH (FORMAT text, FREEZE)",
        table.name,
        columns.join(", ")
    )
}
