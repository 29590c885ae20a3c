//! `nba switch`.

use super::Code;
use crate::cli::phase::SwitchCommand;
use crate::context::Context;
use crate::render::cells;
use nba_migration::switch::{Side, Switchboard, Wish, set_queue, switch};
use nba_utils::exit_code;
use serde_json::json;

pub(crate) fn run(context: &Context, command: &SwitchCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    match command {
        SwitchCommand::Get { capability, unit } => {
            let board = Switchboard::read(&ledger)?;
            let mode = board.mode(capability);
            let route = unit.as_ref().map(|unit| board.route(capability, unit));
            context.out.json(&json!({"capability": capability, "mode": mode, "epoch": board.epoch(capability), "route": route}))?;
            let text = match route {
                None => mode.to_string(),
                Some(route) => match route.writer {
                    Some(Side::Legacy) => "legacy".to_owned(),
                    Some(Side::Native) => "native".to_owned(),
                    None => "off".to_owned(),
                },
            };
            context.out.line(&text);
            // Legacy is the safe answer, and the exit code says that it is only that.
            if board.ledger.is_refuted() {
                context
                    .out
                    .note("the ledger is damaged: everything counts as legacy");
                return Ok(exit_code::COULD_NOT_TELL);
            }
            Ok(exit_code::PROVEN)
        }
        SwitchCommand::Set {
            capability,
            mode,
            by,
            why,
        } => {
            let wish = Wish {
                capability: capability.clone(),
                to: *mode,
                by: by.clone(),
                why: why.clone(),
            };
            let receipt = switch(&ledger, &wish)?;
            context.out.json(&receipt)?;
            context.out.line(&format!(
                "`{capability}` is {mode}; record {}",
                receipt.sequence
            ));
            Ok(exit_code::PROVEN)
        }
        SwitchCommand::Queue { order, by, why } => {
            if let (Some(by), Some(why)) = (by, why) {
                set_queue(&ledger, order, by, why)?;
            }
            let turns = Switchboard::read(&ledger)?.turns();
            context.out.json(&turns)?;
            let rows = turns.iter().map(|turn| {
                let waits = match (turn.locked, turn.first.is_empty()) {
                    (true, _) => "locked until all phases are done".to_owned(),
                    (_, true) => turn.evidence.reasons().join("; "),
                    _ => format!("{} first", turn.first.join(", ")),
                };
                vec![
                    turn.capability.clone().into(),
                    turn.mode.to_string().into(),
                    waits.into(),
                ]
            });
            context
                .out
                .table(&["capability", "mode", "waits for"], rows);
            Ok(exit_code::PROVEN)
        }
        SwitchCommand::List => {
            let board = Switchboard::read(&ledger)?;
            context.out.json(&board)?;
            let rows = board.settings.iter().map(|(name, setting)| {
                vec![
                    name.clone().into(),
                    setting.mode.to_string().into(),
                    cells::right(setting.epoch.to_string()),
                    setting
                        .since
                        .format("%Y-%m-%d %H:%M UTC")
                        .to_string()
                        .into(),
                    setting.by.clone().into(),
                    setting.why.clone().into(),
                ]
            });
            context
                .out
                .table(&["capability", "mode", "epoch", "since", "by", "why"], rows);
            Ok(exit_code::PROVEN)
        }
    }
}
