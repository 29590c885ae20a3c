//! Games of a replica's tables into a store, beside a bare `COPY` of the same columns.

use std::time::Instant;

use futures::TryStreamExt as _;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{CopyFormat, Database};
use nba_etl::boxscore::{BatchOptions, generate};
use nba_etl::plays::place::{Tables, Wanted};
use nba_testkit::plan::{PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};

use crate::{Result, line};

/// Reads hoopR's plays of a replica of this size: listed, bare, into a store, and again.
pub(crate) fn games_of_tables(scale: f64) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let (server, db) = runtime.block_on(async {
        let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
        server.create_database("nba").await?;
        let plan = PlanOptions {
            scale: Scale::new(scale)?,
            ..PlanOptions::default()
        };
        let options = ReplicaOptions {
            plan,
            ..ReplicaOptions::default()
        };
        Replica::build(&server.target("nba"), options, |_| {}).await?;
        let db = Database::connect(&server.target("nba")).await?;
        Ok::<_, Box<dyn std::error::Error>>((server, db))
    })?;
    let wanted = Wanted {
        feeds: ["hoopr".to_owned()].into(),
        ..Wanted::default()
    };
    println!("| from the tables of a replica, scale {scale} | rows | seconds | rows/s |");
    println!("|---|---:|---:|---:|");
    let rows = runtime.block_on(db.query_scalar::<i64>(ROWS, &[]))?;
    let rows = usize::try_from(rows)?;
    let start = Instant::now();
    runtime.block_on(bare(&db))?;
    line(
        "floor: `COPY` of the columns that are read, to nowhere",
        rows,
        start.elapsed(),
    );
    for jobs in [1, 2] {
        let path = folder.path().join(jobs.to_string());
        let mut options = BatchOptions::default();
        options.wanted = wanted.clone();
        options.jobs = std::num::NonZeroUsize::new(jobs).unwrap_or(std::num::NonZeroUsize::MIN);
        for turn in ["", ", again, nothing changed"] {
            let start = Instant::now();
            let list = Tables::list(db.clone(), None, &wanted, runtime.handle().clone());
            let place = runtime.block_on(list)?;
            let listed = start.elapsed();
            let account = generate(&place, &path, &options, &|_| {})?;
            line(
                &format!("tables to a store, {jobs} session(s){turn}"),
                rows,
                start.elapsed(),
            );
            eprintln!(
                "{} games listed in {listed:?}, {} parts written",
                account.games, account.parts_written
            );
        }
    }
    runtime.block_on(db.close());
    runtime.block_on(server.stop())?;
    Ok(())
}

async fn bare(db: &Database) -> nba_db::Result<()> {
    let mut copy = db.copy_query_out(BARE, CopyFormat::Binary).await?;
    while copy.try_next().await?.is_some() {}
    Ok(())
}

const ROWS: &str = "select count(*) from hoopr_play_by_play";

/// What a game needs, as the reader asks for it.
const BARE: &str = "select game_id, sequence_number, type_text, text, period_number, clock_display_value, scoring_play, score_value, \
     shooting_play, team_id, athlete_id_1, athlete_id_2, athlete_id_3, home_team_id, away_team_id, home_team_abbrev, away_team_abbrev, \
     home_score, away_score, period, season, game_date from hoopr_play_by_play";
