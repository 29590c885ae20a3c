//! `nba shadow`.

use super::Code;
use crate::cli::shadow::{ShadowArgs, ShadowCommand, ShadowMode};
use crate::context::Context;
use crate::render::{Tone, cells};
use anyhow::{Context as _, bail};
use nba_config::{Config, ExposeSecret as _};
use nba_db::compare::Change;
use nba_etl::lake::Lake;
use nba_etl::native::Mode;
use nba_etl::registry::Registry;
use nba_etl::runner::{Environment, Interpreter, Script, find_interpreter};
use nba_migration::backup::Tools;
use nba_migration::shadow::{
    CAPABILITIES, Capability, History, NativePort, RowDifference, ShadowOptions, ShadowReport,
    histories, page, report_file, shadow,
};
use nba_utils::Digest;
use nba_utils::atomic::{self, NewFile};
use nba_utils::exit_code;
use nba_utils::format::{duration, thousands};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn run(context: &Context, command: &ShadowCommand) -> anyhow::Result<Code> {
    match command {
        ShadowCommand::Run(args) => Box::pin(dual_run(context, args)).await,
        ShadowCommand::Report { capability, html } => {
            report(context, capability.as_deref(), html.as_deref())
        }
    }
}

async fn dual_run(context: &Context, args: &ShadowArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let capability = known(&args.capability)?;
    let db = context.connect(&config, "shadow-run").await?;
    let usual = capability.script_for(&db).await?;
    let script = script(context, &config, args, capability, usual)?;
    let lake = Arc::new(match &args.lake {
        Some(folder) => Lake::local(folder),
        None => Lake::s3(&config.s3()?).await,
    });
    let tools = Tools::find(config.postgres_bin_directory()?)?;
    let mut options = ShadowOptions::new(*capability, script, Arc::clone(&lake), tools);
    options.units = usize::try_from(args.units).unwrap_or(usize::MAX);
    options.years = args.years.clone();
    options.mode = match args.mode {
        ShadowMode::Compat => Mode::Compat,
        ShadowMode::Correct => Mode::Correct,
    };
    options.candidate_deadline = Duration::from_secs(args.timeout);
    let port = NativePort {
        capability: *capability,
        mode: options.mode,
        lake,
    };
    let identity = db.identity().await?;
    let report = shadow(&db, &options, &port, |step| context.out.note(step)).await?;

    let file = report_file(&config.state_directory()?, &report);
    let text = serde_json::to_vec_pretty(&report)?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    atomic::replace(&file, &text, NewFile::Private)?;
    let entry = report
        .entry()
        .about(&identity)
        .artefact(file.display().to_string(), Digest::of(&text));
    context.append(&config, &entry)?;
    context.out.json(&report)?;
    show(context, &report, args.limit);
    context.out.note(&format!("report: {}", file.display()));
    Ok(report.verdict.exit_code())
}

fn known(name: &str) -> anyhow::Result<&'static Capability> {
    CAPABILITIES
        .iter()
        .find(|capability| capability.name == name)
        .with_context(|| {
            let names: Vec<&str> = CAPABILITIES.iter().map(|known| known.name).collect();
            format!("`{name}` has no port; what has: {}", names.join(", "))
        })
}

/// The script of the checkout, with no database yet.
fn script(
    context: &Context,
    config: &Config,
    args: &ShadowArgs,
    capability: &Capability,
    usual: &str,
) -> anyhow::Result<Script> {
    let own = context.inputs()?.environment;
    let mut environment = Environment::allowed(&own);
    environment.without_database();
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
    let registry = Registry::discover(config.project())?;
    let entry_points = config.entry_points()?;
    let name = if entry_points.contains_key(capability.name) {
        capability.name
    } else {
        usual
    };
    let info = registry.resolve(name, &entry_points)?;
    let program = find_interpreter(
        info,
        config.project(),
        &Interpreter::Automatic,
        &mut environment,
    )?;
    let mut script = Script::new(program, [&info.path], config.project(), environment);
    script.deadline = Duration::from_secs(args.timeout);
    Ok(script)
}

fn show(context: &Context, report: &ShadowReport, limit: usize) {
    let out = context.out;
    out.line(&format!(
        "{} games: the script left {} rows, the port {}; {} are the same",
        thousands(report.units),
        thousands(report.legacy_rows),
        thousands(report.native_rows),
        thousands(report.equal_rows)
    ));
    for table in report.tables.iter().filter(|_| report.tables.len() > 1) {
        out.line(&format!(
            "{:<28} {} and {}, {} the same, {} explained, {} unexplained",
            table.table,
            thousands(table.legacy_rows),
            thousands(table.native_rows),
            thousands(table.equal_rows),
            thousands(table.explained),
            thousands(table.unexplained)
        ));
    }
    for what in &report.prepared {
        out.line(what);
    }
    if let Some(problem) = &report.native_problem {
        out.line(&format!("the port {problem}"));
    }
    for (name, rows) in &report.by_divergence {
        out.line(&format!(
            "explained    {} rows by {name} (docs/divergences.md)",
            thousands(*rows)
        ));
    }
    for difference in report.differences.iter().take(limit) {
        out.line(&text(difference));
    }
    let left = report.differences.len().saturating_sub(limit);
    if left > 0 || report.truncated {
        out.line(&format!(
            "and {} more",
            thousands(
                (report.explained + report.unexplained)
                    .saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX))
            )
        ));
    }
    if let Some(bound) = report.mismatch_bound {
        out.line(&format!(
            "with 95 % confidence, at most {:.2} % of all games have a row that differs for no known reason",
            bound * 100.0
        ));
    }
    out.line(&format!(
        "verdict {} {}",
        Tone::of(&report.verdict).paint(report.verdict.as_str()),
        report.verdict.reasons().join("; ")
    ));
    out.note(&format!(
        "took {}",
        duration(Duration::from_secs_f64(report.elapsed_seconds))
    ));
}

fn text(difference: &RowDifference) -> String {
    let key: Vec<&str> = difference
        .key
        .iter()
        .map(|value| value.as_deref().unwrap_or("NULL"))
        .collect();
    let kind = match &difference.what {
        Change::Missing { .. } => "only the script has it".to_owned(),
        Change::Added { .. } => "only the port has it".to_owned(),
        Change::Changed { cells } => cells
            .iter()
            .map(|cell| {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".into());
                format!(
                    "{} `{}` → `{}`",
                    cell.column,
                    value(&cell.old),
                    value(&cell.new)
                )
            })
            .collect::<Vec<_>>()
            .join(", "),
    };
    let why = if difference.explained_by.is_empty() {
        "unexplained ".to_owned()
    } else {
        difference.explained_by.join(",")
    };
    let game = difference
        .game_id
        .as_ref()
        .map_or_else(String::new, |game| format!(" of game {game}"));
    format!(
        "{why} {} {}{game}: {kind}",
        difference.table,
        key.join(", ")
    )
}

fn report(
    context: &Context,
    capability: Option<&str>,
    html: Option<&Path>,
) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let found: Vec<History> = histories(&ledger)?
        .into_iter()
        .filter(|history| capability.is_none_or(|wanted| history.capability == wanted))
        .collect();
    context.out.json(&found)?;
    if found.is_empty() {
        context.out.line("no dual run yet");
        context.out.note("hint: nba shadow run etl.espn.pbp");
        return Ok(exit_code::COULD_NOT_TELL);
    }
    let rows = found.iter().map(|history| {
        vec![
            history.capability.clone().into(),
            cells::right(history.runs.len().to_string()),
            cells::right(history.proven_in_a_row.to_string()),
            cells::right(thousands(history.clean_units)),
            cells::right(
                history
                    .mismatch_bound
                    .map_or_else(String::new, |bound| format!("{:.2} %", bound * 100.0)),
            ),
            history.next.clone().into(),
        ]
    });
    context.out.table(
        &[
            "capability",
            "runs",
            "proven in a row",
            "clean games",
            "mismatch at most",
            "next",
        ],
        rows,
    );
    if let Some(file) = html {
        atomic::replace(file, page(&found).as_bytes(), NewFile::Readable)?;
        context.out.note(&format!("written: {}", file.display()));
    }
    Ok(if found.iter().all(|history| history.proven_in_a_row > 0) {
        exit_code::PROVEN
    } else if found.iter().any(|history| history.refuted_last) {
        exit_code::REFUTED
    } else {
        exit_code::COULD_NOT_TELL
    })
}
