//! Builds a replica and prints how long it took: `bench_replica SCALE [postgres:///DB?host=/SOCKET&user=postgres]`.

use std::{
    io::Write as _,
    sync::Mutex,
    time::{Duration, Instant},
};

use nba_config::DatabaseTarget;
use nba_testkit::{
    plan::{PlanOptions, Scale, Temporal},
    replica::{Replica, ReplicaOptions, Step},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let scale: f64 = arguments.next().ok_or("say a scale")?.parse()?;
    let target = DatabaseTarget::from_url(&arguments.next().ok_or("say a target")?)?;
    let options = ReplicaOptions {
        plan: PlanOptions {
            scale: Scale::new(scale)?,
            temporal: Temporal::Empty,
        },
        ..ReplicaOptions::default()
    };
    let last = Mutex::new(Instant::now());
    let report = Replica::build(&target, options, move |progress| {
        let mut last = last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() > Duration::from_secs(5) || !matches!(progress.step, Step::Load { .. }) {
            *last = Instant::now();
            let _ = writeln!(
                std::io::stderr(),
                "{:?} {:?}",
                progress.elapsed,
                progress.step
            );
        }
    })
    .await?;
    println!("{report:#?}\n{:.0} rows/s", report.rows_per_second());
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or("no VmHWM")
    );
    Ok(())
}
