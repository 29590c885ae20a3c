//! How long baseline and health take: `cargo run -p nba-monitoring --example replica_health -- 0.01`
//!
//! Builds a replica of the given scale on a private server, takes a baseline, checks twice, plants a changed value and
//! checks again.

use std::time::Instant;

use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_monitoring::baseline::{BaselineName, CaptureOptions, capture};
use nba_monitoring::health::{HealthOptions, check, render_text};
use nba_testkit::defects::Defect;
use nba_testkit::plan::{PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scale: f64 = std::env::args()
        .nth(1)
        .map_or(Ok(0.01), |text| text.parse())?;
    let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
    server.create_database("nba_simulator").await?;
    let target = server.target("nba_simulator");
    let plan = PlanOptions {
        scale: Scale::new(scale)?,
        ..PlanOptions::default()
    };
    let began = Instant::now();
    let built = Replica::build(
        &target,
        ReplicaOptions {
            plan,
            ..ReplicaOptions::default()
        },
        |_| {},
    )
    .await?;
    println!(
        "replica: {} rows in {:.2?}",
        built.total_rows,
        began.elapsed()
    );

    let db = Database::connect(&target).await?;
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let baseline = capture(
        &db,
        &CaptureOptions::new(folder.path(), BaselineName::default()),
    )
    .await?;
    println!(
        "baseline: {} rows in {} tables in {:.2?}",
        baseline.total_rows(),
        baseline.tables.len(),
        began.elapsed()
    );
    for what in ["first check", "second check", "check after a changed value"] {
        if what.contains("changed") {
            Defect::ValueChanged.plant(&target).await?;
        }
        let began = Instant::now();
        let report = check(&db, &baseline, &HealthOptions::default()).await;
        println!("{what}: {:.2?}\n{}", began.elapsed(), render_text(&report));
    }
    Ok(())
}
