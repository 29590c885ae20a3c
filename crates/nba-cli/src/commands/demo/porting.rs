//! The chapter about a port: a script that does nothing and is caught at it, and a native loader that may take over only once it agrees
//! with its script row by row.
//!
//! The port is run with one wrong row first, so that the reader sees what a dual run says about it, and what the switch.

use super::{Stage, heading, say};
use crate::context::Context;
use crate::render::{Out, Tone};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use nba_config::Config;
use nba_db::compare::Change;
use nba_db::{Database, Purpose};
use nba_etl::effect::{Expectation, Sources, conclude, judge};
use nba_etl::lake::Lake;
use nba_etl::native;
use nba_etl::runner::{Environment, Script, run_async};
use nba_migration::backup::Tools;
use nba_migration::shadow::{
    CAPABILITIES, Candidate, Loaded, NativePort, ShadowOptions, ShadowReport, Units, shadow,
};
use nba_migration::switch::{Mode, NEEDED_RUNS, SwitchError, Switchboard, Wish, switch};
use nba_utils::Verdict;
use nba_utils::errors::one_line;
use nba_utils::format::thousands;
use serde::Serialize;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A collector that says it succeeded whatever happened.
const SILENT: &str = "scripts/etl/espn_incremental_async.py";
/// What it is started for.
const EFFECT: &str = "objects:espn_play_by_play/";
/// What is moved over. Its documents are days, so the lake need not have those of every game.
const CAPABILITY: &str = "etl.espn.games";
/// Games that are in the table before; all others are new.
const GAMES: usize = 5;
/// Few enough not to be waited for: the script starts a client for every year.
const YEARS: RangeInclusive<i32> = 2015..=2020;
/// Who acts in a demo.
const DEMO: &str = "nba demo";
/// One row that the port gets wrong.
const BUG: &str = "update games set home_score = home_score + 1 \
     where game_id = (select max(game_id) from games where home_score > 0)";

/// What happened, step by step.
#[derive(Serialize)]
pub(super) struct Porting {
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    steps: Vec<Told>,
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

/// A port that errs in one row.
struct OneWrongRow(NativePort);

impl Candidate for OneWrongRow {
    fn load(&self, db: Database, units: Units) -> BoxFuture<'static, Result<Loaded, String>> {
        let load = self.0.load(db.clone(), units);
        async move {
            let loaded = load.await?;
            let purpose = Purpose::new("plant one wrong row");
            let text = |error: nba_db::DbError| one_line(&error);
            let mut writer = db.writer(purpose).await.map_err(text)?;
            writer.execute(BUG, &[]).await.map_err(text)?;
            let _ = writer.finish().await;
            Ok(loaded)
        }
        .boxed()
    }
}

struct Scene<'a> {
    context: &'a Context,
    out: Out,
    config: &'a Config,
    told: Vec<Told>,
}

pub(super) async fn tell(
    context: &Context,
    stage: &Stage,
    config: &Config,
    db: &Database,
) -> anyhow::Result<Porting> {
    let started = Instant::now();
    heading(context.out, "a port takes over");
    let mut scene = Scene {
        context,
        out: context.out,
        config,
        told: Vec::new(),
    };
    let lake = Arc::new(Lake::s3(&config.s3()?).await);
    scene.silent_script(stage, &lake).await?;

    let mut environment = environment(context, stage)?;
    environment.without_database();
    let capability = CAPABILITIES
        .iter()
        .find(|known| known.name == CAPABILITY)
        .copied()
        .ok_or_else(|| anyhow::anyhow!("`{CAPABILITY}` has no port"))?;
    let script = Script::new(
        "python3",
        [capability.script],
        stage.checkout.project(),
        environment,
    );
    let tools = Tools::find(Some(stage.server.programs().folder().to_owned()))?;
    let mut options = ShadowOptions::new(capability, script, Arc::clone(&lake), tools);
    options.mode = native::Mode::Correct;
    options.units = GAMES;
    options.years = Some(YEARS);
    let port = NativePort {
        capability,
        mode: options.mode,
        lake,
    };
    scene.wish(Mode::Shadow, "the port is to be compared")?;
    scene.planted_bug(db, &options, &port).await?;
    for _ in 0..NEEDED_RUNS {
        scene.mended(db, &options, &port).await?;
    }
    let moved = scene.wish(Mode::Canary(1), "it agrees")?;
    let mode = Switchboard::read(&Context::ledger(config)?)?.mode(CAPABILITY);
    scene.tell(
        "promotion",
        moved && mode == Mode::Canary(1),
        format!("`{CAPABILITY}` is {mode}"),
    );

    let wrong = scene
        .told
        .iter()
        .filter(|told| !told.as_it_should)
        .map(|told| format!("{}: {}", told.step, told.what));
    Ok(Porting {
        verdict: Verdict::from_findings(wrong),
        steps: scene.told,
        elapsed_seconds: started.elapsed().as_secs_f64(),
    })
}

/// The checkout's own settings.
fn environment(context: &Context, stage: &Stage) -> anyhow::Result<Environment> {
    let mut environment = Environment::allowed(std::iter::once(("PATH", context.search_path()?)));
    for (name, value) in stage.checkout.environment() {
        environment.set(&name, value);
    }
    Ok(environment)
}

impl Scene<'_> {
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

    /// Runs a collector that reaches nobody, and looks at the lake before and after.
    async fn silent_script(&mut self, stage: &Stage, lake: &Lake) -> anyhow::Result<()> {
        let project = stage.checkout.project();
        let mut script = Script::new(
            "python3",
            [SILENT, "--days", "1"],
            &project,
            environment(self.context, stage)?,
        );
        script.deadline = Duration::from_secs(60);
        let expected: Expectation = EFFECT.parse()?;
        let sources = Sources {
            db: None,
            lake: Some(lake),
            folder: &project,
        };
        let before = expected.measure(&sources).await;
        let report = run_async(script).await?;
        let after = expected.measure(&sources).await;
        let effects = [judge(&expected, &before, &after, None, &report)];
        let verdict = conclude(&[expected], &effects, &report);
        let what = format!(
            "{SILENT}: {}, and {}: {}",
            report.ending,
            verdict.as_str(),
            verdict.reasons().join("; ")
        );
        self.tell("silent script", verdict.is_refuted(), what);
        Ok(())
    }

    async fn dual_run(
        &self,
        db: &Database,
        options: &ShadowOptions,
        port: &dyn Candidate,
    ) -> anyhow::Result<ShadowReport> {
        let report = shadow(db, options, port, |_| {}).await?;
        self.context.append(self.config, &report.entry())?;
        Ok(report)
    }

    async fn planted_bug(
        &mut self,
        db: &Database,
        options: &ShadowOptions,
        port: &NativePort,
    ) -> anyhow::Result<()> {
        let report = self
            .dual_run(db, options, &OneWrongRow(port.clone()))
            .await?;
        let what = format!(
            "a port with one wrong row: {} {}",
            report.verdict.as_str(),
            report.verdict.reasons().join("; ")
        );
        let right = report.verdict.is_refuted() && report.unexplained == 1;
        self.tell("dual run", right, what);
        if let Some(first) = report.differences.first() {
            let cells = match &first.what {
                Change::Changed { cells } => cells.as_slice(),
                _ => &[],
            };
            let score = cells.iter().find(|cell| cell.column == "home_score");
            let text = |value: Option<&String>| value.cloned().unwrap_or_else(|| "NULL".to_owned());
            let shown = score.map_or_else(
                || "only the port has it, with another score than its document".to_owned(),
                |cell| {
                    let (old, new) = (text(cell.old.as_ref()), text(cell.new.as_ref()));
                    format!("home_score `{old}` → `{new}`")
                },
            );
            let key: Vec<String> = first.key.iter().map(|part| text(part.as_ref())).collect();
            let line = format!("{} {}: {shown}", first.table, key.join(", "));
            self.tell("unexplained", first.explained_by.is_empty(), line);
        }
        self.tell("explained", report.explained > 0, explained(&report));
        let refused = !self.wish(Mode::Canary(1), "before it agrees")?;
        let what = format!("`{CAPABILITY}` may not go to canary");
        self.tell("switch", refused, what);
        Ok(())
    }

    async fn mended(
        &mut self,
        db: &Database,
        options: &ShadowOptions,
        port: &NativePort,
    ) -> anyhow::Result<()> {
        let report = self.dual_run(db, options, port).await?;
        let what = format!(
            "mended: {} {} of {} rows are the same, {} explained, {} unexplained",
            report.verdict.as_str(),
            thousands(report.equal_rows),
            thousands(report.legacy_rows.max(report.native_rows)),
            thousands(report.explained),
            thousands(report.unexplained)
        );
        self.tell("dual run", report.verdict.is_proven(), what);
        Ok(())
    }

    /// Asks for a mode; whether it was granted.
    fn wish(&self, to: Mode, why: &str) -> anyhow::Result<bool> {
        let wish = Wish {
            capability: CAPABILITY.to_owned(),
            to,
            by: DEMO.to_owned(),
            why: why.to_owned(),
        };
        match switch(&Context::ledger(self.config)?, &wish) {
            Ok(_) => Ok(true),
            Err(SwitchError::Refused { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn explained(report: &ShadowReport) -> String {
    let names: Vec<String> = report
        .by_divergence
        .iter()
        .map(|(name, rows)| format!("{name} {}", thousands(*rows)))
        .collect();
    format!(
        "{} rows differ because the script is wrong, each under its name: {}",
        thousands(report.explained),
        names.join(", ")
    )
}
