//! Reading crontabs.

use std::path::PathBuf;

/// One line that runs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CronLine {
    /// Line number, from 1.
    pub(super) number: usize,
    /// Five fields, or `@daily` and the like.
    pub(super) schedule: String,
    /// The user, in system crontabs.
    pub(super) user: Option<String>,
    /// The command up to its first bare `%`; `\%` is a `%`.
    pub(super) command: String,
}

/// What a crontab holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Crontab {
    pub(super) lines: Vec<CronLine>,
    /// Folders of `PATH=…`, where it is set.
    pub(super) path: Option<Vec<PathBuf>>,
    /// Folder of `HOME=…`, where it is set.
    pub(super) home: Option<PathBuf>,
    /// Lines that are neither.
    pub(super) unread: Vec<usize>,
}

/// Whether lines name a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    User,
    System,
}

pub(super) fn parse(text: &str, form: Form) -> Crontab {
    let mut crontab = Crontab::default();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = setting(line) {
            let value = value.trim().trim_matches(['"', '\'']);
            match name {
                "PATH" => crontab.path = Some(value.split(':').map(PathBuf::from).collect()),
                "HOME" => crontab.home = Some(value.into()),
                _ => {}
            }
            continue;
        }
        let times = if line.starts_with('@') { 1 } else { 5 };
        let mut rest = line;
        let mut fields = Vec::new();
        for _ in 0..times + usize::from(form == Form::System) {
            let (field, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            fields.push(field);
            rest = after.trim_start();
        }
        let valid = times == 1 || fields.iter().take(5).all(|field| is_time(field));
        if rest.is_empty() || !valid {
            crontab.unread.push(number);
            continue;
        }
        crontab.lines.push(CronLine {
            number,
            schedule: fields[..times].join(" "),
            user: fields.get(times).map(|user| (*user).to_owned()),
            command: percent(rest),
        });
    }
    crontab
}

/// `NAME=value`, with spaces around the sign allowed.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then_some((name, value))
}

fn is_time(field: &str) -> bool {
    !field.is_empty()
        && field.chars().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '*' | ',' | '-' | '/' | '?' | 'L' | '#')
        })
}

/// What follows a bare `%` is the command's input.
fn percent(command: &str) -> String {
    let mut text = String::new();
    let mut letters = command.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'%') => {
                text.extend(letters.next());
            }
            '%' => break,
            letter => text.push(letter),
        }
    }
    text.trim_end().to_owned()
}
