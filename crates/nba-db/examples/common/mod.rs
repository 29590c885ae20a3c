//! Where the examples run: on the configured database, or on a private server with a few games.

use std::error::Error;

use nba_config::{Config, DatabaseTarget, ErrorKind, Inputs};
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{Database, Purpose};

/// The configured target; where none is configured, a private server that lives as long as the
/// second value.
pub(crate) async fn target() -> Result<(DatabaseTarget, Option<EmbeddedServer>), Box<dyn Error>> {
    match Config::load(Inputs::from_process()?)?.database() {
        Ok(target) => Ok((target, None)),
        Err(error) if error.kind() == ErrorKind::NoTarget => {
            let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
            server.create_database("nba").await?;
            let target = server.target("nba");
            fill(&Database::connect(&target).await?).await?;
            Ok((target, Some(server)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn fill(db: &Database) -> nba_db::Result<()> {
    let mut writer = db.writer(Purpose::new("fill the example database")).await?;
    writer
        .batch_execute(
            "create table games (game_id text primary key, season int, home_score numeric);
             insert into games select to_char(g, 'FM0022300000'), 2020 + g % 5, 90 + g % 40
             from generate_series(1, 1000) g",
        )
        .await?;
    drop(writer.finish().await);
    Ok(())
}
