//! `nba demo`: the whole product in one story, on a replica that it builds and removes again.

mod porting;
mod safety;

use self::porting::Porting;
use self::safety::Safety;
use super::Code;
use super::testkit::{self, DATABASE};
use crate::cli::DemoArgs;
use crate::context::Context;
use crate::render::{Out, Tone};
use anyhow::Context as _;
use nba_config::{Config, DatabaseTarget, Inputs};
use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, Search};
use nba_etl::lake::{Inventory, Lake};
use nba_etl::runner::{Environment, Script, run_async};
use nba_migration::ledger::Entry;
use nba_monitoring::baseline::{self, Baseline, BaselineName, CaptureOptions};
use nba_monitoring::health::{CheckRecord, HealthOptions, HealthReport, Overall, check, row_text};
use nba_testkit::defects::{Defect, Planted};
use nba_testkit::lake::Shapes;
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::local_copy;
use nba_testkit::plan::{Scale, Temporal};
use nba_testkit::s3::{S3Credentials, S3Server};
use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use nba_utils::format::{bytes, duration, thousands};
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The damage the demo does, in this order; the wrong database comes after it.
const DEFECTS: [(Defect, &str); 4] = [
    (Defect::RowDeleted, "a row is deleted"),
    (
        Defect::ValueChanged,
        "a value changes, every count stays the same",
    ),
    (
        Defect::GameDuplicated,
        "a game is there twice, under two ids",
    ),
    (Defect::TableEmptied, "a table is emptied"),
];

/// Share of the replica's games that get documents in the lake: at three documents a game it would be the slowest part.
const LAKE_SHARE: f64 = 0.1;

/// A script that says it succeeded when the database is down.
const SCRIPT: &str = "scripts/etl/extract_pbp_local.py";

/// A host nobody answers at.
const NOBODY: &str = "nba-sim-db.replica.invalid";

/// What the demo did and found.
#[derive(Serialize)]
struct Story {
    #[serde(flatten)]
    verdict: Verdict,
    /// How to use what `--keep` left.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Kept>,
    replica_rows: u64,
    lake_objects: u64,
    healthy_before: bool,
    legacy_script: Verdict,
    porting: Porting,
    safety: Safety,
    defects: Vec<Chapter>,
    elapsed_seconds: f64,
}

/// One defect and what became of it.
#[derive(Serialize)]
struct Chapter {
    defect: &'static str,
    planted: String,
    found: bool,
    report: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: &DemoArgs) -> anyhow::Result<Code> {
    let started = Instant::now();
    let out = context.out;
    let stage = Stage::build(context, args).await?;
    let config = stage.config()?;
    context.hide_secrets(&config);
    let db = context.connect(&config, "demo").await?;
    show_config(out, &config)?;
    show_identity(out, &db).await?;
    let lake_objects = show_lake(out, &config).await?;

    let baseline = capture(context, &config, &db).await?;
    let before = check(&db, &baseline, &HealthOptions::default()).await;
    context.append(&config, &Entry::health(&before))?;
    let healthy_before = before.overall_status == Overall::Healthy;
    heading(out, "health");
    say(out, &painted_overall(&before));
    let legacy_script = run_legacy_script(out, &stage, context.search_path()?).await?;

    let porting = Box::pin(porting::tell(context, &stage, &config, &db)).await?;
    // On the heap: it holds all that the way there and back needs.
    let safety = Box::pin(safety::tell(context, &stage)).await?;

    heading(out, "defects");
    say(
        out,
        "planted one after the other; health is asked after each",
    );
    let mut defects = Vec::new();
    for (defect, title) in DEFECTS {
        let planted = defect.plant(&stage.target()).await?;
        let report = check(&db, &baseline, &HealthOptions::default()).await;
        context.append(&config, &Entry::health(&report))?;
        defects.push(chapter(out, title, &planted, &report));
    }
    db.close().await;
    defects.push(wrong_database(context, args, &stage, &baseline).await?);

    let missed: Vec<String> = defects
        .iter()
        .filter(|chapter| !chapter.found)
        .map(|chapter| format!("not found: {}", chapter.defect))
        .collect();
    let misled =
        (!healthy_before).then(|| "health was not green before anything was broken".to_owned());
    let believed = legacy_script
        .is_proven()
        .then(|| "an exit status was taken as evidence".to_owned());
    let verdict = Verdict::all([
        porting.verdict.clone(),
        safety.verdict.clone(),
        Verdict::from_findings(missed.into_iter().chain(misled).chain(believed)),
    ]);
    let found = defects.iter().filter(|chapter| chapter.found).count();
    heading(out, "result");
    let summary = format!("{found} of {} defects found, each by name", defects.len());
    say(out, &Tone::of(&verdict).paint(&summary));
    let replica_rows = stage.rows;
    let kept = if args.keep {
        Some(stage.keep(out)?)
    } else {
        stage.tear_down().await?;
        say(out, "the replica is stopped and removed");
        None
    };
    let story = Story {
        kept,
        replica_rows,
        lake_objects,
        healthy_before,
        legacy_script,
        porting,
        safety,
        defects,
        elapsed_seconds: started.elapsed().as_secs_f64(),
        verdict,
    };
    out.json(&story)?;
    say(
        out,
        &Tone::Dim.paint(&format!("took {}", duration(started.elapsed()))),
    );
    Ok(story.verdict.exit_code())
}

/// What `--keep` leaves, and the commands to use it.
#[derive(Serialize)]
struct Kept {
    project: PathBuf,
    url: String,
    health: String,
    psql: String,
    remove: String,
}

/// The lake's scale beside a replica's.
fn lake_scale(replica: Scale) -> anyhow::Result<Scale> {
    Ok(Scale::new(
        (replica.share() * LAKE_SHARE).max(Scale::SMALLEST),
    )?)
}

/// Everything the demo builds.
struct Stage {
    server: EmbeddedServer,
    /// Within the server's folder, so that it is removed even when this process is killed; with `--keep` around it.
    dir: tempfile::TempDir,
    checkout: LegacyCheckout,
    /// Serves the lake for as long as the demo runs.
    _s3: S3Server,
    rows: u64,
    scale: Scale,
    seed: u64,
}

impl Stage {
    async fn build(context: &Context, args: &DemoArgs) -> anyhow::Result<Self> {
        let out = context.out;
        heading(out, "replica");
        let no_folder = "cannot make a temporary folder";
        let (server, dir) = if args.keep {
            let dir = tempfile::Builder::new()
                .prefix("nba-demo-")
                .tempdir()
                .context(no_folder)?;
            let server = start_server(args, Some(dir.path().join("server"))).await?;
            (server, dir)
        } else {
            let server = start_server(args, None).await?;
            let dir = tempfile::tempdir_in(server.folder()).context(no_folder)?;
            (server, dir)
        };
        server.create_database(DATABASE).await?;
        let options = testkit::options(args.scale, args.seed, Temporal::Empty)?;
        let report = testkit::build(out, &server.target(DATABASE), options).await?;
        say(out, &testkit::summary(&report));
        safety::copy_database(&server.target("postgres"), DATABASE).await?;

        let bucket = nba_config::names::DEFAULT_BUCKET;
        let lake_dir = dir.path().join("lake");
        std::fs::create_dir_all(&lake_dir)?;
        let s3 = S3Server::start(&lake_dir, S3Credentials::random())?;
        let folder = s3.create_bucket(bucket)?;
        let share = lake_scale(args.scale)?;
        let written =
            testkit::write_lake(out, folder, share, args.seed, Shapes::Documented).await?;
        say(
            out,
            &format!(
                "a lake of {} objects, {}, served as S3 at {}",
                thousands(written.objects()),
                bytes(written.bytes()),
                s3.endpoint()
            ),
        );
        let options = LegacyOptions {
            target: testkit::legacy_target(&server.target(DATABASE)),
            lake: Some(lake_dir),
            s3: Some((s3.endpoint().to_owned(), s3.credentials().clone())),
        };
        let checkout = LegacyCheckout::build(&dir.path().join("legacy"), &options)?;
        say(
            out,
            &format!(
                "a legacy checkout of {} files with its scripts, schedules and credentials",
                checkout.files().count()
            ),
        );
        Ok(Self {
            server,
            dir,
            checkout,
            _s3: s3,
            rows: report.total_rows,
            scale: args.scale,
            seed: args.seed,
        })
    }

    fn target(&self) -> DatabaseTarget {
        self.server.target(DATABASE)
    }

    /// The configuration of somebody who works in the checkout: its files and its home, nothing of this process.
    fn config(&self) -> anyhow::Result<Config> {
        let mut inputs = Inputs::new(self.checkout.project());
        inputs.home = Some(self.checkout.home());
        Ok(Config::load(inputs)?)
    }

    /// Leaves everything where it is and says how to use it.
    fn keep(self, out: Out) -> anyhow::Result<Kept> {
        let project = self.checkout.project();
        let url = self.server.url(DATABASE);
        let settings = format!(
            "# written by `nba demo --keep`\n[database]\ntarget = \"demo\"\n\n[targets.demo]\nurl = \"{url}\"\n"
        );
        atomic::replace(
            &project.join(nba_config::names::PROJECT_FILE),
            settings.as_bytes(),
            NewFile::Private,
        )?;
        let psql = self.server.programs().program("psql");
        let (socket, port, user) = (
            self.server.socket_dir().to_owned(),
            self.server.port(),
            self.server.user().to_owned(),
        );
        let folder = self.server.detach()?;
        let dir = self.dir.keep();
        heading(out, "kept");
        let kept = Kept {
            health: format!("nba --project {} health", project.display()),
            psql: format!(
                "{} -h {} -p {port} -U {user} {DATABASE}",
                psql.display(),
                socket.display()
            ),
            remove: format!(
                "nba testkit stop --data-dir {} && rm -r {}",
                folder.display(),
                dir.display()
            ),
            project,
            url,
        };
        for command in [&kept.health, &kept.psql, &kept.remove] {
            say(out, command);
        }
        Ok(kept)
    }

    async fn tear_down(self) -> anyhow::Result<()> {
        self.dir
            .close()
            .context("cannot remove the demo's folder")?;
        Ok(self.server.stop().await?)
    }
}

async fn start_server(
    args: &DemoArgs,
    folder: Option<std::path::PathBuf>,
) -> anyhow::Result<EmbeddedServer> {
    let search = Search {
        explicit: args.pg_bin.clone(),
        ..Search::default()
    };
    let base = folder.map_or_else(EmbeddedOptions::default, |folder| EmbeddedOptions {
        // As quick as the ephemeral one: it is only kept for looking around.
        durability: nba_db::embedded::Durability::Throwaway,
        ..EmbeddedOptions::folder(folder)
    });
    Ok(EmbeddedServer::start(EmbeddedOptions { search, ..base }).await?)
}

/// Where the checkout's own files say the database is.
fn show_config(out: Out, config: &Config) -> anyhow::Result<()> {
    heading(out, "config");
    let target = config.database()?;
    let host = target.provenance.get("host").map(ToString::to_string);
    say(
        out,
        &format!(
            "{} says where the database is: {}",
            host.unwrap_or_default(),
            target.to_url_masked()
        ),
    );
    let check = config.check();
    say(
        out,
        &format!(
            "{}: {} remarks about the checkout's files (`nba config check` lists them)",
            Tone::of(&check.verdict).paint(check.verdict.as_str()),
            check.findings.len()
        ),
    );
    Ok(())
}

async fn show_identity(out: Out, db: &Database) -> anyhow::Result<()> {
    let identity = db.identity().await?;
    heading(out, "identity");
    say(
        out,
        &format!(
            "{}, database `{}`, system identifier {}",
            version(&identity),
            identity.brief.database,
            identity
                .brief
                .system_identifier
                .as_deref()
                .unwrap_or("not readable"),
        ),
    );
    let read_only = if identity.read_only_proof.is_proven() {
        "the session is read-only: a write was tried and refused"
    } else {
        "the session could write"
    };
    say(
        out,
        &format!(
            "{} tables in {} schemas; {read_only}",
            identity.tables(),
            identity.tables_per_schema.len()
        ),
    );
    Ok(())
}

/// `PostgreSQL 15.14`, without how it was compiled.
fn version(identity: &nba_db::identity::TargetIdentity) -> String {
    let words: Vec<&str> = identity.version.split_whitespace().take(2).collect();
    words.join(" ")
}

async fn show_lake(out: Out, config: &Config) -> anyhow::Result<u64> {
    heading(out, "lake");
    let lake = Lake::s3(&config.s3()?).await;
    let totals = lake.totals(&Inventory::default()).await?;
    let prefixes: Vec<String> = totals
        .by_prefix
        .iter()
        .map(|(prefix, total)| format!("{prefix} {}", thousands(total.objects)))
        .collect();
    say(
        out,
        &format!(
            "{} objects, {}: {}",
            thousands(totals.all.objects),
            bytes(totals.all.bytes),
            prefixes.join(", ")
        ),
    );
    Ok(totals.all.objects)
}

async fn capture(context: &Context, config: &Config, db: &Database) -> anyhow::Result<Baseline> {
    heading(context.out, "baseline");
    let started = Instant::now();
    let options = CaptureOptions::new(Context::baselines(config)?, BaselineName::new("default")?);
    let baseline = baseline::capture(db, &options).await?;
    context.append(config, &Entry::baseline(&baseline))?;
    say(
        context.out,
        &format!(
            "{} rows of {} tables fingerprinted in one snapshot, in {}; written to the ledger",
            thousands(baseline.total_rows()),
            baseline.tables.len(),
            duration(started.elapsed()),
        ),
    );
    Ok(baseline)
}

/// Runs a script that exits 0 although it can do nothing, and does not believe it.
async fn run_legacy_script(
    out: Out,
    stage: &Stage,
    search_path: String,
) -> anyhow::Result<Verdict> {
    heading(out, "legacy script");
    // The checkout's own settings, but with a host nobody answers at.
    let mut environment = Environment::allowed(std::iter::once(("PATH", search_path)));
    for (name, value) in stage.checkout.environment() {
        let unreachable = name.ends_with("_HOST");
        environment.set(
            &name,
            if unreachable {
                NOBODY.to_owned()
            } else {
                value
            },
        );
    }
    let mut script = Script::new(
        "python3",
        [SCRIPT, "--year", "2020"],
        stage.checkout.project(),
        environment,
    );
    script.deadline = Duration::from_secs(30);
    let ran = run_async(script).await?;
    say(
        out,
        &format!(
            "{SCRIPT} without a database: {} after {}",
            ran.ending,
            duration(ran.elapsed)
        ),
    );
    say(
        out,
        &format!(
            "verdict {}: {}",
            Tone::of(&ran.verdict).paint(ran.verdict.as_str()),
            ran.verdict.reasons().join("; ")
        ),
    );
    Ok(ran.verdict)
}

/// Shows one planted defect and whether health names it: its table, and its key where rows can be named.
fn chapter(out: Out, title: &'static str, planted: &Planted, report: &HealthReport) -> Chapter {
    say(out, "");
    say(out, &Tone::Strong.paint(title));
    let change = match (&planted.before, &planted.after) {
        (Some(before), Some(after)) => format!(
            ": {}{before} became {after}",
            planted
                .column
                .map(|column| format!("{column} "))
                .unwrap_or_default()
        ),
        _ => String::new(),
    };
    let what = format!("{} {}{change}", planted.table, planted.key);
    say(out, &format!("  planted  {what}"));
    let mut shown = Vec::new();
    for (name, record) in report
        .degraded_checks
        .iter()
        .filter_map(|name| report.checks.get_key_value(name))
    {
        // A legacy name without a colon is an alias of one of the suite's own checks.
        if !name.contains(':') || !concerns(name, record, planted) {
            continue;
        }
        shown.push(format!(
            "{} {name}: {}",
            record.status.as_str(),
            record.message
        ));
        let rows = record
            .differences
            .iter()
            .flat_map(|differences| &differences.rows)
            .map(row_text);
        shown.extend(
            rows.filter(|row| names_row(row, planted))
                .take(1)
                .map(|row| format!("  {row}")),
        );
    }
    // A single row has to be named by its key; a whole table by its name and both counts.
    let named = shown.iter().any(|line| names_row(line, planted))
        || (planted.rows > 1 && shown.iter().any(|line| line.contains(planted.table)));
    let found = report.verdict.is_refuted() && named;
    for line in &shown {
        say(
            out,
            &format!(
                "  {}    {line}",
                if found {
                    Tone::Good.paint("found")
                } else {
                    Tone::Bad.paint("?????")
                }
            ),
        );
    }
    if !found {
        say(out, &format!("  {}", Tone::Bad.paint("NOT FOUND")));
    }
    Chapter {
        defect: title,
        planted: what,
        found,
        report: shown,
    }
}

/// Whether a degraded check is about this defect.
fn concerns(name: &str, record: &CheckRecord, planted: &Planted) -> bool {
    name == format!("table:{}", planted.table) || names_row(&record.message, planted)
}

/// Whether a text names the row by all parts of its key, however it is punctuated.
fn names_row(text: &str, planted: &Planted) -> bool {
    planted.key.split(", ").all(|part| {
        part.split_once('=')
            .is_some_and(|(_, value)| text.contains(value))
    })
}

/// Another server with a database of the same name: health must stop at the identity.
async fn wrong_database(
    context: &Context,
    args: &DemoArgs,
    stage: &Stage,
    baseline: &Baseline,
) -> anyhow::Result<Chapter> {
    let out = context.out;
    let title = "the wrong database, under the same name";
    say(out, "");
    say(out, &Tone::Strong.paint(title));
    let other = start_server(args, None).await?;
    other.create_database(DATABASE).await?;
    let target = other.target(DATABASE);
    let tables = local_copy::build(&target, args.scale).await?;
    let what = format!(
        "another server, database `{DATABASE}` with {} tables",
        tables.len()
    );
    say(out, &format!("  planted  {what}"));
    let mut inputs = Inputs::new(stage.checkout.project());
    inputs.flags.database_url = Some(other.url(DATABASE).into());
    let config = Config::load(inputs)?;
    let db = context.connect(&config, "demo").await?;
    let report = check(&db, baseline, &HealthOptions::default()).await;
    db.close().await;
    other.stop().await?;
    let verdict = &report.identity.verdict;
    let compared = report
        .checks
        .keys()
        .filter(|name| name.starts_with("table:"))
        .filter(|name| !matches!(report.checks[*name].verdict, Verdict::NotProven { .. }))
        .count();
    let found = verdict.is_refuted() && compared == 0;
    let shown: Vec<String> = verdict.reasons().to_vec();
    for line in &shown {
        say(
            out,
            &format!(
                "  {}    {line}",
                if found {
                    Tone::Good.paint("found")
                } else {
                    Tone::Bad.paint("?????")
                }
            ),
        );
    }
    say(out, "           nothing else was compared");
    Ok(Chapter {
        defect: title,
        planted: what,
        found,
        report: shown,
    })
}

fn painted_overall(report: &HealthReport) -> String {
    let ok = report
        .checks
        .values()
        .filter(|record| record.verdict.is_proven())
        .count();
    let text = format!(
        "{}: {ok} of {} checks proven in {}",
        report.overall_status.as_str(),
        report.checks.len(),
        duration(Duration::from_millis(report.elapsed_ms))
    );
    Tone::of(&report.verdict).paint(&text)
}

fn heading(out: Out, name: &str) {
    out.line("");
    out.line(&Tone::Strong.paint(name));
}

fn say(out: Out, text: &str) {
    out.line(&format!("  {text}"));
}
