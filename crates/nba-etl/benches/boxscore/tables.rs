//! Bytes on the disk of a server for one event, by set of tables: what `--free` is held against.

use std::path::Path;

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{Database, Purpose};
use nba_etl::boxscore::tables::{LoadOptions, TableSet, load};
use nba_etl::boxscore::{BatchOptions, Store, generate};
use nba_etl::plays::place::Files;

use crate::Result;

/// Loads the games of a file with all tables and prints, beside what the estimate says, what they take.
pub(crate) fn bytes_per_event(file: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store");
    let files = Files::new(&[file.to_owned()])?;
    let account = generate(&files, &path, &BatchOptions::default(), &|_| {})?;
    let events = account.events;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
        server.create_database("nba").await?;
        let db = Database::connect(&server.target("nba")).await?;
        let mut options = LoadOptions::new("boxes");
        options.sets = TableSet::ALL.into();
        // The server is thrown away; the guard is for those that are not.
        options.free_bytes = Some(u64::MAX);
        let store = Store::open(&path)?;
        let mut writer = db
            .writer(Purpose::new("measure tables of box scores"))
            .await?;
        let loaded = load(&store, &mut writer, &options).await;
        let _ = writer.finish().await;
        loaded?;
        println!("\n| tables | bytes an event, indexes included | estimate |");
        println!("|---|---:|---:|");
        for set in TableSet::ALL {
            let mut bytes = 0i64;
            for name in set.table_names() {
                let sql = "select pg_catalog.pg_total_relation_size(pg_catalog.to_regclass($1))";
                let size: i64 = db.query_scalar(sql, &[&format!("boxes.{name}")]).await?;
                bytes += size;
            }
            let each = u64::try_from(bytes)? / events.max(1);
            println!("| {} | {each} | {} |", set.name(), set.bytes_per_event());
        }
        println!("\n{events} events of {} games", account.games);
        Ok(())
    })
}
