//! `nba baseline`.

use super::Code;
use crate::cli::BaselineCommand;
use crate::context::{Context, baseline_name};
use crate::render::{Tone, cells};
use nba_migration::ledger::Entry;
use nba_monitoring::baseline::{self, Baseline, BaselineName, CaptureOptions};
use nba_monitoring::rules::RuleBook;
use nba_utils::format::thousands;
use nba_utils::{Verdict, exit_code};

/// File in the state folder with the user's rules.
const RULES_FILE: &str = "rules.json";

pub(crate) async fn run(context: &Context, command: &BaselineCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let folder = Context::baselines(&config)?;
    match command {
        BaselineCommand::Capture { name } => {
            let mut options = CaptureOptions::new(folder, baseline_name(name)?);
            options.rules = RuleBook::load(&config.state_directory()?.join(RULES_FILE))?;
            let db = context.connect(&config, "baseline-capture").await?;
            let captured = baseline::capture(&db, &options).await?;
            context.append(&config, &Entry::baseline(&captured))?;
            show(context, &captured)
        }
        BaselineCommand::List => {
            let names = baseline::list(&folder)?;
            context
                .out
                .json(&names.iter().map(BaselineName::as_str).collect::<Vec<_>>())?;
            for name in &names {
                context.out.line(name.as_str());
            }
            if names.is_empty() {
                context
                    .out
                    .note("no baseline yet: `nba baseline capture` takes one");
            }
            Ok(exit_code::PROVEN)
        }
        BaselineCommand::Show { name } => {
            show(context, &Baseline::load(&folder, &baseline_name(name)?)?)
        }
    }
}

fn show(context: &Context, baseline: &Baseline) -> anyhow::Result<Code> {
    context.out.json(baseline)?;
    let rows = baseline.tables.iter().map(|(table, found)| {
        let count = match found.content.fingerprint() {
            Some(fingerprint) => thousands(fingerprint.rows),
            None => Tone::Unsure.paint("not measured"),
        };
        let evidence = match &found.rows {
            Some(rows) if rows.values => "values",
            Some(_) => "row hashes",
            None => "fingerprint",
        };
        vec![
            table.to_string().into(),
            cells::right(count),
            found.rule.rule.as_str().into(),
            evidence.into(),
        ]
    });
    context
        .out
        .table(&["table", "rows", "rule", "evidence"], rows);
    let identity = &baseline.identity.brief;
    context.out.line(&format!(
        "baseline `{}`: {} rows in {} tables of `{}` (system identifier {}), {}",
        baseline.name,
        thousands(baseline.total_rows()),
        baseline.tables.len(),
        identity.database,
        identity
            .system_identifier
            .as_deref()
            .unwrap_or("not readable"),
        baseline.captured_at().format("%Y-%m-%d %H:%M:%S UTC"),
    ));
    if !baseline.complete.is_proven() {
        context.out.line(&format!(
            "{} {}",
            Tone::of(&baseline.complete).paint("incomplete:"),
            baseline.complete.reasons().join("; ")
        ));
    }
    Ok(Verdict::exit_code(&baseline.complete))
}
