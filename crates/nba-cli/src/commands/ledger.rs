//! `nba ledger`.

use super::Code;
use crate::cli::LedgerCommand;
use crate::context::Context;
use crate::render::Tone;
use nba_utils::exit_code;
use nba_utils::format::thousands;

pub(crate) fn run(context: &Context, command: &LedgerCommand) -> anyhow::Result<Code> {
    let ledger = Context::ledger(&context.config()?)?;
    match command {
        LedgerCommand::Show { limit } => {
            let records = ledger.records()?;
            let from = records.len().saturating_sub(*limit);
            context.out.json(&&records[from..])?;
            let rows = records[from..].iter().map(|record| {
                vec![
                    record.sequence.to_string().into(),
                    record
                        .time
                        .format("%Y-%m-%d %H:%M:%S UTC")
                        .to_string()
                        .into(),
                    record.entry.subject.clone().into(),
                    Tone::of(&record.entry.verdict)
                        .paint(record.entry.verdict.as_str())
                        .into(),
                    record
                        .entry
                        .verdict
                        .reasons()
                        .first()
                        .cloned()
                        .unwrap_or_default()
                        .into(),
                ]
            });
            context.out.table(
                &["number", "time", "subject", "verdict", "first reason"],
                rows,
            );
            Ok(exit_code::PROVEN)
        }
        LedgerCommand::Verify => {
            let verification = ledger.verify()?;
            context.out.json(&verification)?;
            let verdict = &verification.verdict;
            let text = format!(
                "{}: {} records in {}",
                verdict.as_str().replace('_', " "),
                thousands(verification.records),
                ledger.path().display()
            );
            context.out.line(&Tone::of(verdict).paint(&text));
            for finding in &verification.findings {
                context
                    .out
                    .line(&format!("  line {}: {}", finding.line, finding.message));
            }
            if verification.findings.is_empty() {
                for reason in verdict.reasons() {
                    context.out.line(&format!("  {reason}"));
                }
            }
            Ok(verdict.exit_code())
        }
    }
}
