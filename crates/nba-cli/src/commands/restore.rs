//! `nba restore`.

use super::Code;
use crate::cli::restore::RestoreCommand;
use crate::context::Context;
use crate::render::Tone;
use nba_migration::ledger::Entry;
use nba_migration::restore_point::{Options, create, restore_beside, restore_in_place};
use nba_migration::rollback::checkout;
use nba_utils::exit_code;

pub(crate) fn run(context: &Context, command: &RestoreCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let project = config.project();
    match command {
        RestoreCommand::Point { message } => {
            let point = create(project, &Options::new(message))?;
            context.append(&config, &point.entry())?;
            context.out.json(&point)?;
            let text = format!("restore point `{}`: {}", point.tag, point.verdict);
            context.out.line(&Tone::of(&point.verdict).paint(&text));
            context.out.line(&format!("  commit {}", point.commit));
            context.out.line(&format!(
                "  {} changed or new files are in it beside the last commit",
                point.uncommitted.len()
            ));
            for one in &point.left_out {
                context
                    .out
                    .line(&format!("  left out: `{}`, {}", one.path, one.why));
            }
            if !point.ignored.is_empty() {
                context.out.line(&format!(
                    "  ignored by git, and left out: {}",
                    point.ignored.join(", ")
                ));
            }
            Ok(point.verdict.exit_code())
        }
        RestoreCommand::List => {
            let found = checkout(project)?;
            context.out.json(&found.restore_points)?;
            let rows = found.restore_points.iter().map(|point| {
                vec![
                    point.tag.clone().into(),
                    point.commit.clone().into(),
                    point.tagged_at.clone().into(),
                    if point.annotated {
                        "annotated"
                    } else {
                        "a plain tag, which can be moved unseen"
                    }
                    .into(),
                ]
            });
            context
                .out
                .table(&["restore point", "commit", "made", "kind"], rows);
            Ok(exit_code::PROVEN)
        }
        RestoreCommand::Code { point, into, .. } => {
            let restored = match into {
                Some(folder) => restore_beside(project, point, folder)?,
                None => restore_in_place(project, point)?,
            };
            let entry = Entry::new("restore code", restored.verdict.clone())
                .figure("commit", restored.commit.as_str())
                .figure("folder", restored.folder.display().to_string())
                .figure("files", restored.files);
            context.append(&config, &entry)?;
            context.out.json(&restored)?;
            let text = format!(
                "{} files of {} in `{}`: {}",
                restored.files,
                restored.commit,
                restored.folder.display(),
                restored.verdict
            );
            context.out.line(&Tone::of(&restored.verdict).paint(&text));
            if let Some(before) = &restored.before {
                context
                    .out
                    .line(&format!("  what was there before is `{}`", before.tag));
            }
            Ok(restored.verdict.exit_code())
        }
    }
}
