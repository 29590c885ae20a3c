//! `nba db compare` and `nba db explain`.

pub(crate) mod explain;
mod watch;

use self::watch::{Outputs, Watch};
use super::Code;
use crate::cli::compare::{CompareArgs, CompareRules};
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use nba_config::Config;
use nba_db::Database;
use nba_db::compare::explain::Explanation;
use nba_db::compare::report::{Report, render_text};
use nba_db::compare::{CompareSpec, Comparison, Relation, compare};
use nba_db::gentle::Gentleness;
use nba_db::ident::TableName;
use nba_migration::ledger::Entry;
use nba_utils::{Digest, Verdict, exit_code};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Stands for standard output in place of a file.
const DASH: &str = "-";

pub(crate) async fn run(context: &Context, args: &CompareArgs) -> anyhow::Result<Code> {
    let to_stdout = args.repair.as_deref() == Some(Path::new(DASH));
    if to_stdout && context.out.json {
        bail!("`--repair -` and `--json` both want standard output: give the script a file");
    }
    let config = context.config()?;
    let (left, right) = relations(args)?;
    let sides = Sides::connect(context, &args.rules, "db-compare").await?;
    let outputs = Outputs {
        parquet: args.parquet.clone(),
        repair: args.repair.clone().filter(|_| !to_stdout),
        repair_to_stdout: to_stdout,
    };
    let mut watch = Watch::new(context.out, outputs, &sides.right, &right).await?;
    let spec = spec(&args.rules, args.limit);
    let comparison = Box::pin(compare(
        &sides.left,
        &left,
        &sides.right,
        &right,
        &spec,
        &mut watch,
    ))
    .await?;
    let seen = watch.finish()?;
    let report = Report {
        comparison: &comparison,
        explanation: &seen.explanation,
        repair: seen.repair,
    };
    context.out.json(&report)?;
    let text = painted(&comparison.verdict, &render_text(&report, args.limit));
    if to_stdout {
        context.out.note(&text);
    } else {
        context.out.line(&text);
    }
    for file in args.parquet.iter().chain(&args.repair) {
        if file != Path::new(DASH) {
            context.out.note(&format!("written: {}", file.display()));
        }
    }
    let mut entry = entry("db compare", &comparison, &seen.explanation);
    for file in args.parquet.iter().chain(&args.repair) {
        if file != Path::new(DASH) {
            let content = std::fs::read(file)
                .with_context(|| format!("cannot read `{}` again", file.display()))?;
            entry = entry.artefact(file.display().to_string(), Digest::of(&content));
        }
    }
    record(context, &config, &entry)?;
    Ok(code(&comparison, args.rules.as_declared))
}

/// The two databases; one connection pool where they are the same.
pub(crate) struct Sides {
    pub(crate) left: Database,
    pub(crate) right: Database,
}

impl Sides {
    pub(crate) async fn connect(
        context: &Context,
        rules: &CompareRules,
        command: &str,
    ) -> anyhow::Result<Self> {
        let left = context.database_of(rules.left_target.as_deref(), command);
        let left = left.await.context("left side")?;
        if rules.left_target == rules.right_target {
            let right = left.clone();
            return Ok(Self { left, right });
        }
        let right = context.database_of(rules.right_target.as_deref(), command);
        let right = right.await.context("right side")?;
        Ok(Self { left, right })
    }
}

/// The two sides as they were named.
fn relations(args: &CompareArgs) -> anyhow::Result<(Relation, Relation)> {
    let rules = &args.rules;
    let mut tables = args.tables.iter().map(|name| TableName::parse(name));
    let mut side = |query: &Option<String>| match query {
        Some(sql) => Some(Relation::Query(sql.clone())),
        None => tables.next().map(Relation::Table),
    };
    let (left, right) = (side(&rules.query_left), side(&rules.query_right));
    if tables.next().is_some() {
        bail!("there are more relations than two sides");
    }
    match (left, right) {
        (Some(left), Some(right)) => Ok((left, right)),
        (Some(left), None) if rules.left_target != rules.right_target => Ok((left.clone(), left)),
        _ => bail!(
            "two relations are needed: two tables, one table and two targets, or --query-left and --query-right"
        ),
    }
}

pub(crate) fn spec(rules: &CompareRules, listed: usize) -> CompareSpec {
    let mut spec = CompareSpec {
        key: (!rules.key.is_empty()).then(|| rules.key.clone()),
        map: rules.map.iter().cloned().collect(),
        ignore: rules.ignore.iter().cloned().collect(),
        tolerance: rules.tolerance.iter().cloned().collect(),
        listed,
        mode: rules.mode.map(Into::into),
        checkpoint: rules.resume.clone(),
        same_relation: rules.same_relation,
        ..CompareSpec::default()
    };
    if let Some(ranges) = rules.ranges {
        spec.ranges = ranges;
    }
    if let Some(rows) = rules.piece {
        spec.piece_rows = rows;
    }
    spec.statement_timeout = rules.statement_timeout.map(Duration::from_secs);
    spec.gentle = rules.budget.map(|budget| Gentleness {
        budget: Some(budget),
        ..Gentleness::default()
    });
    spec
}

pub(crate) fn painted(verdict: &Verdict, text: &str) -> String {
    let text = text.trim_end();
    match text.split_once('\n') {
        Some((first, rest)) => format!("{}\n{rest}", Tone::of(verdict).paint(first)),
        None => Tone::of(verdict).paint(text),
    }
}

/// The verdict's code; what was declared counts as equal only when that was asked for.
pub(crate) fn code(comparison: &Comparison, as_declared: bool) -> Code {
    if as_declared && comparison.equal_as_declared {
        return exit_code::PROVEN;
    }
    comparison.verdict.exit_code()
}

pub(crate) fn entry(subject: &str, comparison: &Comparison, explanation: &Explanation) -> Entry {
    let side = |side: &nba_db::compare::SideReport| {
        json!({
            "relation": side.relation,
            "target": side.target,
            "system_identifier": side.identity.system_identifier,
            "rows": side.rows,
            "taken_at": side.taken_at,
        })
    };
    let groups: Vec<String> = explanation
        .groups
        .iter()
        .take(10)
        .map(ToString::to_string)
        .collect();
    let ignored: Vec<&str> = comparison
        .ignored
        .iter()
        .map(|ignored| ignored.column.as_str())
        .collect();
    let tolerated: Vec<&str> = comparison
        .columns
        .iter()
        .filter(|column| column.tolerance.is_some())
        .map(|column| column.left.as_str())
        .collect();
    let mut entry = Entry::new(subject, comparison.verdict.clone())
        .figure("left", side(&comparison.left))
        .figure("right", side(&comparison.right))
        .figure("mode", comparison.mode.as_str())
        .figure("key", json!(comparison.key))
        .figure("totals", json!(comparison.totals))
        .figure("ignored", json!(ignored))
        .figure("tolerated", json!(tolerated))
        .figure("equal_as_declared", comparison.equal_as_declared)
        .figure("explanation", json!(groups));
    entry.target = Some(comparison.right.identity.clone());
    entry
}

pub(crate) fn record(context: &Context, config: &Config, entry: &Entry) -> anyhow::Result<()> {
    context
        .append(config, entry)
        .context("the verdict above is not on record")
}
