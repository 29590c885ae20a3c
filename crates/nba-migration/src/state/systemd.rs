//! Reading systemd units.

use std::path::PathBuf;

/// What a service or timer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// `Exec…=` lines, prefix characters taken off.
    pub(super) commands: Vec<String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) user: Option<String>,
    /// `OnCalendar=` and other `On…=` lines of a timer.
    pub(super) times: Vec<String>,
    /// The service a timer starts, where it names one.
    pub(super) starts: Option<String>,
}

pub(super) fn parse(text: &str) -> Unit {
    let mut unit = Unit::default();
    let mut whole = String::new();
    for line in text.lines() {
        // A line that ends in a backslash goes on.
        whole.push_str(line.trim());
        if whole.ends_with('\\') {
            whole.pop();
            whole.push(' ');
            continue;
        }
        let line = std::mem::take(&mut whole);
        if line.starts_with(['#', ';', '[']) {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        match name {
            "ExecStart" | "ExecStartPre" | "ExecStartPost" => {
                let command = value.trim_start_matches(['-', '@', '+', '!', ':']);
                // An empty value takes back what was said before.
                if command.is_empty() {
                    unit.commands.clear();
                } else {
                    unit.commands.push(command.to_owned());
                }
            }
            "WorkingDirectory" => unit.folder = Some(value.trim_start_matches('-').into()),
            "User" => unit.user = Some(value.to_owned()),
            "Unit" => unit.starts = Some(value.to_owned()),
            "OnCalendar" | "OnBootSec" | "OnUnitActiveSec" | "OnStartupSec" | "OnActiveSec"
            | "OnUnitInactiveSec" => unit.times.push(format!("{name}={value}")),
            _ => {}
        }
    }
    unit
}
