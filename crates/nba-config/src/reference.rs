//! The reference page, generated from the tables in [`names`](crate::names).

use std::fmt::Write as _;

use crate::names::{self, Field, Selection};

/// Every key, variable and family as Markdown.
#[must_use]
pub fn reference_markdown() -> String {
    let mut out = String::new();
    // writing to a String cannot fail
    let _ = write(&mut out);
    out
}

fn write(out: &mut String) -> std::fmt::Result {
    writeln!(out, "## Keys\n")?;
    writeln!(
        out,
        "Each key is set in `nba.toml`, by the variable `NBA_SECTION__KEY`, or by `--set section.key=value`.\n"
    )?;
    writeln!(
        out,
        "| key | holds | default | variables | meaning |\n|---|---|---|---|---|"
    )?;
    for key in names::KEYS {
        let default = match key.default {
            None => "–".into(),
            Some("") => "empty".into(),
            Some(text) => format!("`{text}`"),
        };
        let own = format!(
            "{}{}",
            names::OWN_PREFIX,
            key.key.to_ascii_uppercase().replace('.', "__")
        );
        let mut variables = vec![format!("`{}`", own.replace('*', "NAME"))];
        variables.extend(key.variables.iter().map(|name| format!("`{name}`")));
        writeln!(
            out,
            "| `{}` | {} | {default} | {} | {} |",
            key.key.replace('*', "NAME"),
            key.kind.as_str(),
            variables.join(" "),
            key.help
        )?;
    }
    writeln!(out, "\n## Variable families\n")?;
    writeln!(
        out,
        "Highest precedence first. A name in brackets is accepted and reported.\n"
    )?;
    writeln!(
        out,
        "| family | what | chosen | variables |\n|---|---|---|---|"
    )?;
    for family in names::FAMILIES {
        let chosen = match family.selection {
            Selection::Automatic => "by itself",
            Selection::Production => "by itself, unless development or test names are set",
            Selection::ByNameOnly => "only when named",
        };
        let variables: Vec<_> = family
            .variables
            .iter()
            .map(|(_, names)| spelled(names))
            .collect();
        writeln!(
            out,
            "| `{}` | {} | {chosen} | {} |",
            family.id,
            family.title.replace('*', "\\*"),
            variables.join(" ")
        )?;
    }
    let fields: Vec<_> = Field::ALL
        .iter()
        .map(|field| format!("`{}`", field.as_str()))
        .collect();
    writeln!(out, "\nFields of a target: {}.", fields.join(", "))
}

fn spelled(names: &[&str]) -> String {
    let mut out = String::new();
    for (place, name) in names.iter().enumerate() {
        let text = if place == 0 {
            format!("`{name}`")
        } else {
            format!(" (`{name}`)")
        };
        out.push_str(&text);
    }
    out
}
