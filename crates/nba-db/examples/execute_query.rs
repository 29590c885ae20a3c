//! The legacy `execute_query`: `%s` placeholders in, rows as JSON objects out.
//!
//! ```text
//! cargo run -p nba-db --features embedded --example execute_query
//! ```

use std::error::Error;

use nba_db::legacy::{LegacyParams, execute_query};
use nba_db::{Database, Param};

mod common;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (target, _server) = common::target().await?;
    let db = Database::connect(&target).await?;
    let rows = execute_query(
        &db,
        "select * from games where season = %s order by game_id limit %s",
        &LegacyParams::Positional(&[Param::Int(2024), Param::Int(3)]),
    )
    .await?;
    for row in rows {
        println!("{}", row.to_json());
    }
    Ok(())
}
