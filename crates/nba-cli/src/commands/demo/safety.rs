//! The chapter about the way back: from a red preflight through three phases to a loss, and back to what the baseline remembers.
//!
//! It has a database and a checkout of its own, so that the other chapters may break theirs. Only what really ran is on record; what a
//! demo cannot show is waived in writing, as anybody would have to.

use super::{Stage, heading, say};
use crate::context::Context;
use crate::render::{Out, Tone};
use anyhow::{Context as _, ensure};
use chrono::{Datelike as _, TimeDelta, Utc};
use nba_config::names::DEFAULT_BUCKET;
use nba_config::{Config, DatabaseTarget, Inputs};
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::lake::{Inventory, Lake};
use nba_etl::native::Mode as Faithful;
use nba_etl::runner::{Environment, Script};
use nba_migration::backup::{self, CreateOptions, Proofs, Scratch, Tools, VerifyOptions};
use nba_migration::ledger::{Entry, Ledger};
use nba_migration::phase::{PhaseError, Profile, Standing, TOLERANCE, advance, speed, waive};
use nba_migration::restore_point;
use nba_migration::rollback::{
    CodeOptions, CodePlace, DataOptions, RehearseOptions, RunOptions, rehearse, run as go_back,
};
use nba_migration::setup;
use nba_migration::shadow::{CAPABILITIES, NativePort, ShadowOptions, shadow};
use nba_migration::state::{Places, StateCapture, capture};
use nba_migration::switch::{Mode, NEEDED_RUNS, Switchboard, Wish, all_to_legacy, switch};
use nba_monitoring::baseline::{self, Baseline, BaselineName, CaptureOptions, Content};
use nba_monitoring::health::{HealthOptions, check};
use nba_testkit::lake::{self, HooprFiles, LakeOptions};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions};
use nba_testkit::sim::Universe;
use nba_utils::format::thousands;
use nba_utils::tree::Excludes;
use nba_utils::{TreeFingerprint, Verdict};
use serde::Serialize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The chapter's own database.
pub(super) const DATABASE: &str = "nba_safety";
/// What comes back.
const RESTORED: &str = "nba_safety_restored";
/// The capability that is under way when rows are lost.
const CAPABILITY: &str = "etl.espn.pbp";
/// As a load that went wrong does: the newest plays are gone, every table is still there.
const LOSS: &str = "delete from play_by_play where ctid in (select ctid from play_by_play order by ctid desc limit 100)";
/// Sessions of the chapter: a snapshot, the catalogue, a fingerprint, and as many lent to writers.
const CONNECTIONS: u32 = 12;
/// Games of those years that get documents.
const DOCUMENTS: usize = 200;
/// Games of a dual run at most, and the years they are of: the script starts a client for each year.
const GAMES: usize = 40;
const YEARS: RangeInclusive<i32> = 2016..=2019;
/// Who acts in a demo.
const DEMO: &str = "nba demo";

/// What happened, step by step.
#[derive(Serialize)]
pub(super) struct Safety {
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    steps: Vec<Told>,
    /// Gates that were waived in writing.
    waived: Vec<&'static str>,
    elapsed_seconds: f64,
}

/// One step.
#[derive(Serialize)]
struct Told {
    step: &'static str,
    /// Whether what came out is what has to come out; a red step may be right.
    as_it_should: bool,
    what: String,
}

/// The stage of the chapter.
struct Scene<'a> {
    context: &'a Context,
    out: Out,
    config: Config,
    ledger: Ledger,
    checkout: LegacyCheckout,
    /// Stands for `/`: a demo looks at no schedule of this machine.
    root: PathBuf,
    db: Database,
    told: Vec<Told>,
    waived: Vec<&'static str>,
}

pub(super) async fn tell(context: &Context, stage: &Stage) -> anyhow::Result<Safety> {
    let started = Instant::now();
    heading(context.out, "the way back");
    let mut scene = Scene::build(context, stage).await?;
    let tools = Tools::find(Some(stage.server.programs().folder().to_owned()))?;
    let backups = scene.config.project().join("backups");

    scene.preflight_red_and_green_schedules()?;
    let baseline = scene.baseline().await?;
    let point = scene.point()?;
    scene.lake(stage).await?;
    scene.waive(
        "0.tests",
        "the replica's tests need pytest, which a demo does not install",
    )?;
    scene.record(
        &Entry::new("acknowledged", Verdict::Proven)
            .figure("owner", DEMO)
            .figure("note", "a demo has no team but its reader"),
    )?;
    let backup = scene.backup(&tools, &backups).await?;
    scene.rehearse(&tools, &backups, &point, &backup).await?;
    for _ in 0..2 {
        scene.health(&baseline).await?;
    }
    scene.preflight_green()?;
    scene.advance(1)?;

    scene.set_up()?;
    scene.capture()?;
    scene.health(&baseline).await?;
    scene.advance(2)?;

    scene.shadow(stage, &tools).await?;
    scene.waive("2.invariants", "`nba check` has a chapter of its own")?;
    scene.health(&baseline).await?;
    scene.advance(3)?;

    scene.lose_rows(&baseline).await?;
    scene.alarm()?;
    scene
        .go_back(stage, &tools, &backups, &point, &backup)
        .await?;
    scene.compare_with(stage, &baseline).await?;
    let holds = scene.ledger.verify()?.verdict;
    scene.tell(
        "evidence",
        holds.is_proven(),
        format!(
            "{} records in an unbroken chain",
            scene.ledger.records()?.len()
        ),
    );
    scene.db.close().await;

    let wrong = scene
        .told
        .iter()
        .filter(|told| !told.as_it_should)
        .map(|told| format!("{}: {}", told.step, told.what));
    Ok(Safety {
        verdict: Verdict::from_findings(wrong),
        waived: scene.waived,
        steps: scene.told,
        elapsed_seconds: started.elapsed().as_secs_f64(),
    })
}

/// Copies the replica while nobody is connected to it.
pub(super) async fn copy_database(admin: &DatabaseTarget, from: &str) -> anyhow::Result<()> {
    let db = Database::connect(admin).await?;
    let mut writer = db
        .writer(Purpose::new("copy the replica for a chapter of the demo"))
        .await?;
    let sql = format!("create database {DATABASE} template {from}");
    writer.batch_execute(&sql).await?;
    let audit = writer.finish().await;
    ensure!(audit.failures == 0, "the replica could not be copied");
    db.close().await;
    Ok(())
}

fn target(stage: &Stage, database: &str) -> DatabaseTarget {
    let mut target = stage.server.target(database);
    target.settings.max_connections = CONNECTIONS;
    target
}

impl<'a> Scene<'a> {
    async fn build(context: &'a Context, stage: &Stage) -> anyhow::Result<Self> {
        let target = target(stage, DATABASE);
        let options = LegacyOptions {
            target: super::testkit::legacy_target(&target),
            lake: None,
            s3: None,
        };
        let dir = stage.dir.path().join("safety");
        let checkout = LegacyCheckout::build(&dir, &options)?;
        let root = dir.join("root");
        std::fs::create_dir(&root)?;
        let mut inputs = Inputs::new(checkout.project());
        inputs.home = Some(checkout.home());
        let config = Config::load(inputs)?;
        let connect = ConnectOptions::from(&target).application("demo", &context.run_id);
        Ok(Self {
            context,
            out: context.out,
            ledger: Context::ledger(&config)?,
            config,
            checkout,
            root,
            db: Database::connect(connect).await?,
            told: Vec::new(),
            waived: Vec::new(),
        })
    }

    fn tell(&mut self, step: &'static str, as_it_should: bool, what: String) {
        let word = if as_it_should {
            Tone::Good.paint(step)
        } else {
            Tone::Bad.paint(step)
        };
        say(self.out, &format!("{word}: {what}"));
        self.told.push(Told {
            step,
            as_it_should,
            what,
        });
    }

    fn record(&self, entry: &Entry) -> anyhow::Result<()> {
        self.context.append(&self.config, entry)
    }

    fn standing(&self) -> anyhow::Result<Standing> {
        Ok(Standing::read(&self.ledger, Profile::Safe, Utc::now())?)
    }

    fn crontab(&self) -> PathBuf {
        self.checkout.project().join("installed.cron")
    }

    fn capture(&self) -> anyhow::Result<StateCapture> {
        let mut places = Places::machine("demo", self.checkout.home());
        places.root.clone_from(&self.root);
        places.crontabs = vec![self.crontab()];
        let found = capture(self.config.project(), &places)?;
        let folder = self.config.state_directory()?.join("captures");
        let (path, digest) = found.save(&folder)?;
        self.record(&found.entry(&path, digest))?;
        Ok(found)
    }

    fn preflight_red_and_green_schedules(&mut self) -> anyhow::Result<()> {
        std::fs::write(
            self.crontab(),
            "0 9 * * * scripts/audit/run_data_audit.sh --quiet\n",
        )?;
        let red = self.capture()?;
        let first = red.findings.first().cloned().unwrap_or_default();
        self.tell(
            "capture",
            red.verdict.is_refuted(),
            format!(
                "{} jobs cannot run as installed: {first}",
                red.findings.len()
            ),
        );
        let preflight = Standing::preflight(&self.ledger, Utc::now())?;
        let open = preflight.open().count();
        self.tell(
            "preflight",
            open > 0 && !preflight.verdict.is_proven(),
            format!("red, {open} of {} gates are open", preflight.gates.len()),
        );
        // The remedies a person would take.
        std::fs::write(
            self.crontab(),
            format!(
                "0 2 * * * cd {} && bash scripts/autonomous/run_scheduled_espn.sh\n",
                self.checkout.project().display()
            ),
        )?;
        std::fs::remove_file(
            self.checkout
                .home()
                .join(".config/systemd/user/adce-autonomous.service"),
        )?;
        let green = self.capture()?;
        self.tell(
            "remedies",
            green.verdict.is_proven(),
            format!(
                "the schedule changes its folder first, the broken unit is gone: {} jobs, {}",
                green.jobs.len(),
                green.verdict
            ),
        );
        Ok(())
    }

    async fn baseline(&mut self) -> anyhow::Result<Baseline> {
        let folder = Context::baselines(&self.config)?;
        let options = CaptureOptions::new(folder, BaselineName::new("default")?);
        let baseline = baseline::capture(&self.db, &options).await?;
        self.record(&Entry::baseline(&baseline))?;
        Ok(baseline)
    }

    fn point(&mut self) -> anyhow::Result<String> {
        let options = restore_point::Options::new("before phase 0 ends");
        let point = restore_point::create(self.config.project(), &options)?;
        self.record(&point.entry())?;
        self.tell(
            "restore point",
            point.verdict.is_proven(),
            format!("`{}`, uncommitted files included", point.tag),
        );
        Ok(point.commit)
    }

    async fn lake(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let lake = Lake::s3(&stage.config()?.s3()?).await;
        let totals = lake.totals(&Inventory::default()).await?;
        self.record(
            &Entry::new("lake inventory", Verdict::Proven)
                .figure("lake", lake.describe())
                .figure("objects", totals.all.objects)
                .figure("bytes", totals.all.bytes),
        )
    }

    fn waive(&mut self, gate: &'static str, reason: &str) -> anyhow::Result<()> {
        let now = Utc::now();
        let until = now.date_naive() + TimeDelta::days(1);
        waive(&self.ledger, gate, DEMO, reason, until, now)?;
        self.waived.push(gate);
        Ok(())
    }

    fn verify_options(&self, tools: &Tools, backups: &Path) -> VerifyOptions {
        VerifyOptions::new(backups, tools.clone())
    }

    async fn backup(&mut self, tools: &Tools, backups: &Path) -> anyhow::Result<String> {
        let created = backup::create(&self.db, &CreateOptions::new(backups, tools.clone())).await?;
        self.record(&created.entry())?;
        let name = created.manifest.name.clone();
        let mut options = self.verify_options(tools, backups);
        options.expected_manifest = Proofs::read(&self.ledger)?.recorded_manifest(&name);
        let verification = backup::verify(&name, &options).await?;
        self.record(&verification.entry(backups))?;
        self.tell(
            "backup",
            verification.verdict.is_proven(),
            format!("restored into a scratch server: {}", verification.statement),
        );
        Ok(name)
    }

    async fn rehearse(
        &mut self,
        tools: &Tools,
        backups: &Path,
        point: &str,
        backup: &str,
    ) -> anyhow::Result<()> {
        let verify = self.verify_options(tools, backups);
        let options = RehearseOptions::new(self.config.project(), point, backup, verify);
        let report = rehearse(&self.ledger, &options).await?;
        self.tell(
            "rehearsal",
            report.verdict.is_proven(),
            format!(
                "stop, switches, code and data, all in scratch places: {}",
                report.verdict
            ),
        );
        Ok(())
    }

    async fn health(&self, baseline: &Baseline) -> anyhow::Result<Verdict> {
        let report = check(&self.db, baseline, &HealthOptions::default()).await;
        self.record(&Entry::health(&report))?;
        Ok(report.verdict)
    }

    fn preflight_green(&mut self) -> anyhow::Result<()> {
        let preflight = Standing::preflight(&self.ledger, Utc::now())?;
        let open: Vec<String> = preflight
            .open()
            .map(|result| format!("{}: {}", result.gate.id, result.verdict))
            .collect();
        let passed = preflight.gates.len() - open.len();
        let text = format!(
            "{passed} of {} gates pass, {} of them by a waiver {}",
            preflight.gates.len(),
            self.waived.len(),
            open.join("; ")
        );
        self.tell("preflight", open.is_empty(), text.trim_end().to_owned());
        Ok(())
    }

    fn advance(&mut self, wanted: usize) -> anyhow::Result<()> {
        let (to, receipt) = advance(&self.ledger, Profile::Safe, Utc::now())?;
        self.tell(
            "phase",
            to == wanted,
            format!("{to} begins, by record {}", receipt.sequence),
        );
        Ok(())
    }

    fn set_up(&mut self) -> anyhow::Result<()> {
        let project = self.config.project().to_owned();
        let excludes = Excludes::new([
            ".git",
            "/.nba",
            "/nba",
            "/nba.toml",
            "/backups",
            "/refactoring_logs",
        ])?;
        let before = TreeFingerprint::of(&project, &excludes)?;
        let report = setup::apply(&project)?;
        self.record(&report.entry())?;
        let diff = before.diff(&TreeFingerprint::of(&project, &excludes)?)?;
        self.tell(
            "setup",
            report.verdict.is_proven() && diff.is_empty(),
            format!(
                "{} files and folders added; every file that was there is as it was",
                report.added.len()
            ),
        );
        Ok(())
    }

    /// The old script and its port on the same games, three times: what the gate asks for, and what the speed is judged by.
    async fn shadow(&mut self, stage: &Stage, tools: &Tools) -> anyhow::Result<()> {
        let wish = Wish {
            capability: CAPABILITY.to_owned(),
            to: Mode::Shadow,
            by: DEMO.to_owned(),
            why: "phase 2".to_owned(),
        };
        switch(&self.ledger, &wish)?;
        let capability = *CAPABILITIES
            .iter()
            .find(|known| known.name == CAPABILITY)
            .context("the demo's capability has no port")?;
        let documents = self.documents(stage).await?;
        let mut environment =
            Environment::allowed(std::iter::once(("PATH", self.context.search_path()?)));
        environment.without_database();
        environment.set("S3_LOCAL_ROOT", &documents);
        let script = Script::new(
            "python3",
            [capability.script],
            self.config.project(),
            environment,
        );
        let lake = Arc::new(Lake::local(documents.join(DEFAULT_BUCKET)));
        let port = NativePort {
            capability,
            mode: Faithful::Compat,
            lake: Arc::clone(&lake),
        };
        let mut options = ShadowOptions::new(capability, script, lake, tools.clone());
        options.units = GAMES;
        options.years = Some(YEARS);
        let identity = self.db.identity().await?;
        let mut runs = Vec::new();
        for _ in 0..NEEDED_RUNS {
            let report = Box::pin(shadow(&self.db, &options, &port, |_| {})).await?;
            self.record(&report.entry().about(&identity))?;
            runs.push(report);
        }
        let agree = runs.iter().filter(|run| run.verdict.is_proven()).count();
        let (games, rows) = runs
            .last()
            .map_or((0, 0), |run| (run.units, run.equal_rows));
        self.tell(
            "dual runs",
            agree == NEEDED_RUNS && rows > 0,
            format!(
                "{agree} of {NEEDED_RUNS} agree: script and port on {games} games, {} rows the same, none differs",
                thousands(rows)
            ),
        );
        let pace = speed(&self.ledger.records()?, TOLERANCE);
        self.record(&pace.entry())?;
        let measured = pace.paces.first().context("no dual run was measured")?;
        self.tell(
            "speed",
            pace.verdict.is_proven(),
            format!(
                "the script takes {:.2} s, the port {:.2} s; {} % longer would be allowed",
                measured.legacy_seconds, measured.native_seconds, pace.tolerance_percent
            ),
        );
        Ok(())
    }

    /// Documents of games that the database has: the demo's lake holds those of others.
    async fn documents(&self, stage: &Stage) -> anyhow::Result<PathBuf> {
        let root = stage.dir.path().join("safety").join("lake");
        let folder = root.join(DEFAULT_BUCKET);
        let (scale, seed) = (stage.scale, stage.seed);
        tokio::task::spawn_blocking(move || {
            let universe = Universe::new(seed);
            let options = PlanOptions {
                scale,
                ..PlanOptions::default()
            };
            let mut plan = Plan::new(&universe, options)?;
            plan.games.retain(|planned| {
                let played = universe.header(planned.index).us_date;
                YEARS.contains(&played.year())
            });
            plan.games.truncate(DOCUMENTS);
            let options = LakeOptions {
                hoopr: HooprFiles::None,
                ..LakeOptions::default()
            };
            std::fs::create_dir_all(&folder)?;
            lake::build(&folder, &universe, &plan, &options, &|_| {})?;
            anyhow::Ok(())
        })
        .await??;
        Ok(root)
    }

    async fn lose_rows(&mut self, baseline: &Baseline) -> anyhow::Result<()> {
        let mut writer = self
            .db
            .writer(Purpose::new("lose rows in the chapter's own database"))
            .await?;
        writer.batch_execute(LOSS).await?;
        let audit = writer.finish().await;
        ensure!(audit.failures == 0, "the loss could not be planted");
        std::fs::write(
            self.checkout.script("scripts/etl/extract_pbp_local.py"),
            "broken\n",
        )?;
        let verdict = self.health(baseline).await?;
        self.tell(
            "data loss",
            verdict.is_refuted(),
            "100 plays are deleted, a script is overwritten: health is refuted".to_owned(),
        );
        Ok(())
    }

    fn alarm(&mut self) -> anyhow::Result<()> {
        let alarms = self.standing()?.alarms;
        ensure!(!alarms.is_empty(), "the loss raised no alarm");
        let moved = all_to_legacy(&self.ledger, "nba phase check", &alarms.join("; "))?;
        let refused = advance(&self.ledger, Profile::Safe, Utc::now());
        let mode = Switchboard::read(&self.ledger)?.mode(CAPABILITY);
        self.tell(
            "alarm",
            moved == [CAPABILITY]
                && mode == Mode::Legacy
                && matches!(refused, Err(PhaseError::Blocked { .. })),
            format!("`{CAPABILITY}` is legacy again, no phase may advance"),
        );
        Ok(())
    }

    async fn go_back(
        &mut self,
        stage: &Stage,
        tools: &Tools,
        backups: &Path,
        point: &str,
        backup: &str,
    ) -> anyhow::Result<()> {
        let mut verify = self.verify_options(tools, backups);
        verify.scratch = Scratch::On(Box::new(target(stage, "postgres")));
        let beside = stage.dir.path().join("safety").join("as-it-was");
        let state = self.config.state_directory()?;
        let mut options = RunOptions::new("demo", self.config.project(), state);
        options.code = Some(CodeOptions {
            point: point.to_owned(),
            place: CodePlace::Beside(beside.clone()),
        });
        options.data = Some(DataOptions {
            backup: backup.to_owned(),
            verify,
            database: RESTORED.to_owned(),
        });
        let report = go_back(&self.ledger, &options).await?;
        let script = beside.join("scripts/etl/extract_pbp_local.py");
        let code = std::fs::read_to_string(&script)
            .with_context(|| format!("cannot read `{}`", script.display()))?;
        let live =
            std::fs::read_to_string(self.checkout.script("scripts/etl/extract_pbp_local.py"))?;
        self.tell(
            "rollback",
            report.verdict.is_proven() && code != "broken\n" && live == "broken\n",
            format!(
                "code beside, data in the new database `{RESTORED}`, nothing written over: {}",
                report.verdict
            ),
        );
        let phase = self.standing()?.phase;
        self.tell(
            "phase",
            phase == 0,
            format!("the plan is back at phase {phase}"),
        );
        Ok(())
    }

    /// What came back is held against the baseline from before the loss, not against the backup it came from.
    async fn compare_with(&mut self, stage: &Stage, baseline: &Baseline) -> anyhow::Result<()> {
        let db = Database::connect(&target(stage, RESTORED)).await?;
        let folder = stage.dir.path().join("safety").join("again");
        let options = CaptureOptions::new(folder, BaselineName::new("restored")?);
        let again = baseline::capture(&db, &options).await?;
        db.close().await;
        let system = |baseline: &Baseline| baseline.identity.brief.system_identifier.clone();
        let mut differ: Vec<String> = Vec::new();
        for (name, table) in &baseline.tables {
            let same = again.tables.get(name).is_some_and(|other| {
                matches!((&table.content, &other.content),
                    (Content::Fingerprint(before), Content::Fingerprint(after)) if before == after)
            });
            if !same {
                differ.push(name.to_string());
            }
        }
        let text = format!(
            "{} of {} tables are identical to the baseline from before the loss, on the same server {}",
            baseline.tables.len() - differ.len(),
            baseline.tables.len(),
            differ.join(", ")
        );
        self.tell(
            "identity and content",
            differ.is_empty()
                && again.tables.len() == baseline.tables.len()
                && system(baseline).is_some()
                && system(baseline) == system(&again),
            text.trim_end().to_owned(),
        );
        Ok(())
    }
}
