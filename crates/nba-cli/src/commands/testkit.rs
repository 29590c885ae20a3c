//! `nba testkit`: parts of the replica to keep.

use super::Code;
use crate::cli::TestkitCommand;
use crate::context::Context;
use crate::progress::{LakeProgressBar, ReplicaProgress};
use crate::render::Out;
use anyhow::{Context as _, bail};
use nba_config::DatabaseTarget;
use nba_db::embedded::{self, EmbeddedOptions, EmbeddedServer, Search};
use nba_testkit::lake::{LakeOptions, LakeReport, Shapes};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions, LegacyTarget};
use nba_testkit::plan::{Plan, PlanOptions, Scale, Temporal};
use nba_testkit::replica::{Replica, ReplicaError, ReplicaOptions, ReplicaReport};
use nba_testkit::sim::Universe;
use nba_utils::atomic::{self, NewFile};
use nba_utils::exit_code;
use nba_utils::format::{bytes, duration, thousands};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Name of the replica's database: the one that two databases of the platform share (database dossier 0).
pub(crate) const DATABASE: &str = "nba_simulator";

/// File in a data folder with the URL of its server.
const URL_FILE: &str = "connection-url";

/// The database's name until it is whole: half a replica must not pass for one, however its build ended.
const UNFINISHED: &str = "nba_simulator_unfinished";

pub(crate) async fn run(context: &Context, command: &TestkitCommand) -> anyhow::Result<Code> {
    match command {
        TestkitCommand::Build {
            scale,
            seed,
            with_temporal,
            data_dir,
            into_target,
            pg_bin,
        } => {
            let temporal = if *with_temporal {
                Temporal::Filled
            } else {
                Temporal::Empty
            };
            let options = options(*scale, *seed, temporal)?;
            match data_dir {
                Some(data_dir) => build_in_folder(context, data_dir, pg_bin.clone(), options).await,
                None => {
                    debug_assert!(into_target, "clap demands one of the two");
                    let target = context.config()?.database()?;
                    let half_built = HalfBuilt {
                        out: context.out,
                        target: &target,
                    };
                    let report = build(context.out, &target, options).await?;
                    half_built.whole();
                    done(context, &target, Some(&report))
                }
            }
        }
        TestkitCommand::Stop { data_dir } => {
            let data_dir = std::path::absolute(data_dir)?;
            let stopped =
                tokio::task::spawn_blocking(move || embedded::stop_folder(&data_dir)).await??;
            context
                .out
                .json(&serde_json::json!({ "stopped": stopped }))?;
            context.out.line(if stopped {
                "stopped"
            } else {
                "no server was running there"
            });
            Ok(exit_code::PROVEN)
        }
        TestkitCommand::Lake {
            dir,
            scale,
            seed,
            all_shapes,
        } => {
            let shapes = if *all_shapes {
                Shapes::Evenly
            } else {
                Shapes::Documented
            };
            lake(context, dir, *scale, *seed, shapes).await
        }
        TestkitCommand::Checkout { dir, data_dir } => checkout(context, dir, data_dir.as_deref()),
    }
}

pub(crate) fn options(
    scale: Scale,
    seed: u64,
    temporal: Temporal,
) -> anyhow::Result<ReplicaOptions> {
    let plan = PlanOptions { scale, temporal };
    Ok(ReplicaOptions {
        plan,
        seed,
        ..ReplicaOptions::default()
    })
}

/// Builds with a progress display.
pub(crate) async fn build(
    out: Out,
    target: &DatabaseTarget,
    options: ReplicaOptions,
) -> Result<ReplicaReport, ReplicaError> {
    let progress = ReplicaProgress::new(out);
    Replica::build(target, options, move |step| progress.update(step)).await
}

async fn build_in_folder(
    context: &Context,
    data_dir: &Path,
    pg_bin: Option<PathBuf>,
    options: ReplicaOptions,
) -> anyhow::Result<Code> {
    let data_dir = std::path::absolute(data_dir)?;
    let server = EmbeddedServer::start(EmbeddedOptions {
        search: Search {
            explicit: pg_bin,
            ..Search::default()
        },
        ..EmbeddedOptions::folder(&data_dir)
    })
    .await?;
    let target = server.target(DATABASE);
    let admin = nba_db::Database::connect(&server.target("postgres")).await?;
    let exists: bool = admin
        .query_scalar(
            "select exists (select from pg_database where datname = $1)",
            &[&DATABASE],
        )
        .await?;
    admin.close().await;
    let report = if exists {
        context
            .out
            .note("the database is there already: the server was started again");
        None
    } else {
        server.drop_database(UNFINISHED).await?;
        server.create_database(UNFINISHED).await?;
        let report = build(context.out, &server.target(UNFINISHED), options).await?;
        server.rename_database(UNFINISHED, DATABASE).await?;
        Some(report)
    };
    atomic::replace(
        &data_dir.join(URL_FILE),
        server.url(DATABASE).as_bytes(),
        NewFile::Private,
    )?;
    let folder = server.detach()?;
    context
        .out
        .note(&format!("connect: {}", target.to_url_masked()));
    context.out.note(&format!(
        "stop:    nba testkit stop --data-dir {}",
        folder.display()
    ));
    done(context, &target, report.as_ref())
}

/// Reports a build, or that there was nothing to build.
fn done(
    context: &Context,
    target: &DatabaseTarget,
    report: Option<&ReplicaReport>,
) -> anyhow::Result<Code> {
    context.out.json(&serde_json::json!({
        "target": target.to_url_masked(),
        "built": report.map(|report| serde_json::json!({
            "rows": report.rows,
            "total_rows": report.total_rows,
            "bytes": report.bytes,
            "load_seconds": report.load.as_secs_f64(),
            "elapsed_seconds": report.elapsed.as_secs_f64(),
        })),
    }))?;
    if let Some(report) = report {
        context.out.line(&summary(report));
    }
    Ok(exit_code::PROVEN)
}

/// Says what is left of a build into somebody else's database that ended early.
struct HalfBuilt<'a> {
    out: Out,
    target: &'a DatabaseTarget,
}

impl HalfBuilt<'_> {
    fn whole(self) {
        std::mem::forget(self);
    }
}

impl Drop for HalfBuilt<'_> {
    fn drop(&mut self) {
        self.out.note(&format!(
            "`{}` may be half built: drop the database and create it again",
            self.target.to_url_masked()
        ));
    }
}

/// One line about a finished build.
pub(crate) fn summary(report: &ReplicaReport) -> String {
    let filled = report.rows.values().filter(|rows| **rows > 0).count();
    format!(
        "{} rows in {} tables ({} of them empty), {} in {}",
        thousands(report.total_rows),
        report.rows.len(),
        report.rows.len() - filled,
        bytes(report.bytes),
        duration(report.elapsed),
    )
}

fn checkout(context: &Context, dir: &Path, data_dir: Option<&Path>) -> anyhow::Result<Code> {
    let mut options = LegacyOptions::default();
    if let Some(data_dir) = data_dir {
        let file = data_dir.join(URL_FILE);
        let url = std::fs::read_to_string(&file).with_context(|| {
            format!(
                "cannot read `{}`: was the folder made by `nba testkit build`?",
                file.display()
            )
        })?;
        options.target = legacy_target(&DatabaseTarget::from_url(url.trim())?);
    }
    refuse_if_not_empty(dir)?;
    let checkout = LegacyCheckout::build(dir, &options)?;
    let (project, home) = (checkout.project(), checkout.home());
    context
        .out
        .json(&serde_json::json!({ "project": project, "home": home }))?;
    context.out.line(&format!("project  {}", project.display()));
    context.out.line(&format!("home     {}", home.display()));
    Ok(exit_code::PROVEN)
}

/// What the legacy credentials file says about a target. The socket needs no password; the file has one all the same.
pub(crate) fn legacy_target(target: &DatabaseTarget) -> LegacyTarget {
    LegacyTarget {
        host: target.host.to_string(),
        port: target.port,
        database: target.database.clone(),
        user: target.user.clone(),
        ..LegacyTarget::default()
    }
}

async fn lake(
    context: &Context,
    dir: &Path,
    scale: Scale,
    seed: u64,
    shapes: Shapes,
) -> anyhow::Result<Code> {
    refuse_if_not_empty(dir)?;
    let report = write_lake(context.out, dir.to_owned(), scale, seed, shapes).await?;
    context.out.json(&serde_json::json!({
        "objects": report.objects(),
        "bytes": report.bytes(),
        "games": report.games,
        "by_prefix": report.by_prefix.iter().map(|(prefix, size)| (prefix.clone(), size.objects)).collect::<BTreeMap<_, _>>(),
        "quirks": report.quirks,
    }))?;
    context.out.line(&format!(
        "{} objects, {}, of {} games",
        thousands(report.objects()),
        bytes(report.bytes()),
        thousands(report.games)
    ));
    Ok(exit_code::PROVEN)
}

/// Writes the documents of all games of a plan, with a progress display.
pub(crate) async fn write_lake(
    out: Out,
    dir: PathBuf,
    scale: Scale,
    seed: u64,
    shapes: Shapes,
) -> anyhow::Result<LakeReport> {
    tokio::task::spawn_blocking(move || {
        let universe = Universe::new(seed);
        let plan = Plan::new(
            &universe,
            PlanOptions {
                scale,
                ..PlanOptions::default()
            },
        )?;
        let progress = LakeProgressBar::new(out);
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make `{}`", dir.display()))?;
        Ok(nba_testkit::lake::build(
            &dir,
            &universe,
            &plan,
            &LakeOptions {
                shapes,
                ..LakeOptions::default()
            },
            &|step| progress.update(step),
        )?)
    })
    .await?
}

fn refuse_if_not_empty(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() && std::fs::read_dir(dir)?.next().is_some() {
        bail!("`{}` is not empty", dir.display());
    }
    Ok(())
}
