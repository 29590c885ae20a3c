//! How fast the replica is built, beside `psql \copy` of the same rows on the same server: `bench_replica [--scale 0.1] [--only-build]`.
//!
//! Prints a markdown table. The peer gets files made beforehand, so it does not pay for making the rows; it runs twice: as people run
//! it (tables exist, one file after the other), and with everything that helps (table made in the same transaction, `FREEZE`, two
//! streams). Keys are not part of either side.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_testkit::{
    plan::{PlanOptions, Scale, Temporal},
    replica::{Replica, ReplicaOptions, ReplicaReport, Step},
    schema,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut scale, mut only_build, mut temporal) = (0.1, false, Temporal::Empty);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--scale" => scale = arguments.next().ok_or("--scale needs a number")?.parse()?,
            "--only-build" => only_build = true,
            "--with-temporal" => temporal = Temporal::Filled,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let options = ReplicaOptions {
        plan: PlanOptions {
            scale: Scale::new(scale)?,
            temporal,
        },
        ..ReplicaOptions::default()
    };
    let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
    server.create_database("replica").await?;
    let report = build(&server, options).await?;
    let peak = peak_kib()?;
    let seconds = report.load.as_secs_f64();
    println!(
        "| what | rows | MB of text | s | rows/s | ratio to ours |\n|---|---|---|---|---|---|"
    );
    let line = |what: &str, seconds: f64| {
        let rows = f64::from(u32::try_from(report.total_rows).unwrap_or(u32::MAX));
        let ratio = seconds / report.load.as_secs_f64();
        println!(
            "| {what} | {} | {} | {seconds:.1} | {:.0} | {ratio:.2} |",
            report.total_rows,
            report.bytes / 1_000_000,
            rows / seconds
        );
    };
    line("replica: simulate, encode and load", seconds);
    if !only_build {
        let files = tempfile::tempdir_in(
            server
                .data_dir()
                .parent()
                .ok_or("the data folder has a parent")?,
        )?;
        dump(&server, files.path(), &report)?;
        server.drop_database("replica").await?;
        line(
            "psql `\\copy`, one file after the other",
            copy_plainly(&server, files.path(), &report).await?,
        );
        line(
            "psql `\\copy` with FREEZE, two streams",
            copy_at_its_best(&server, files.path(), &report).await?,
        );
    }
    println!(
        "\nscale {scale}, {} workers; with keys, views and statistics {:.1} s; peak memory of the builder {} MB",
        options.workers,
        report.elapsed.as_secs_f64(),
        peak / 1024
    );
    server.stop().await?;
    Ok(())
}

async fn build(server: &EmbeddedServer, options: ReplicaOptions) -> Result<ReplicaReport> {
    let last = Mutex::new(Instant::now());
    let target = server.target("replica");
    let report = Replica::build(&target, options, move |progress| {
        let mut last = last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let loading = matches!(progress.step, Step::Load { .. });
        if !loading || last.elapsed() > Duration::from_secs(5) {
            *last = Instant::now();
            // Progress is a courtesy; a closed terminal is no reason to stop.
            let _ = writeln!(
                std::io::stderr(),
                "{:6.1} s {:?}",
                progress.elapsed.as_secs_f64(),
                progress.step
            );
        }
    });
    Ok(report.await?)
}

/// Tables with rows, the largest first.
fn filled(report: &ReplicaReport) -> Vec<&'static str> {
    let mut tables: Vec<_> = report.rows.iter().filter(|(_, rows)| **rows > 0).collect();
    tables.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
    tables.into_iter().map(|(table, _)| *table).collect()
}

fn columns(table: &str) -> Result<String> {
    let table = schema::table(table).ok_or("a table of the schema")?;
    let columns: Vec<_> = table
        .stored_columns()
        .map(|column| format!("\"{column}\""))
        .collect();
    Ok(columns.join(", "))
}

fn dump(server: &EmbeddedServer, files: &Path, report: &ReplicaReport) -> Result<()> {
    for table in filled(report) {
        let file = files.join(table);
        finish(psql(
            server,
            "replica",
            &[format!(
                "\\copy {table} ({}) to '{}'",
                columns(table)?,
                file.display()
            )],
        )?)?;
    }
    Ok(())
}

async fn copy_plainly(
    server: &EmbeddedServer,
    files: &Path,
    report: &ReplicaReport,
) -> Result<f64> {
    let mut prepare: Vec<String> = schema::SCHEMAS
        .iter()
        .map(|name| format!("create schema {name}"))
        .collect();
    prepare.extend(schema::tables().map(|table| table.create_sql("real[]")));
    let mut load = Vec::new();
    for table in filled(report) {
        load.push(format!(
            "\\copy {table} ({}) from '{}'",
            columns(table)?,
            files.join(table).display()
        ));
    }
    timed(server, "plain", &prepare, &[load]).await
}

async fn copy_at_its_best(
    server: &EmbeddedServer,
    files: &Path,
    report: &ReplicaReport,
) -> Result<f64> {
    let prepare: Vec<String> = schema::SCHEMAS
        .iter()
        .map(|name| format!("create schema {name}"))
        .collect();
    // The largest table is about as large as all others together.
    let mut streams = [Vec::new(), Vec::new()];
    for (position, table) in filled(report).into_iter().enumerate() {
        let definition = schema::table(table).ok_or("a table of the schema")?;
        streams[position.min(1)].extend([
            "begin".to_owned(),
            definition.create_sql("real[]"),
            format!(
                "\\copy {table} ({}) from '{}' with (freeze)",
                columns(table)?,
                files.join(table).display()
            ),
            "commit".to_owned(),
        ]);
    }
    timed(server, "best", &prepare, &streams).await
}

/// Runs the streams at the same time and returns the seconds until all are done.
async fn timed(
    server: &EmbeddedServer,
    database: &str,
    prepare: &[String],
    streams: &[Vec<String>],
) -> Result<f64> {
    server.create_database(database).await?;
    finish(psql(server, database, prepare)?)?;
    finish(psql(server, database, &["checkpoint".to_owned()])?)?;
    let started = Instant::now();
    let running: Result<Vec<_>> = streams
        .iter()
        .map(|stream| psql(server, database, stream))
        .collect();
    for child in running? {
        finish(child)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    server.drop_database(database).await?;
    Ok(seconds)
}

fn psql(
    server: &EmbeddedServer,
    database: &str,
    statements: &[String],
) -> Result<std::process::Child> {
    let mut command = Command::new(server.programs().program("psql"));
    command.arg("--no-psqlrc").arg("--quiet").args([
        "--set",
        "ON_ERROR_STOP=1",
        "--dbname",
        database,
        "--username",
    ]);
    command
        .arg(server.user())
        .arg("--host")
        .arg(server.socket_dir())
        .arg("--port")
        .arg(server.port().to_string());
    for statement in statements {
        command.arg("--command").arg(statement);
    }
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?)
}

fn finish(mut child: std::process::Child) -> Result<()> {
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("psql ended with {status}").into())
    }
}

/// Largest resident size of this process so far.
fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no VmHWM")?;
    Ok(number.parse()?)
}
