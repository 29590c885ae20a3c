//! `nba etl`.

use super::Code;
use crate::cli::EtlCommand;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use nba_config::ExposeSecret as _;
use nba_db::Database;
use nba_db::counts::CountOptions;
use nba_db::ident::TableName;
use nba_etl::runner::{Ending, Environment, RunReport, Script, run_async};
use nba_migration::ledger::Entry;
use nba_utils::Verdict;
use nba_utils::format::{duration, thousands};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) async fn run(context: &Context, command: &EtlCommand) -> anyhow::Result<Code> {
    let EtlCommand::Run {
        timeout,
        pass_env,
        expect_rows,
        argv,
    } = command;
    let config = context.config()?;
    let Some((program, arguments)) = argv.split_first() else {
        bail!("no program was named")
    };
    let tables: Vec<TableName> = expect_rows
        .iter()
        .map(|name| TableName::parse(name))
        .collect();
    let db = if tables.is_empty() {
        None
    } else {
        Some(context.connect(&config, "etl-run").await?)
    };
    let before = rows(db.as_ref(), &tables).await?;

    let mut script = Script::new(
        program,
        arguments,
        config.project(),
        environment(context, pass_env)?,
    );
    for secret in config.secrets() {
        script.environment.hide(secret.expose_secret());
    }
    script.deadline = Duration::from_secs(*timeout);
    let mut report = run_async(script).await?;
    let after = rows(db.as_ref(), &tables).await?;
    if report.ending == Ending::Exited(0) && !tables.is_empty() {
        report.verdict = Verdict::all(tables.iter().map(|table| grown(table, &before, &after)));
    }
    let mut entry = Entry::new("etl run", report.verdict.clone())
        .figure("command", report.command.join(" "))
        .figure("ending", report.ending.to_string())
        .figure("seconds", report.elapsed.as_secs_f64());
    for table in &tables {
        entry = entry.figure(
            format!("rows {table}"),
            serde_json::json!([before.get(table), after.get(table)]),
        );
    }
    context.append(&config, &entry)?;
    show(context, &report, &before, &after)?;
    Ok(report.verdict.exit_code())
}

/// What the child may see: harmless variables, and those that were named.
fn environment(context: &Context, names: &[String]) -> anyhow::Result<Environment> {
    let own = context.inputs()?.environment;
    let mut environment = Environment::allowed(&own);
    for name in names {
        let value = own.get(name).with_context(|| {
            format!("`{name}` is not set: --pass-env can only pass on what is there")
        })?;
        environment.set(name, value);
    }
    Ok(environment)
}

async fn rows(
    db: Option<&Database>,
    tables: &[TableName],
) -> anyhow::Result<BTreeMap<TableName, u64>> {
    let Some(db) = db else {
        return Ok(BTreeMap::new());
    };
    let counts = db.counts(tables, &CountOptions::default()).await?;
    let mut rows = BTreeMap::new();
    for count in counts.tables {
        let found = count.rows.with_context(|| {
            format!(
                "cannot count `{}`: {}",
                count.table,
                count.verdict.reasons().join("; ")
            )
        })?;
        rows.insert(count.table, found);
    }
    Ok(rows)
}

fn grown(
    table: &TableName,
    before: &BTreeMap<TableName, u64>,
    after: &BTreeMap<TableName, u64>,
) -> Verdict {
    match (before.get(table), after.get(table)) {
        (Some(before), Some(after)) if after > before => Verdict::Proven,
        (Some(before), Some(after)) => Verdict::refuted(format!(
            "`{table}` has not grown: {} rows before, {} after",
            thousands(*before),
            thousands(*after)
        )),
        _ => Verdict::not_proven(format!("`{table}` was not counted")),
    }
}

fn show(
    context: &Context,
    report: &RunReport,
    before: &BTreeMap<TableName, u64>,
    after: &BTreeMap<TableName, u64>,
) -> anyhow::Result<()> {
    context.out.json(&serde_json::json!({
        "run_id": report.run_id.to_string(),
        "command": report.command,
        "ending": report.ending.to_string(),
        "elapsed_seconds": report.elapsed.as_secs_f64(),
        "stdout": report.stdout.text,
        "stderr": report.stderr.text,
        "survivors": report.survivors.iter().map(|survivor| &survivor.command).collect::<Vec<_>>(),
        "rows_before": before,
        "rows_after": after,
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
        "{} after {}",
        report.ending,
        duration(report.elapsed)
    ));
    for survivor in &report.survivors {
        context.out.line(&format!(
            "left behind and stopped: {} (process {})",
            survivor.command, survivor.pid
        ));
    }
    let reasons = report.verdict.reasons().join("; ");
    context.out.line(&format!(
        "verdict {} {reasons}",
        Tone::of(&report.verdict).paint(report.verdict.as_str())
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{TableName, grown};
    use std::collections::BTreeMap;

    #[test]
    fn only_more_rows_are_an_effect() {
        let table = TableName::parse("games");
        let counted = |rows| BTreeMap::from([(table.clone(), rows)]);
        assert!(grown(&table, &counted(1), &counted(2)).is_proven());
        assert!(grown(&table, &counted(2), &counted(2)).is_refuted());
        assert!(grown(&table, &counted(2), &counted(1)).is_refuted());
        assert_eq!(
            grown(&table, &BTreeMap::new(), &counted(1)).as_str(),
            "not_proven"
        );
    }
}
