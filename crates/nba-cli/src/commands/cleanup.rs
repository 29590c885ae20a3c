//! `nba phase cleanup` and `nba phase shim`.

use super::Code;
use crate::cli::phase::{CleanupArgs, ShimArgs};
use crate::context::Context;
use crate::render::Tone;
use chrono::Utc;
use nba_config::Config;
use nba_etl::registry::Registry;
use nba_etl::runner::Environment;
use nba_migration::cleanup::{CleanupPlan, Moved, apply, plan, undo};
use nba_migration::shadow::CAPABILITIES;
use nba_migration::shim;
use nba_utils::exit_code;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) fn cleanup(context: &Context, args: &CleanupArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let project = config.project();
    if args.undo {
        let back = undo(&ledger, project)?;
        context.append(&config, &back.entry("cleanup undone"))?;
        context.out.json(&back)?;
        return Ok(told(context, "back", &back));
    }
    let found = plan(&ledger, project, &scripts(&config)?, Utc::now())?;
    if !args.yes {
        context.out.json(&found)?;
        show(context, &found);
        return Ok(found.ready.exit_code());
    }
    let moved = apply(&ledger, project, &found)?;
    context.append(&config, &moved.entry("cleanup"))?;
    context.out.json(&moved)?;
    context
        .out
        .note("`nba phase cleanup --undo` puts everything back");
    Ok(told(context, "moved", &moved))
}

/// The script of each capability: of nba.toml, or the one its port replaces.
fn scripts(config: &Config) -> anyhow::Result<BTreeMap<String, String>> {
    let registry = Registry::discover(config.project())?;
    let entry_points = config.entry_points()?;
    let mut scripts: BTreeMap<String, String> = CAPABILITIES
        .iter()
        .map(|known| (known.name.to_owned(), known.script.to_owned()))
        .collect();
    for name in entry_points.keys() {
        // One that leads nowhere replaces nothing; `nba etl inspect` says so.
        if let Ok(info) = registry.resolve(name, &entry_points) {
            scripts.insert(name.clone(), info.path.clone());
        }
    }
    Ok(scripts)
}

fn show(context: &Context, found: &CleanupPlan) {
    context.out.line(&Tone::of(&found.ready).paint(&format!(
        "clean-up: {}; {} of {} scripts may go",
        found.ready.as_str().replace('_', " "),
        found.movable().count(),
        found.items.len()
    )));
    for reason in found.ready.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    for item in &found.items {
        let what = match &item.to {
            Some(to) => format!("goes to {to}"),
            None => "stays".to_owned(),
        };
        context
            .out
            .line(&format!("  {}: {what}: {}", item.path, item.why.join("; ")));
    }
}

fn told(context: &Context, word: &str, moved: &Moved) -> Code {
    for (from, to) in &moved.moved {
        context.out.line(&format!("{word} {from} to {to}"));
    }
    for (path, why) in &moved.kept {
        context.out.line(&format!("kept {path}: {why}"));
    }
    if moved.kept.is_empty() {
        exit_code::PROVEN
    } else {
        exit_code::COULD_NOT_TELL
    }
}

pub(super) fn shim(context: &Context, args: &ShimArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let own = context.inputs()?.environment;
    let mut environment = Environment::allowed(&own);
    for secret in config.secrets() {
        use nba_config::ExposeSecret as _;
        environment.hide(secret.expose_secret());
    }
    let (made, digest) = shim::write(
        config.project(),
        &args.old,
        &args.to,
        environment,
        &args.python,
    )?;
    context.append(&config, &made.entry(digest))?;
    context.out.json(&json!(made))?;
    context.out.line(&Tone::of(&made.verdict).paint(&format!(
        "{}: `{}` and `{}` are one module, {} public names",
        made.verdict.as_str().replace('_', " "),
        made.old_module,
        made.new_module,
        made.names
    )));
    for reason in made.verdict.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    context.out.note(&format!(
        "written: {}; the old file is as it was",
        made.file.display()
    ));
    Ok(made.verdict.exit_code())
}
