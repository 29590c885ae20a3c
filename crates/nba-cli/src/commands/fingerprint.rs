//! `nba db fingerprint`.

use super::Code;
use crate::cli::fingerprint::FingerprintArgs;
use crate::context::Context;
use crate::render::{Tone, cells};
use anyhow::Context as _;
use nba_db::fingerprint::{
    ColumnProfile, FingerprintDiff, FingerprintOptions, FingerprintReport, Source, TableReport,
};
use nba_db::gentle::Gentleness;
use nba_db::ident::TableName;
use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use nba_utils::format::{bytes, thousands};
use std::path::Path;

/// Digits of a digest that are shown: enough to compare by eye.
const SHOWN_DIGITS: usize = 16;

pub(crate) async fn run(context: &Context, args: &FingerprintArgs) -> anyhow::Result<Code> {
    if let Some([before, after]) = args.diff.as_deref() {
        return diff(context, before, after);
    }
    let config = context.config()?;
    let db = context.connect(&config, "db-fingerprint").await?;
    let mut options = FingerprintOptions::default();
    options.tables = args
        .tables
        .iter()
        .map(|name| TableName::parse(name))
        .collect();
    options.detail = args.detail.into();
    options.gentleness = Some(Gentleness {
        budget: args.budget,
        ..Gentleness::default()
    });
    options.checkpoint.clone_from(&args.resume);
    let report = db.fingerprint(&options).await?;
    if let Some(path) = &args.output {
        let text = serde_json::to_vec_pretty(&report)?;
        atomic::replace(path, &text, NewFile::Readable)?;
        context.out.note(&format!("written: {}", path.display()));
    }
    context.out.json(&report)?;
    show(context, &report, !args.tables.is_empty());
    Ok(report.verdict.exit_code())
}

fn show(context: &Context, report: &FingerprintReport, in_full: bool) {
    let rows = report.tables.iter().map(|(name, table)| {
        let (count, digest) = match table.content.as_result() {
            Ok(content) => (
                thousands(content.rows),
                shortened(&content.digest.to_string()),
            ),
            Err(reason) => (
                Tone::Unsure.paint("not measured"),
                Tone::Unsure.paint(reason),
            ),
        };
        vec![
            name.to_string().into(),
            cells::right(count),
            digest.into(),
            table
                .schema
                .map_or_else(|| "-".to_owned(), |digest| shortened(&digest.to_string()))
                .into(),
            cells::right(bytes(table.bytes)),
        ]
    });
    context
        .out
        .table(&["table", "rows", "content", "schema", "size"], rows);
    if in_full {
        for (name, table) in &report.tables {
            columns(context, name, table);
        }
    }
    for (name, table) in &report.tables {
        if let Some(carried) = &table.carried {
            context.out.line(&format!(
                "{name}: of the interrupted run's snapshot of {}, not written since",
                carried.snapshot.taken_at.format("%Y-%m-%d %H:%M:%S UTC")
            ));
        }
    }
    let measured = Tone::of(&report.verdict).paint(report.verdict.as_str());
    context.out.line(&format!(
        "{measured}: {} rows in {} tables of `{}`, one snapshot at {}; schema {}",
        thousands(report.total_rows()),
        report.tables.len(),
        report.identity.brief.database,
        report.taken_at().format("%Y-%m-%d %H:%M:%S UTC"),
        report
            .schema
            .as_result()
            .map_or_else(ToString::to_string, |digest| shortened(&digest.to_string())),
    ));
    context.out.note(&report.account.to_string());
}

fn columns(context: &Context, name: &TableName, table: &TableReport) {
    let Some(content) = table.content.measured() else {
        return;
    };
    context.out.line("");
    context.out.line(&Tone::Strong.paint(&name.to_string()));
    let none = Vec::new();
    let profiles = table.profile.measured().unwrap_or(&none);
    let rows = content.columns.iter().map(|column| {
        let profile = profiles.iter().find(|found| found.name == column.name);
        let (least, greatest) = range(profile);
        vec![
            format!("  {}", column.name).into(),
            shortened(&column.digest.to_string()).into(),
            cells::right(thousands(column.nulls)),
            cells::right(thousands(column.empty)),
            cells::right(distinct(profile)),
            least.into(),
            greatest.into(),
        ]
    });
    context.out.table(
        &[
            "  column", "content", "NULL", "empty", "distinct", "least", "greatest",
        ],
        rows,
    );
    if let Err(reason) = table.profile.as_result() {
        context.out.line(&format!("  no ranges: {reason}"));
    }
    if profiles.iter().any(is_estimated) {
        context
            .out
            .line("  ~ from the sample of the last ANALYZE; everything else is exact");
    }
}

fn is_estimated(profile: &ColumnProfile) -> bool {
    profile
        .range
        .as_ref()
        .is_some_and(|range| range.source == Source::Estimate)
        || profile
            .distinct
            .is_some_and(|distinct| distinct.source == Source::Estimate)
}

fn mark(source: Source) -> &'static str {
    match source {
        Source::Exact => "",
        Source::Estimate => "~",
    }
}

fn range(profile: Option<&ColumnProfile>) -> (String, String) {
    match profile.and_then(|profile| profile.range.as_ref()) {
        Some(range) => (
            format!("{}{}", mark(range.source), cut(&range.min)),
            format!("{}{}", mark(range.source), cut(&range.max)),
        ),
        None => ("-".to_owned(), "-".to_owned()),
    }
}

fn distinct(profile: Option<&ColumnProfile>) -> String {
    profile.and_then(|profile| profile.distinct).map_or_else(
        || "-".to_owned(),
        |found| format!("{}{}", mark(found.source), thousands(found.values)),
    )
}

/// A value on one line of bounded length; control characters could imitate our own lines.
fn cut(value: &str) -> String {
    const LONGEST: usize = 32;
    let shown: String = value.chars().take(LONGEST).collect();
    let shown = shown.escape_debug().to_string();
    if value.chars().count() > LONGEST {
        format!("{shown}…")
    } else {
        shown
    }
}

/// The last digits: those of a small sum begin with zeros.
fn shortened(digest: &str) -> String {
    let from = digest.len().saturating_sub(SHOWN_DIGITS);
    digest.get(from..).unwrap_or(digest).to_owned()
}

fn diff(context: &Context, before: &Path, after: &Path) -> anyhow::Result<Code> {
    let read = |path: &Path, which: &str| {
        FingerprintReport::read(path).with_context(|| format!("{which} file"))
    };
    let (before, after) = (read(before, "first")?, read(after, "second")?);
    let diff = before.diff(&after)?;
    context.out.json(&diff)?;
    let about = |report: &FingerprintReport| {
        format!(
            "`{}` of {}",
            report.identity.brief.database,
            report.taken_at().format("%Y-%m-%d %H:%M:%S UTC")
        )
    };
    context
        .out
        .line(&headline(&diff, &about(&before), &about(&after)));
    for (name, table) in &diff.tables {
        context.out.line(&format!("  {name}: {}", table.message));
        for column in &table.columns {
            let mut parts = Vec::new();
            if column.nulls.0 != column.nulls.1 {
                let (old, new) = column.nulls;
                parts.push(format!("NULL {} → {}", thousands(old), thousands(new)));
            }
            if column.empty.0 != column.empty.1 {
                let (old, new) = column.empty;
                parts.push(format!("empty {} → {}", thousands(old), thousands(new)));
            }
            if let Some((old, new)) = &column.ranges {
                parts.push(format!(
                    "{} … {} → {} … {}",
                    cut(&old.0),
                    cut(&old.1),
                    cut(&new.0),
                    cut(&new.1)
                ));
            }
            if !parts.is_empty() {
                context
                    .out
                    .line(&format!("    {}: {}", column.name, parts.join("; ")));
            }
        }
    }
    for finding in &diff.schema {
        context.out.line(&format!("  {finding}"));
    }
    Ok(diff.verdict.exit_code())
}

fn headline(diff: &FingerprintDiff, before: &str, after: &str) -> String {
    let text = match &diff.verdict {
        Verdict::Proven => "the same rows and definitions",
        Verdict::Refuted { .. } => "they differ",
        _ => "could not tell",
    };
    format!(
        "{}: {before} and {after}; {} tables alike, {} not",
        Tone::of(&diff.verdict).paint(text),
        diff.same,
        diff.tables.len()
    )
}
