//! `nba assumptions`, and their part of `nba preflight`.

use super::Code;
use crate::cli::assumptions::AssumptionsCommand;
use crate::context::Context;
use crate::render::Tone;
use chrono::Utc;
use nba_migration::assumptions::{Register, add, register};
use nba_utils::exit_code;

pub(crate) fn run(context: &Context, command: &AssumptionsCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let now = Utc::now();
    match command {
        AssumptionsCommand::List => {
            let found = register(&ledger, now)?;
            context.out.json(&found)?;
            show(context, &found);
            Ok(exit_code::PROVEN)
        }
        AssumptionsCommand::Verify => {
            let found = register(&ledger, now)?;
            context.append(&config, &found.entry())?;
            context.out.json(&found)?;
            show(context, &found);
            Ok(found.verdict.exit_code())
        }
        AssumptionsCommand::Add {
            id,
            statement,
            evidence,
            owner,
            until,
        } => {
            let receipt = add(&ledger, id, statement, evidence, owner, *until, now)?;
            context.out.json(&receipt)?;
            context.out.line(&format!(
                "`{id}` is assumed until {until}, {owner} answers for it; record {}",
                receipt.sequence
            ));
            Ok(exit_code::PROVEN)
        }
    }
}

/// One line each, with the reason where it does not stand.
pub(super) fn show(context: &Context, found: &Register) {
    context.out.line(&format!(
        "environment: {} ({})",
        found.environment.as_str(),
        found.because
    ));
    for one in &found.assumptions {
        let until = match one.assumption.until {
            Some(until) => format!(", until {until}"),
            None => String::new(),
        };
        context.out.line(&format!(
            "  {} assumed {}: {} ({}{until})",
            Tone::of(&one.verdict).paint(one.verdict.as_str().replace('_', " ").as_str()),
            one.assumption.id,
            one.assumption.statement,
            one.assumption.owner
        ));
        for reason in one.verdict.reasons() {
            context.out.line(&format!("      {reason}"));
        }
    }
}
