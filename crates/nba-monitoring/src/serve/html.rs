//! The frame of every page, and writing text into HTML safely.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::watch::{Level, Standing};

/// Text that is shown as it is, whatever is in it.
pub(super) struct Text<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaped<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaped<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                let mut rest = text;
                while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
                    self.0.write_str(&rest[..at])?;
                    self.0.write_str(match rest.as_bytes()[at] {
                        b'&' => "&amp;",
                        b'<' => "&lt;",
                        b'>' => "&gt;",
                        b'"' => "&quot;",
                        _ => "&#39;",
                    })?;
                    rest = &rest[at + 1..];
                }
                self.0.write_str(rest)
            }
        }
        fmt::Write::write_fmt(&mut Escaped(f), format_args!("{}", self.0))
    }
}

/// The pages of the menu: address and name.
const MENU: [(&str, &str); 4] = [
    ("/", "Overview"),
    ("/tables", "Tables"),
    ("/events", "Events"),
    ("/evidence", "Evidence"),
];

/// A whole page around its main part.
pub(super) fn page(title: &str, here: &str, main: &str) -> String {
    let menu: String = MENU
        .iter()
        .map(|(address, name)| {
            let current = if *address == here {
                " aria-current=\"page\""
            } else {
                ""
            };
            format!("<li><a href=\"{address}\"{current}>{name}</a></li>")
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · nba</title><link rel=\"icon\" href=\"/icon.svg\"><link rel=\"stylesheet\" href=\"/style.css\"><script src=\"/live.js\" defer></script></head>\
         <body><a class=\"skip\" href=\"#main\">Skip to content</a><header class=\"top\"><div class=\"bar\"><strong>nba</strong>\
         <nav aria-label=\"Pages\"><ul>{menu}</ul></nav><span class=\"live\" id=\"live\" role=\"status\"></span></div></header>\
         <main id=\"main\" tabindex=\"-1\">{main}</main>\
         <footer>Read-only. Times are UTC. Also as <a href=\"/api/state\">JSON</a>, <a href=\"/api/openapi.json\">OpenAPI</a> and <a href=\"/metrics\">Prometheus metrics</a>.</footer></body></html>\n",
        title = Text(title),
    )
}

/// A word with a mark, so that nothing depends on colour.
pub(super) fn pill(class: &str, mark: &str, word: &str) -> String {
    format!("<span class=\"pill {class}\"><span aria-hidden=\"true\">{mark}</span>{word}</span>")
}

pub(super) fn level_pill(level: Level) -> String {
    let (mark, word) = match level {
        Level::Good => ("✓", "good"),
        Level::NotApplicable => ("–", "not applicable"),
        Level::Unsettled => ("…", "unsettled"),
        Level::Warning => ("!", "warning"),
        Level::Unknown => ("?", "cannot tell"),
        Level::Critical => ("✕", "critical"),
    };
    pill(level.as_str(), mark, word)
}

pub(super) fn standing_pill(standing: Standing) -> String {
    let (mark, word) = match standing {
        Standing::Healthy => ("✓", "healthy"),
        Standing::Suspect => ("…", "suspect"),
        Standing::Warning => ("!", "warning"),
        Standing::Unknown => ("?", "cannot tell"),
        Standing::Critical => ("✕", "critical"),
    };
    pill(standing.as_str(), mark, word)
}

/// A moment, exact for machines and mouse, short for people.
pub(super) fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!(
        "<time datetime=\"{}\" title=\"{}\">{}</time>",
        at.format("%Y-%m-%dT%H:%M:%SZ"),
        at.format("%Y-%m-%d %H:%M:%S UTC"),
        ago(at, now)
    )
}

/// Since when, and how long that is.
pub(super) fn since(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!(
        "since {} ({})",
        at.format("%Y-%m-%d %H:%M"),
        moment(at, now)
    )
}

/// How long ago, in the unit that matters.
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - at;
    if passed < TimeDelta::seconds(5) {
        "just now".to_owned()
    } else if passed < TimeDelta::minutes(2) {
        format!("{} s ago", passed.num_seconds())
    } else if passed < TimeDelta::hours(2) {
        format!("{} min ago", passed.num_minutes())
    } else if passed < TimeDelta::days(2) {
        format!("{} h ago", passed.num_hours())
    } else {
        format!("{} days ago", passed.num_days())
    }
}

/// A value for people, going by what the catalogue calls it.
pub(super) fn figure(value: f64, unit: &str) -> String {
    if unit.starts_with("bytes") {
        return crate::checks::size(value);
    }
    if value.abs() >= 1_000.0 {
        return crate::checks::whole(value);
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// An id as part of an address.
pub(super) fn segment(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
