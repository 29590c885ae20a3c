//! `nba setup`.

use super::Code;
use crate::cli::setup::SetupArgs;
use crate::context::Context;
use crate::render::Tone;
use nba_migration::setup::{ItemState, apply, plan, undo};
use nba_utils::exit_code;

pub(crate) fn run(context: &Context, args: &SetupArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let project = config.project();
    if args.dry_run {
        let items = plan(project)?;
        context.out.json(&items)?;
        for item in &items {
            let word = match item.state {
                ItemState::Missing => "would add",
                ItemState::Present => "is there",
                ItemState::Other => "is something else",
            };
            context.out.line(&format!(
                "{word:<18} {} ({})",
                item.path.display(),
                item.what
            ));
        }
        return Ok(exit_code::PROVEN);
    }
    if args.undo {
        let undone = undo(project)?;
        context.out.json(&undone)?;
        for path in &undone.removed {
            context.out.line(&format!("removed {}", path.display()));
        }
        for (path, why) in &undone.kept {
            context.out.line(&format!("kept {}: {why}", path.display()));
        }
        return Ok(exit_code::PROVEN);
    }
    let report = apply(project)?;
    context.append(&config, &report.entry())?;
    context.out.json(&report)?;
    for path in &report.added {
        context.out.line(&format!("added {}", path.display()));
    }
    let text = match report.added.len() {
        0 => format!("nothing to add: {}", report.verdict),
        some => format!(
            "{some} files and folders added, nothing else changed: {}",
            report.verdict
        ),
    };
    context.out.line(&Tone::of(&report.verdict).paint(&text));
    for reason in report.verdict.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    Ok(report.verdict.exit_code())
}
