//! `nba state`.

use super::Code;
use crate::cli::setup::{CaptureArgs, StateCommand, TestsArgs};
use crate::context::Context;
use crate::render::Tone;
use anyhow::Context as _;
use nba_config::Config;
use nba_etl::runner::Environment;
use nba_migration::imports;
use nba_migration::state::{Places, StateCapture, capture, database_activity, diff};
use nba_migration::test_results::{DEFAULT_COMMAND, Outcome, TestResults, measure};
use nba_utils::exit_code;
use nba_utils::format::thousands;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) async fn run(context: &Context, command: &StateCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let folder = folder(&config)?;
    match command {
        StateCommand::Capture(args) => take(context, &config, args).await,
        StateCommand::Diff { before, after } => {
            let mut known = StateCapture::list(&folder)?.into_iter().rev();
            let (last, one_before) = (known.next(), known.next());
            let after = after
                .clone()
                .or_else(|| last.clone())
                .context("there is no capture yet: make one with `nba state capture`")?;
            let before = before
                .clone()
                .or(one_before)
                .context("there is only one capture: make another with `nba state capture`")?;
            let diff = diff(&StateCapture::load(&before)?, &StateCapture::load(&after)?);
            context.out.json(&diff)?;
            context.out.line(
                &Tone::of(&diff.verdict).paint(diff.verdict.as_str().replace('_', " ").as_str()),
            );
            for change in diff.changes.iter().chain(&diff.remarks) {
                let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
                context.out.line(&format!("  {}", change.what));
                context
                    .out
                    .line(&format!("    before: {}", side(&change.before)));
                context
                    .out
                    .line(&format!("    after:  {}", side(&change.after)));
            }
            Ok(diff.verdict.exit_code())
        }
        StateCommand::List => {
            let known = StateCapture::list(&folder)?;
            context.out.json(&known)?;
            for path in known {
                context.out.line(&path.display().to_string());
            }
            Ok(exit_code::PROVEN)
        }
        StateCommand::Imports => {
            let report = imports::check(config.project())?;
            context.append(&config, &report.entry())?;
            context.out.json(&report)?;
            let text = format!(
                "imports: {}; {} in {} files, {} lead nowhere",
                report.verdict.as_str().replace('_', " "),
                thousands(u64::try_from(report.imports)?),
                thousands(u64::try_from(report.files)?),
                report.broken.len()
            );
            context.out.line(&Tone::of(&report.verdict).paint(&text));
            for reason in report.verdict.reasons() {
                context.out.line(&format!("  {reason}"));
            }
            Ok(report.verdict.exit_code())
        }
        StateCommand::Tests(args) => tests(context, &config, args),
    }
}

fn tests(context: &Context, config: &Config, args: &TestsArgs) -> anyhow::Result<Code> {
    let folder = config.state_directory()?.join("reports");
    let ledger = Context::ledger(config)?;
    let kept = ledger
        .records()?
        .into_iter()
        .find(|record| record.entry.subject == "test baseline")
        .and_then(|record| record.entry.artefacts.into_iter().next());
    let before = match (&kept, args.compare) {
        (_, false) => None,
        (Some(kept), true) => {
            let path = PathBuf::from(&kept.path);
            let found = nba_utils::Digest::of(
                &std::fs::read(&path)
                    .with_context(|| format!("cannot read `{}`", path.display()))?,
            );
            anyhow::ensure!(
                found == kept.blake3,
                "`{}` was changed since it was recorded",
                path.display()
            );
            Some(TestResults::load(&path)?)
        }
        (None, true) => anyhow::bail!("no results were kept yet: keep some with `nba state tests`"),
    };
    let all = context.inputs()?.environment;
    let mut environment =
        Environment::allowed(all.iter().map(|(name, value)| (name.as_str(), value)));
    for name in &args.pass_env {
        let value = all
            .get(name)
            .with_context(|| format!("the variable `{name}` is not set"))?;
        environment.set(name, value);
    }
    let command: Vec<String> = if args.argv.is_empty() {
        DEFAULT_COMMAND.map(str::to_owned).into()
    } else {
        args.argv.clone()
    };
    let results = measure(
        config.project(),
        &command,
        environment,
        Duration::from_secs(args.timeout),
    )?;
    let verdict = match &before {
        Some(before) => {
            let verdict = results.still_pass(before);
            context.append(config, &results.comparison_entry(verdict.clone()))?;
            verdict
        }
        None => {
            let (path, digest) = results.save(&folder)?;
            context.append(config, &results.entry(&path, digest))?;
            results.verdict.clone()
        }
    };
    context
        .out
        .json(&json!({"verdict": verdict, "results": results}))?;
    let text = format!(
        "tests: {}; {} passed, {} failed, {} errors, {} skipped",
        verdict.as_str().replace('_', " "),
        results.count(Outcome::Passed),
        results.count(Outcome::Failed),
        results.count(Outcome::Error),
        results.count(Outcome::Skipped)
    );
    context.out.line(&Tone::of(&verdict).paint(&text));
    for reason in verdict.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    Ok(verdict.exit_code())
}

fn folder(config: &Config) -> anyhow::Result<PathBuf> {
    Ok(config.state_directory()?.join("captures"))
}

async fn take(context: &Context, config: &Config, args: &CaptureArgs) -> anyhow::Result<Code> {
    let environment = context.inputs()?.environment;
    let variable = |name: &str| environment.get(name).cloned();
    let user = variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| "unknown".to_owned());
    let home = variable("HOME").context("`HOME` is not set: jobs of cron start there")?;
    let mut places = Places::machine(user, home);
    places.root.clone_from(&args.root);
    places.crontabs.clone_from(&args.crontab);
    let mut found = capture(config.project(), &places)?;
    if args.database {
        let db = context.connect(config, "state").await?;
        found =
            found.with_database(database_activity(&db, Duration::from_secs(args.between)).await?);
    }
    let (path, digest) = found.save(&folder(config)?)?;
    context.append(config, &found.entry(&path, digest))?;
    context.out.json(&found)?;
    let text = format!(
        "state: {}; {} jobs, {} processes of the project, {} files",
        found.verdict.as_str().replace('_', " "),
        found.jobs.len(),
        found.processes.len(),
        thousands(found.census.files)
    );
    context.out.line(&Tone::of(&found.verdict).paint(&text));
    for finding in &found.findings {
        context.out.line(&format!("  {finding}"));
    }
    for place in &found.unseen {
        context.out.line(&format!("  not seen: {place}"));
    }
    if let Some(database) = &found.database {
        for (session, count) in &database.sessions {
            context.out.line(&format!("  {count} session: {session}"));
        }
        for (table, rows) in &database.written {
            context.out.line(&format!(
                "  written in {} ms: {table}, {} rows",
                database.between_ms,
                thousands(*rows)
            ));
        }
    }
    context.out.note(&format!("kept: {}", path.display()));
    Ok(found.verdict.exit_code())
}
