//! `nba phase report`, `nba phase watch` and `nba phase benchmark`: what the ledger says over a longer time.

use super::Code;
use crate::context::Context;
use crate::render::{Tone, cells};
use chrono::Utc;
use nba_migration::phase;
use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use std::path::Path;

pub(super) fn report(context: &Context, markdown: Option<&Path>) -> anyhow::Result<Code> {
    let ledger = Context::ledger(&context.config()?)?;
    let chain = ledger.verify()?.verdict;
    let found = phase::report(chain.clone(), &ledger.records()?, Utc::now());
    context.out.json(&found)?;
    let text = found.markdown();
    match markdown {
        Some(file) => {
            atomic::replace(file, text.as_bytes(), NewFile::Readable)?;
            context.out.note(&format!("written: {}", file.display()));
        }
        None => context.out.line(text.trim_end()),
    }
    Ok(chain.exit_code())
}

pub(super) fn watch(context: &Context, days: u32) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let mut found = phase::watched(&ledger.records()?, days, Utc::now());
    if ledger.verify()?.verdict.is_refuted() {
        found.verdict = Verdict::not_proven("the ledger is damaged");
    }
    context.append(&config, &found.entry())?;
    context.out.json(&found)?;
    context.out.line(&Tone::of(&found.verdict).paint(&format!(
        "watch: {}; {} of {days} days were proven",
        found.verdict.as_str().replace('_', " "),
        found.proven_days
    )));
    for reason in found.verdict.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    Ok(found.verdict.exit_code())
}

pub(super) fn benchmark(context: &Context, tolerance: u32) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let mut found = phase::speed(&ledger.records()?, tolerance);
    if ledger.verify()?.verdict.is_refuted() {
        found.verdict = Verdict::not_proven("the ledger is damaged");
    }
    context.append(&config, &found.entry())?;
    context.out.json(&found)?;
    let rows = found.paces.iter().map(|pace| {
        vec![
            pace.capability.clone().into(),
            cells::right(pace.runs.to_string()),
            cells::right(format!("{:.2} s", pace.legacy_seconds)),
            cells::right(format!("{:.2} s", pace.native_seconds)),
            pace.verdict.as_str().replace('_', " ").into(),
        ]
    });
    context.out.table(
        &["capability", "dual runs", "script", "port", "verdict"],
        rows,
    );
    context.out.line(&format!(
        "verdict {} {}",
        Tone::of(&found.verdict).paint(found.verdict.as_str()),
        found.verdict.reasons().join("; ")
    ));
    context.out.note(&format!(
        "a port may take {tolerance} % longer than its script; medians of the last proven dual runs"
    ));
    Ok(found.verdict.exit_code())
}
