//! `nba lake`.

use super::Code;
use crate::cli::LakeCommand;
use crate::context::Context;
use crate::render::cells;
use nba_etl::lake::{Inventory, Lake};
use nba_migration::ledger::Entry;
use nba_utils::Verdict;
use nba_utils::exit_code;
use nba_utils::format::{bytes, thousands};

pub(crate) async fn run(context: &Context, command: &LakeCommand) -> anyhow::Result<Code> {
    let LakeCommand::Inventory { path, prefix } = command;
    let lake = match path {
        Some(path) => Lake::local(path),
        None => Lake::s3(&context.config()?.s3()?).await,
    };
    let what = if prefix.is_empty() {
        Inventory::default()
    } else {
        Inventory::of(prefix)
    };
    let totals = lake.totals(&what).await?;
    context.out.json(&totals)?;
    let rows = totals.by_prefix.iter().map(|(prefix, total)| {
        let name = if prefix.is_empty() {
            "(top level)"
        } else {
            prefix
        };
        vec![
            name.into(),
            cells::right(thousands(total.objects)),
            cells::right(bytes(total.bytes)),
        ]
    });
    context.out.table(&["prefix", "objects", "size"], rows);
    context.out.line(&format!(
        "{}: {} objects, {}",
        lake.describe(),
        thousands(totals.all.objects),
        bytes(totals.all.bytes)
    ));
    // Evidence of the project the command runs in; a folder without a state has none to keep.
    let config = context.config()?;
    if config.state_directory()?.is_dir() {
        let entry = Entry::new("lake inventory", Verdict::Proven)
            .figure("lake", lake.describe())
            .figure("prefix", prefix.as_str())
            .figure("objects", totals.all.objects)
            .figure("bytes", totals.all.bytes);
        context.append(&config, &entry)?;
    }
    Ok(exit_code::PROVEN)
}
