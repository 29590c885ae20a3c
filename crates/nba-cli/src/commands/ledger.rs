//! `nba ledger`.

use super::Code;
use crate::cli::LedgerCommand;
use crate::context::Context;
use crate::render::Tone;
use nba_migration::ledger::SigningKey;
use nba_utils::exit_code;
use nba_utils::format::thousands;
use serde_json::json;

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
        LedgerCommand::Sign { key, new_key } => {
            let key = match (key, new_key) {
                (Some(path), _) => SigningKey::read(path)?,
                (None, Some(path)) => SigningKey::generate(path)?,
                (None, None) => anyhow::bail!("a key is missing: `--key` or `--new-key`"),
            };
            let receipt = ledger.sign(&key)?;
            let public = key.public();
            context
                .out
                .json(&json!({"record": receipt, "public_key": public}))?;
            context.out.line(&format!(
                "record {}: signed; the public key is {public}",
                receipt.sequence
            ));
            Ok(exit_code::PROVEN)
        }
        LedgerCommand::Verify {
            signed_by: Some(public),
        } => {
            let check = ledger.verify_signature(public)?;
            context.out.json(&check)?;
            let text = format!(
                "{}: {} records are covered by the signature, {} came after it",
                check.verdict.as_str().replace('_', " "),
                thousands(check.covered),
                thousands(check.uncovered)
            );
            context.out.line(&Tone::of(&check.verdict).paint(&text));
            for reason in check.verdict.reasons() {
                context.out.line(&format!("  {reason}"));
            }
            Ok(check.verdict.exit_code())
        }
        LedgerCommand::Verify { signed_by: None } => {
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
