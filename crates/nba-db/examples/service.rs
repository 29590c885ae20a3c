//! A web service whose handlers share the pool; stops on Ctrl-C.
//!
//! ```text
//! cargo run -p nba-db --features embedded --example service
//! curl http://127.0.0.1:<port>/games/2024
//! ```

use std::error::Error;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use nba_db::{Database, DbError, ErrorKind, JsonRow};

mod common;

/// A busy pool is the client's sign to come back later; it is not a broken service.
fn status(error: &DbError) -> StatusCode {
    match error.kind() {
        ErrorKind::PoolTimeout | ErrorKind::StatementTimeout => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Rows as exact JSON. A client that hangs up drops the handler, which cancels the query on the
/// server.
async fn games(
    State(db): State<Database>,
    Path(season): Path<i32>,
) -> Result<Json<Vec<JsonRow>>, StatusCode> {
    let sql = "select * from games where season = $1 order by game_id limit 100";
    db.query(sql, &[&season])
        .await
        .map(Json)
        .map_err(|error| status(&error))
}

/// The same pool through sqlx.
async fn count(State(db): State<Database>) -> Result<String, StatusCode> {
    let games: i64 = sqlx::query_scalar("select count(*) from games")
        .fetch_one(db.pool())
        .await
        .map_err(|error| status(&db.error("counting games", error)))?;
    Ok(games.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (target, _server) = common::target().await?;
    let db = Database::connect(&target).await?;
    let router = Router::new()
        .route("/games/{season}", get(games))
        .route("/count", get(count))
        .with_state(db);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let stop = async {
        // Without a signal handler the service simply runs on.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}
