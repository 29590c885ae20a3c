//! A batch job: one snapshot, exact counts, and a table of any size read in bounded memory.
//!
//! ```text
//! cargo run -p nba-db --features embedded --example batch
//! ```

use std::collections::BTreeMap;
use std::error::Error;

use futures::TryStreamExt as _;
use nba_db::counts::CountOptions;
use nba_db::{ConnectOptions, Database};

mod common;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (target, _server) = common::target().await?;
    let db =
        Database::connect(ConnectOptions::from(&target).application("batch", "example")).await?;

    let identity = db.identity().await?;
    println!(
        "database {} of system {:?}",
        identity.brief.database, identity.brief.system_identifier
    );

    let tables: Vec<_> = db
        .catalog()
        .await?
        .tables()
        .map(|table| table.table.clone())
        .collect();
    for count in db.counts(&tables, &CountOptions::default()).await?.tables {
        match count.rows {
            Some(rows) => println!("{}: {rows} rows", count.table),
            None => println!("{}: {:?}", count.table, count.verdict),
        }
    }

    let mut seasons: BTreeMap<i32, u64> = BTreeMap::new();
    let mut games = db
        .stream("select season from games where season is not null", &[])
        .await?;
    while let Some(game) = games.try_next().await? {
        *seasons.entry(game.get("season")?).or_default() += 1;
    }
    for (season, games) in seasons {
        println!("season {season}: {games} games");
    }
    Ok(())
}
