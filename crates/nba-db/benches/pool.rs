//! Checkout and `select 1` through each pool, as a Markdown table.
//!
//! ```text
//! scripts/bench-pool [SECONDS PER CELL]
//! ```
//!
//! Every contender has the same number of connections to one private server and runs in turns with
//! the others, several rounds each, so that a disturbance hits all of them alike. A "wait" is the
//! time from asking for a connection to having the row.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use tokio_postgres::NoTls;

/// Connections of each contender.
const CONNECTIONS: u32 = 16;
/// Tasks that ask at once.
const TASKS: [usize; 3] = [1, 16, 64];
/// Turns of each contender.
const ROUNDS: u32 = 5;
/// Seconds of measuring for each contender and number of tasks, where none is given.
const SECONDS: f64 = 4.0;

type Step = Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send>>;

/// Something that can check out a connection and run `select 1`.
struct Contender {
    name: &'static str,
    ours: bool,
    step: Arc<dyn Fn() -> Step + Send + Sync>,
}

impl Contender {
    fn new<F>(name: &'static str, ours: bool, step: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        Self {
            name,
            ours,
            step: Arc::new(move || Box::pin(step())),
        }
    }
}

/// What one contender did with one number of tasks.
struct Cell {
    waits: Histogram<u64>,
    per_task: Vec<u64>,
    elapsed: Duration,
}

fn contenders(
    server: &EmbeddedServer,
) -> impl Future<Output = Result<Vec<Contender>, Box<dyn Error>>> {
    let url = server.url("nba");
    let mut target = server.target("nba");
    async move {
        target.settings.max_connections = CONNECTIONS * 2;
        let db = Database::connect(&target).await?;
        let ours = db.clone();
        let ours_sqlx = db.clone();

        let sqlx = sqlx::postgres::PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect(&url)
            .await?;

        let manager = bb8_postgres::PostgresConnectionManager::new_from_stringlike(&url, NoTls)?;
        let bb8 = bb8::Pool::builder()
            .max_size(CONNECTIONS)
            .build(manager)
            .await?;

        let mut config = deadpool_postgres::Config::new();
        config.url = Some(url);
        config.pool = Some(deadpool_postgres::PoolConfig::new(usize::try_from(
            CONNECTIONS,
        )?));
        let deadpool = config.create_pool(Some(deadpool_postgres::Runtime::Tokio1), NoTls)?;

        Ok(vec![
            Contender::new("**nba-db** `query_rows` (bb8)", true, move || {
                let db = ours.clone();
                async move { Ok(db.query_rows("select 1", &[]).await.map(drop)?) }
            }),
            Contender::new("**nba-db** `pool()` (sqlx)", true, move || {
                let db = ours_sqlx.clone();
                async move {
                    Ok(sqlx::query("select 1")
                        .fetch_one(db.pool())
                        .await
                        .map(drop)?)
                }
            }),
            Contender::new("sqlx 0.9", false, move || {
                let pool = sqlx.clone();
                async move { Ok(sqlx::query("select 1").fetch_one(&pool).await.map(drop)?) }
            }),
            Contender::new("bb8-postgres 0.9", false, move || {
                let pool = bb8.clone();
                async move { Ok(pool.get().await?.query("select 1", &[]).await.map(drop)?) }
            }),
            Contender::new(
                "deadpool-postgres 0.14, `prepare_cached`",
                false,
                move || {
                    let pool = deadpool.clone();
                    async move {
                        let client = pool.get().await?;
                        let statement = client.prepare_cached("select 1").await?;
                        Ok(client.query(&statement, &[]).await.map(drop)?)
                    }
                },
            ),
        ])
    }
}

async fn run(
    contender: &Contender,
    tasks: usize,
    time: Duration,
    cell: &mut Cell,
) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let stop = started + time;
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let step = Arc::clone(&contender.step);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < stop {
                    let asked = Instant::now();
                    step().await?;
                    waits.push(asked.elapsed());
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(waits)
            })
        })
        .collect();
    for (task, handle) in running.into_iter().enumerate() {
        let waits = handle.await?.map_err(|error| error.to_string())?;
        if let Some(count) = cell.per_task.get_mut(task) {
            *count += u64::try_from(waits.len())?;
        }
        for wait in waits {
            cell.waits.record(u64::try_from(wait.as_nanos())?)?;
        }
    }
    cell.elapsed += started.elapsed();
    Ok(())
}

/// Microseconds for people.
fn shown(nanoseconds: u64) -> String {
    let tenths = nanoseconds / 100;
    if tenths < 10_000 {
        format!("{}.{} µs", tenths / 10, tenths % 10)
    } else {
        format!("{:.2?}", Duration::from_nanos(nanoseconds))
    }
}

/// Queries per second.
fn rate(cell: &Cell) -> f64 {
    // Exact below 2^53 queries.
    let queries: f64 = cell
        .per_task
        .iter()
        .map(|count| f64::from(u32::try_from(*count).unwrap_or(u32::MAX)))
        .sum();
    queries / cell.elapsed.as_secs_f64()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let seconds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(SECONDS);
    let round = Duration::from_secs_f64(seconds) / ROUNDS;
    let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
    server.create_database("nba").await?;
    let contenders = contenders(&server).await?;

    println!(
        "Checkout + `select 1`, {CONNECTIONS} connections, unix socket, {seconds} s per cell in {ROUNDS} turns."
    );
    println!();
    println!(
        "| tasks | pool | queries/s | of the best | p50 | p99 | worst | worst ÷ p50 | queries per task |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|---:|---|");
    let mut verdicts = Vec::new();
    for tasks in TASKS {
        let mut cells = Vec::new();
        for _ in &contenders {
            cells.push(Cell {
                waits: Histogram::new(3)?,
                per_task: vec![0; tasks],
                elapsed: Duration::ZERO,
            });
        }
        // Opens the connections and fills the caches; not measured.
        for contender in &contenders {
            let mut warm_up = Cell {
                waits: Histogram::new(3)?,
                per_task: vec![0; tasks],
                elapsed: Duration::ZERO,
            };
            run(contender, tasks, Duration::from_millis(200), &mut warm_up).await?;
        }
        for _ in 0..ROUNDS {
            for (contender, cell) in contenders.iter().zip(&mut cells) {
                run(contender, tasks, round, cell).await?;
            }
        }
        let best = cells.iter().map(rate).fold(0.0, f64::max);
        for (contender, cell) in contenders.iter().zip(&cells) {
            let rate = rate(cell);
            let (p50, p99, worst) = (
                cell.waits.value_at_quantile(0.5),
                cell.waits.value_at_quantile(0.99),
                cell.waits.max(),
            );
            let spread = Duration::from_nanos(worst).as_secs_f64()
                / Duration::from_nanos(p50.max(1)).as_secs_f64();
            let least = cell.per_task.iter().min().copied().unwrap_or_default();
            let most = cell.per_task.iter().max().copied().unwrap_or_default();
            println!(
                "| {tasks} | {} | {rate:.0} | {:.2} | {} | {} | {} | {spread:.1} | {least}..{most} |",
                contender.name,
                rate / best,
                shown(p50),
                shown(p99),
                shown(worst)
            );
            if contender.ours {
                verdicts.push(format!(
                    "{tasks} tasks, {}: {:.2} × the time of the best",
                    contender.name,
                    best / rate
                ));
            }
        }
    }
    println!();
    for verdict in verdicts {
        println!("- {verdict}");
    }
    server.stop().await?;
    Ok(())
}
