//! `nba etl list` and `nba etl inspect`.

use super::Code;
use crate::context::Context;
use crate::render::{Tone, cells};
use nba_etl::registry::{Flag, Registry, ScriptInfo, TableEffect, Takes};
use nba_utils::exit_code;
use nba_utils::format::duration;
use std::collections::BTreeSet;

pub(super) fn list(context: &Context, all: bool, missing: bool) -> anyhow::Result<Code> {
    let config = context.config()?;
    let mut registry = Registry::discover(config.project())?;
    registry.scripts.retain(|script| {
        let wanted = all || (script.entry_point && !script.path.starts_with("tests/"));
        wanted && (!missing || script.missing().next().is_some())
    });
    context.out.json(&registry)?;
    let rows = registry.scripts.iter().map(|script| {
        vec![
            script.path.clone().into(),
            script.language.to_string().into(),
            flags(script).into(),
            join(script.written_tables()).into(),
            cells::right(script.schedules.len().to_string()),
            remarks(script).into(),
        ]
    });
    context.out.table(
        &[
            "script",
            "language",
            "options",
            "writes",
            "schedules",
            "remarks",
        ],
        rows,
    );
    for schedule in registry
        .schedules
        .iter()
        .filter(|schedule| !schedule.problems.is_empty())
    {
        context.out.line(&format!(
            "{}:{}: {}",
            schedule.file,
            schedule.line,
            schedule.problems.join("; ")
        ));
    }
    for unread in &registry.unread {
        context
            .out
            .line(&format!("{} was not read: {}", unread.path, unread.reason));
    }
    context.out.line(&format!(
        "{} scripts, {} scheduled commands in `{}`",
        registry.scripts.len(),
        registry.schedules.len(),
        registry.root.display()
    ));
    // Listing claims nothing about the scripts; what could not be read makes the list incomplete.
    Ok(if registry.unread.is_empty() {
        exit_code::PROVEN
    } else {
        exit_code::COULD_NOT_TELL
    })
}

fn flags(script: &ScriptInfo) -> String {
    let options = script.flags.options.iter().map(Flag::name);
    let positionals = script.flags.positionals.iter().map(Flag::name);
    let mut all: Vec<&str> = options.chain(positionals).collect();
    if script.flags.open.is_some() {
        all.push("…");
    }
    all.join(" ")
}

fn remarks(script: &ScriptInfo) -> String {
    let missing = script
        .missing()
        .map(|call| format!("calls {}, which is missing", call.written));
    let kinds: BTreeSet<&str> = script
        .hazards
        .iter()
        .map(|hazard| hazard.kind.title())
        .collect();
    join(missing.chain(kinds.into_iter().map(str::to_owned)))
}

fn join<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<T> = parts.into_iter().collect();
    parts
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn inspect(context: &Context, name: &str) -> anyhow::Result<Code> {
    let config = context.config()?;
    let registry = Registry::discover(config.project())?;
    let script = registry.resolve(name, &config.entry_points()?)?;
    let schedules: Vec<_> = script
        .schedules
        .iter()
        .filter_map(|number| registry.schedules.get(*number))
        .collect();
    context.out.json(&serde_json::json!({
        "script": script,
        "schedules": schedules,
    }))?;
    let out = context.out;
    let item = |label: &str, text: &str| {
        if !text.is_empty() {
            out.line(&format!(
                "{} {text}",
                Tone::Strong.paint(&format!("{label:<12}"))
            ));
        }
    };
    item("script", &script.path);
    item("summary", script.summary.as_deref().unwrap_or_default());
    item(
        "run by",
        &format!("{} ({})", script.interpreter, script.language),
    );
    for flag in script.flags.options.iter().chain(&script.flags.positionals) {
        item("option", &describe(flag));
    }
    item("options", script.flags.open.as_deref().unwrap_or_default());
    item("variables", &join(&script.variables));
    item("families", &join(&script.families));
    for table in &script.tables {
        let effect = match table.effect {
            TableEffect::Writes => "writes",
            TableEffect::Shapes => "shapes",
            TableEffect::Destroys => "destroys",
            _ => "touches",
        };
        item(effect, &format!("{} (line {})", table.table, table.line));
    }
    let objects = if script.writes_objects {
        " (it writes objects)"
    } else {
        ""
    };
    if !script.prefixes.is_empty() {
        item("prefixes", &format!("{}{objects}", join(&script.prefixes)));
    }
    for call in &script.calls {
        item(
            "calls",
            &match &call.file {
                Some(file) => format!("{file} (line {})", call.line),
                None => format!(
                    "{} (line {}), which does not exist{}",
                    call.written,
                    call.line,
                    if call.near.is_empty() {
                        String::new()
                    } else {
                        format!("; near: {}", call.near.join(", "))
                    }
                ),
            },
        );
    }
    item("called by", &join(&script.called_by));
    for schedule in schedules {
        let gap = schedule
            .longest_gap
            .map(|gap| format!(", at most {} apart", duration(gap)))
            .unwrap_or_default();
        item(
            "scheduled",
            &format!(
                "{} ({}:{}{gap})",
                schedule.when, schedule.file, schedule.line
            ),
        );
    }
    for hazard in &script.hazards {
        item(
            "danger",
            &format!(
                "{} (line {}): {}",
                hazard.kind.title(),
                hazard.line,
                hazard.text
            ),
        );
    }
    Ok(exit_code::PROVEN)
}

fn describe(flag: &Flag) -> String {
    let mut text = flag.names.join(", ");
    match flag.takes {
        Takes::Nothing => {}
        Takes::Many => text.push_str(" VALUE…"),
        Takes::Optional => text.push_str(" [VALUE]"),
        _ => text.push_str(" VALUE"),
    }
    if !flag.choices.is_empty() {
        text.push_str(&format!(", one of {}", flag.choices.join(", ")));
    }
    if let Some(default) = &flag.default {
        text.push_str(&format!(", default {default}"));
    }
    if flag.required {
        text.push_str(", required");
    }
    text
}
