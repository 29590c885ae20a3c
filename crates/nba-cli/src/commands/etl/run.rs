//! `nba etl run`.

use super::{Code, open_history, permit};
use crate::cli::RunArgs;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use chrono::Utc;
use nba_config::{Config, DatabaseTarget, ExposeSecret as _};
use nba_db::{ConnectOptions, Database};
use nba_etl::effect::{EffectReport, Expectation, Measure, Sources, What, conclude, judge, number};
use nba_etl::history::{Begun, Finished, History};
use nba_etl::lake::Lake;
use nba_etl::registry::{Registry, ScriptInfo};
use nba_etl::runner::{
    AdvisoryLock, Environment, Holder, Interpreter, LocalLock, LogFile, RunReport, Script, Watched,
    find_interpreter, prune_logs, run_watched,
};
use nba_migration::ledger::Entry;
use nba_utils::Verdict;
use nba_utils::format::duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Pause between two signs of life in the history, and two looks at the lock.
const BEAT: Duration = Duration::from_secs(5);

/// Logs of so many runs are kept.
const LOGS_KEPT: usize = 200;

pub(super) async fn run(context: &Context, args: &RunArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let run_id = Uuid::now_v7();
    let expectations = expectations(args);
    let target = args
        .database
        .as_deref()
        .map(|name| target(context, name))
        .transpose()?;
    let environment = environment(context, &config, args, target.as_ref())?;
    let (mut script, info, capabilities) = script(&config, args, environment)?;
    limits(&mut script, args);
    let state = config.state_directory()?;
    let logs = state.join("logs/etl");
    let log = logs.join(format!("{run_id}.log"));
    let job = args
        .job
        .clone()
        .or_else(|| info.as_ref().map(|info| info.path.clone()))
        .unwrap_or_else(|| args.argv.join(" "));
    if let Some(info) = &info {
        warn(context, info);
    }
    if args.dry_run {
        return dry_run(context, &script, info.as_ref(), &expectations);
    }

    // In this order: what can fail without a trace fails before anything is remembered.
    let needs_database = args.lock_hosts
        || args.volume.is_some()
        || expectations
            .iter()
            .any(|e| matches!(e.what, What::Rows { .. } | What::Query { .. }));
    let db = if needs_database {
        Some(effect_database(context, &config, target.as_ref()).await?)
    } else {
        None
    };
    let holder = Holder::this(run_id.to_string());
    let _local = LocalLock::take(&state.join("locks"), &job, &holder)?;
    // Held to the end: while it runs, nobody else writes what it writes, whatever is switched meanwhile.
    let ledger = Context::ledger(&config)?;
    let permits =
        tokio::task::block_in_place(|| permit::ask(&ledger, &capabilities, args.unit.as_deref()))?;
    let lock = match (&db, args.lock_hosts) {
        (Some(db), true) => Some(AdvisoryLock::take(db, &job).await?),
        _ => None,
    };
    let lake = lake(&config, args, &expectations).await?;
    let folder = script.folder.clone();
    let sources = Sources {
        db: db.as_ref(),
        lake: lake.as_ref(),
        folder: &folder,
    };
    let volume = match (&args.volume, &db) {
        (Some(sql), Some(db)) => Some(
            number(db, sql)
                .await
                .map_err(anyhow::Error::msg)
                .context("the expected volume is unknown")?,
        ),
        _ => None,
    };
    let before = measure(&expectations, &sources).await;
    // What cannot be counted now cannot be compared later: say so before hours are spent.
    for (expectation, measure) in expectations.iter().zip(&before) {
        if let Measure::Unknown(reason) = measure {
            bail!("{expectation} cannot be measured: {reason}");
        }
    }

    script.log = Some(LogFile::at(&log));
    let history = open_history(&config).await?;
    history
        .begin(&Begun {
            run_id: run_id.to_string(),
            job: job.clone(),
            script: info.as_ref().map(|info| info.path.clone()),
            command: redacted(&script),
            host: holder.host.clone(),
            pid: holder.pid,
            target: target.as_ref().map(DatabaseTarget::to_url_masked),
            log: Some(log.clone()),
            started_at: Utc::now(),
        })
        .await?;
    let watched = Arc::new(Watched::default());
    let outcome = {
        let running = run_watched(script, run_id, Arc::clone(&watched));
        tokio::pin!(running);
        let mut beats = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                outcome = &mut running => break outcome,
                _ = beats.tick() => beat(context, &history, run_id, &watched, lock.as_ref()).await,
            }
        }
    };
    let mut report = match outcome {
        Ok(report) => report,
        Err(error) => {
            let nothing = Finished {
                ending: "nothing: it did not start".to_owned(),
                elapsed: Duration::ZERO,
                verdict: Verdict::not_proven(error.to_string()),
                effects: serde_json::Value::Null,
                counters: serde_json::Value::Null,
                survivors: 0,
            };
            history.finish(&run_id.to_string(), &nothing).await?;
            return Err(error.into());
        }
    };
    // A lock that was lost just before the end was lost all the same.
    if let Some(lock) = &lock
        && let Err(reason) = lock.check().await
    {
        report.interrupted.get_or_insert(reason);
    }
    let after = measure(&expectations, &sources).await;
    let effects: Vec<EffectReport> = expectations
        .iter()
        .zip(before.iter().zip(&after))
        .map(|(expectation, (before, after))| judge(expectation, before, after, volume, &report))
        .collect();
    let effect = conclude(&expectations, &effects, &report);
    report.judge(effect);

    history
        .finish(
            &run_id.to_string(),
            &Finished {
                ending: report.ending.to_string(),
                elapsed: report.elapsed,
                verdict: report.verdict.clone(),
                effects: serde_json::to_value(&effects)?,
                counters: serde_json::to_value(&report.counters)?,
                survivors: report.survivors.len(),
            },
        )
        .await?;
    history.close().await;
    // Old logs are of no importance; one that cannot be removed is tried again next time.
    let _ = prune_logs(&logs, LOGS_KEPT);
    let mut entry = Entry::new("etl run", report.verdict.clone())
        .figure("run_id", run_id.to_string())
        .figure("job", job)
        .figure("command", report.command.join(" "))
        .figure("ending", report.ending.to_string())
        .figure("seconds", report.elapsed.as_secs_f64());
    if let (Some(permit), false) = (permits.first(), capabilities.is_empty()) {
        entry = entry
            .figure("capabilities", serde_json::json!(capabilities))
            .figure("epoch", permit.route().epoch);
    }
    for effect in &effects {
        entry = entry.figure(
            effect.what.clone(),
            serde_json::json!([effect.before, effect.after]),
        );
    }
    context.append(&config, &entry)?;
    drop(permits);
    show(context, &report, &expectations, &effects)?;
    Ok(report.verdict.exit_code())
}

fn expectations(args: &RunArgs) -> Vec<Expectation> {
    let rows = args
        .expect_rows
        .iter()
        .filter_map(|table| format!("rows:{table}").parse().ok());
    rows.chain(args.expectations.iter().cloned()).collect()
}

fn target(context: &Context, name: &str) -> anyhow::Result<DatabaseTarget> {
    Ok(context.config_of(name)?.database()?)
}

/// Where effects are measured: in the database the script was given, or else in the configured one. Read-only.
async fn effect_database(
    context: &Context,
    config: &Config,
    target: Option<&DatabaseTarget>,
) -> anyhow::Result<Database> {
    match target {
        Some(target) => {
            let options = ConnectOptions::from(target).application("etl-run", &context.run_id);
            Ok(Database::connect(options).await?)
        }
        None => context.connect(config, "etl-run").await,
    }
}

async fn lake(
    config: &Config,
    args: &RunArgs,
    expectations: &[Expectation],
) -> anyhow::Result<Option<Lake>> {
    if let Some(folder) = &args.lake {
        return Ok(Some(Lake::local(folder)));
    }
    let needed = expectations
        .iter()
        .any(|expectation| matches!(expectation.what, What::Objects { .. }));
    Ok(if needed {
        Some(Lake::s3(&config.s3()?).await)
    } else {
        None
    })
}

/// What the child may see: harmless variables, the database it was given or none, and those that were named.
fn environment(
    context: &Context,
    config: &Config,
    args: &RunArgs,
    target: Option<&DatabaseTarget>,
) -> anyhow::Result<Environment> {
    let own = context.inputs()?.environment;
    let mut environment = Environment::allowed(&own);
    match target {
        Some(target) => environment.set_database(target),
        None => environment.without_database(),
    }
    for name in &args.pass_env {
        let value = own.get(name).with_context(|| {
            format!("`{name}` is not set: --pass-env can only pass on what is there")
        })?;
        environment.set(name, value);
    }
    if let Some(home) = &args.home {
        let home = std::path::absolute(home)?;
        if !home.is_dir() {
            bail!("the home folder `{}` does not exist", home.display());
        }
        environment.set("HOME", home);
    }
    for secret in config.secrets() {
        environment.hide(secret.expose_secret());
    }
    Ok(environment)
}

/// The command: a script of the checkout whose arguments were checked and what it does the work of, or a program as it was written.
fn script(
    config: &Config,
    args: &RunArgs,
    mut environment: Environment,
) -> anyhow::Result<(Script, Option<ScriptInfo>, BTreeSet<String>)> {
    let Some(name) = &args.script else {
        let Some((program, arguments)) = args.argv.split_first() else {
            bail!("no program was named")
        };
        let script = Script::new(program, arguments, config.project(), environment);
        return Ok((script, None, BTreeSet::new()));
    };
    let registry = Registry::discover(config.project())?;
    let entry_points = config.entry_points()?;
    let info = registry.resolve(name, &entry_points)?.clone();
    let capabilities = permit::capabilities(&registry, &info, &entry_points);
    let problems = info.flags.check(&args.argv);
    if !problems.is_empty() && !args.unchecked {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bail!(
            "`{}` would not understand its arguments as they are meant: {}",
            info.path,
            lines.join("; ")
        );
    }
    let wanted = match (&args.interpreter, &args.venv, &args.conda) {
        (Some(program), ..) => Interpreter::Program(program.clone()),
        (_, Some(folder), _) => Interpreter::Virtualenv(folder.clone()),
        (_, _, Some(name)) => Interpreter::Conda(name.clone()),
        _ => Interpreter::Automatic,
    };
    let program = find_interpreter(&info, config.project(), &wanted, &mut environment)?;
    let arguments = std::iter::once(&info.path).chain(&args.argv);
    let script = Script::new(program, arguments, config.project(), environment);
    Ok((script, Some(info), capabilities))
}

fn limits(script: &mut Script, args: &RunArgs) {
    script.deadline = Duration::from_secs(args.timeout);
    script.silence = args.silence.map(Duration::from_secs);
    script.grace = Duration::from_secs(args.grace);
    script.limits.niceness = args.nice;
    script.limits.memory = args.memory.map(|mebibytes| u64::from(mebibytes) << 20);
    script.limits.no_network = args.no_network;
    // This program starts nothing else.
    script.adopt = true;
}

/// What the source gives reason to expect trouble from, once, before it begins.
fn warn(context: &Context, info: &ScriptInfo) {
    for call in info.missing() {
        context.out.note(&format!(
            "warning: {}:{} calls `{}`, which does not exist",
            info.path, call.line, call.written
        ));
    }
    for hazard in &info.hazards {
        use nba_etl::registry::HazardKind::{
            ChangesRepository, DefaultServer, Prompt, ReadsCredentials,
        };
        if matches!(
            hazard.kind,
            Prompt | ReadsCredentials | DefaultServer | ChangesRepository
        ) {
            context.out.note(&format!(
                "warning: {}:{}: {}",
                info.path,
                hazard.line,
                hazard.kind.title()
            ));
        }
    }
}

fn redacted(script: &Script) -> Vec<String> {
    script.command_line()
}

fn dry_run(
    context: &Context,
    script: &Script,
    info: Option<&ScriptInfo>,
    expectations: &[Expectation],
) -> anyhow::Result<Code> {
    let command = redacted(script);
    let variables: Vec<&str> = script.environment.names().collect();
    let expected: Vec<String> = expectations.iter().map(ToString::to_string).collect();
    context.out.json(&serde_json::json!({
        "command": command,
        "folder": script.folder,
        "variables": variables,
        "script": info.map(|info| &info.path),
        "expectations": expected,
        "timeout_seconds": script.deadline.as_secs(),
    }))?;
    context
        .out
        .line(&format!("would run: {}", command.join(" ")));
    context
        .out
        .line(&format!("in:        {}", script.folder.display()));
    for text in expected {
        context.out.line(&format!("expects:   {text}"));
    }
    context
        .out
        .line(&format!("variables: {}", variables.join(" ")));
    Ok(nba_utils::exit_code::PROVEN)
}

async fn measure(expectations: &[Expectation], sources: &Sources<'_>) -> Vec<Measure> {
    let mut measures = Vec::with_capacity(expectations.len());
    for expectation in expectations {
        measures.push(expectation.measure(sources).await);
    }
    measures
}

/// A sign of life, and a look at the lock: without it, another host may have started the same job.
async fn beat(
    context: &Context,
    history: &History,
    run_id: Uuid,
    watched: &Watched,
    lock: Option<&AdvisoryLock>,
) {
    let status = watched.status();
    let progress = status
        .as_ref()
        .and_then(|status| status.progress.as_ref())
        .map(|progress| (progress.done, progress.total));
    if let Err(error) = history.beat(&run_id.to_string(), progress).await {
        context.out.note(&format!("warning: {error}"));
    }
    if let Some(lock) = lock
        && let Err(reason) = lock.check().await
    {
        watched.stop(reason);
    }
    if let Some(status) = status {
        let so_far = match progress {
            Some((done, total)) => format!("{done} of {total}"),
            None => format!(
                "{} of output",
                nba_utils::format::bytes(
                    status.output_bytes.0.saturating_add(status.output_bytes.1)
                )
            ),
        };
        context.out.note(&format!(
            "running for {}: {so_far}",
            duration(status.elapsed)
        ));
    }
}

fn show(
    context: &Context,
    report: &RunReport,
    expectations: &[Expectation],
    effects: &[EffectReport],
) -> anyhow::Result<()> {
    let rows = |pick: fn(&EffectReport) -> Option<u64>| -> BTreeMap<String, Option<u64>> {
        expectations
            .iter()
            .zip(effects)
            .filter_map(|(expectation, effect)| match &expectation.what {
                What::Rows { table } => Some((table.to_string(), pick(effect))),
                _ => None,
            })
            .collect()
    };
    let survivors: Vec<&String> = report
        .survivors
        .iter()
        .map(|survivor| &survivor.command)
        .collect();
    context.out.json(&serde_json::json!({
        "run_id": report.run_id.to_string(),
        "command": report.command,
        "ending": report.ending.to_string(),
        "elapsed_seconds": report.elapsed.as_secs_f64(),
        "stdout": report.stdout.text,
        "stderr": report.stderr.text,
        "stdout_bytes": report.stdout.total_bytes,
        "stderr_bytes": report.stderr.total_bytes,
        "survivors": survivors,
        "effects": effects,
        "counters": report.counters,
        "messages": report.messages,
        "log_problem": report.log_problem,
        "rows_before": rows(|effect| effect.before),
        "rows_after": rows(|effect| effect.after),
        "verdict": report.verdict,
    }))?;
    if !context.out.quiet {
        let (stdout, stderr) = (report.stdout.text.trim_end(), report.stderr.text.trim_end());
        if !stdout.is_empty() {
            context.out.line(stdout);
        }
        if !stderr.is_empty() {
            context.out.note(stderr);
        }
    }
    context.out.line(&format!(
        "{} after {} (run {})",
        report.ending,
        duration(report.elapsed),
        report.run_id
    ));
    for survivor in &report.survivors {
        context.out.line(&format!(
            "left behind and stopped: {} (process {})",
            survivor.command, survivor.pid
        ));
    }
    for problem in report.log_problem.iter().chain(&report.messages.problems) {
        context.out.line(&format!("incomplete: {problem}"));
    }
    let reasons = report.verdict.reasons().join("; ");
    context.out.line(&format!(
        "verdict {} {reasons}",
        Tone::of(&report.verdict).paint(report.verdict.as_str())
    ));
    Ok(())
}
