//! Shell scripts, read line by line.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::flags::{Flag, ParserKind, Takes};
use super::source::{
    HazardKind, Reference, Source, first_comment, short_options, without_comments,
};

macro_rules! patterns {
    ($($name:ident = $text:literal;)*) => {
        $(static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a constant pattern"));)*
    };
}

patterns! {
    CASE = r#"\bcase\s+"?\$?\{?([A-Za-z0-9_@*#]+)[^"\s]*"?\s+in\b"#;
    ARM = r"^\s*\(?\s*([^()\s]+(?:\s*\|\s*[^()\s]+)*)\)\s*(.*)$";
    TEST = r#"\[\[?\s+"?\$\{?(?:[0-9@*]|[A-Za-z_]\w*)[^\]]*?"?\s+={1,2}\s+"?(--?[A-Za-z][\w-]*)"?"#;
    GETOPTS = r#"\bgetopts\s+["']?:?([A-Za-z0-9:]+)["']?"#;
    POSITIONAL = r#"\$(?:\{([1-9])(:?[-=?][^}]*)?\}|([1-9]))"#;
    VARIABLE = r"\$\{?([A-Z][A-Z0-9_]*)";
    ASSIGNED = r"(?:^|[\s;])(?:export\s+|local\s+|readonly\s+)?([A-Z][A-Z0-9_]*)=";
    CALLED = r#"((?:\$\(dirname\s+"?\$\{?(?:0|BASH_SOURCE\[0\])\}?"?\)|\$\{?(?:SCRIPT_DIR|DIR|HERE)\}?)"?/)?((?:[\w.-]+/)*[\w.-]+\.(?:py|sh|bash|R))\b"#;
    ASKS = r"(?:^|[\s;&|({])read\s+(?:-[a-zA-Z]+\s+)*(?:-p\b|-[a-zA-Z]*p\b)";
    READS_TERMINAL = r"^\s*(?:if\s+)?read\s+(?:-r\s+)?[A-Za-z_]\w*\s*(?:$|;|\|\|)";
    BACKGROUND = r"(?:^|[^&>|])&\s*(?:$|echo\b|[A-Za-z_]\w*=\$!|disown)";
    DETACHED = r"(?:^|[\s;&|(])(?:nohup|setsid|disown|daemonize)\b";
    REMOVES = r"\brm\s+-[a-zA-Z]*[rf][a-zA-Z]*\s";
    TEE = r"\|\s*tee\b";
    EXPANDED = r#"^\s*\$\{?[A-Z_]+\}?\s+\S"#;
}

pub(super) fn read(text: &str) -> Source {
    let code = joined(&without_comments(text));
    let mut source = Source {
        summary: first_comment(text),
        entry_point: true,
        ..Source::default()
    };
    options(&mut source, &code);
    let assigned: BTreeSet<&str> = ASSIGNED
        .captures_iter(&code)
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str())
        .collect();
    for found in VARIABLE.captures_iter(&code) {
        let name = &found[1];
        if !assigned.contains(name) && name.len() > 2 {
            source.variables.insert(name.to_owned());
        }
    }
    let pipefail = code.contains("pipefail");
    for (number, line) in code.lines().enumerate() {
        let number = number + 1;
        for found in CALLED.captures_iter(line) {
            let reference = if found.get(1).is_some() {
                Reference::Beside
            } else {
                Reference::Path
            };
            let whole = found.get(2).map_or(0, |m| m.start());
            // `/Users/…/x.py` and `$OUT/x.py` name files outside the checkout or made at run time; the first is followed.
            let before = line[..whole].chars().next_back();
            if found.get(1).is_none() && matches!(before, Some('}')) {
                continue;
            }
            let written = if before == Some('/') && found.get(1).is_none() {
                let start = line[..whole]
                    .rfind(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '='))
                    .map_or(0, |at| at + 1);
                line[start..whole].to_owned() + &found[2]
            } else {
                found[2].to_owned()
            };
            if !line.trim_start().starts_with("echo") {
                source.calls.push((written, number, reference));
            }
        }
        let mut add = |kind| source.hazard(kind, number, line);
        if ASKS.is_match(line) || READS_TERMINAL.is_match(line) && !line.contains('<') {
            add(HazardKind::Prompt);
        }
        if DETACHED.is_match(line) || BACKGROUND.is_match(line) {
            add(HazardKind::BackgroundChild);
        }
        if REMOVES.is_match(line) {
            add(HazardKind::Destructive);
        }
        if TEE.is_match(line) && !pipefail {
            add(HazardKind::MaskedFailure);
        }
        if line.contains("PASSWORD=$") && !line.trim_start().starts_with("export")
            || line.contains("--db-password") && line.contains('$')
        {
            add(HazardKind::SecretOnCommandLine);
        }
        if line.contains("eval ") && EXPANDED.is_match(line.trim_start_matches("eval")) {
            add(HazardKind::EvaluatesInput);
        }
    }
    source.scan(&code);
    source
}

/// Continued lines as one; empty lines are put behind them so that line numbers stay.
fn joined(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut owed = 0;
    for line in code.lines() {
        match line.strip_suffix('\\') {
            Some(start) => {
                out.push_str(start);
                owed += 1;
            }
            None => {
                out.push_str(line);
                out.push('\n');
                out.extend(std::iter::repeat_n('\n', owed));
                owed = 0;
            }
        }
    }
    out
}

fn options(source: &mut Source, code: &str) {
    /// A `case` that is open, and whether its subject is an argument.
    struct Open {
        about_arguments: bool,
    }
    let flags = &mut source.flags;
    let mut open: Vec<Open> = Vec::new();
    // Options of the arm being read: whether they take a value shows in its body.
    let mut arm: Vec<String> = Vec::new();
    let lines: Vec<&str> = code.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let line_number = number + 1;
        if let Some(found) = GETOPTS.captures(line) {
            flags.parser = ParserKind::Getopt;
            flags.options.extend(short_options(&found[1], line_number));
        }
        for found in TEST.captures_iter(line) {
            add(flags, &found[1], Takes::Nothing, line_number);
        }
        let mut rest = *line;
        if let Some(found) = CASE.captures(line) {
            let subject = &found[1];
            let about_arguments = subject.chars().all(|c| c.is_ascii_digit())
                || matches!(subject, "@" | "*")
                || [
                    "arg", "ARG", "opt", "key", "param", "cmd", "command", "COMMAND", "ACTION",
                    "action", "mode", "MODE",
                ]
                .contains(&subject);
            open.push(Open { about_arguments });
            rest = &line[found.get(0).map_or(0, |m| m.end())..];
        }
        if let Some(current) = open.last()
            && current.about_arguments
            && let Some(found) = ARM.captures(rest)
            && !rest.trim_start().starts_with('$')
        {
            arm.clear();
            for word in found[1]
                .split('|')
                .map(|word| word.trim().trim_matches('"'))
            {
                if word.starts_with('-') && word.len() > 1 && word.is_ascii() {
                    let name = word.split(['=', '*']).next().unwrap_or(word);
                    let takes = if word.contains('=') {
                        Takes::One
                    } else {
                        Takes::Nothing
                    };
                    add(flags, name, takes, line_number);
                    arm.push(name.to_owned());
                } else if word
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                    && !word.is_empty()
                {
                    choice(flags, word, line_number);
                }
            }
        }
        if !arm.is_empty()
            && (line.contains("$2") || line.contains("${2") || line.contains("shift 2"))
        {
            for flag in &mut flags.options {
                if flag.names.iter().any(|name| arm.contains(name)) {
                    flag.takes = Takes::One;
                }
            }
        }
        if line.contains(";;") {
            arm.clear();
        }
        if line
            .split_whitespace()
            .any(|word| word.trim_end_matches(';') == "esac")
        {
            open.pop();
        }
        positionals(flags, line, line_number);
    }
    if code.contains("\"$@\"") || code.contains("$*") {
        let loops = code.contains("in \"$@\"");
        if !loops {
            flags.open = Some("all arguments are passed on".to_owned());
        }
    }
    // Where options are taken from `$1` in a loop, `$1` is no positional argument.
    if !flags.options.is_empty()
        && flags.positionals.iter().all(|flag| flag.choices.is_empty())
        && code.contains("shift")
    {
        flags.positionals.clear();
    }
}

fn add(flags: &mut super::flags::Flags, name: &str, takes: Takes, line: usize) {
    if flags.parser == ParserKind::None {
        flags.parser = ParserKind::Words;
    }
    if flags.option(name).is_none() {
        flags
            .options
            .push(Flag::new(vec![name.to_owned()], takes, line));
    }
}

/// A word that is looked for in the first argument.
fn choice(flags: &mut super::flags::Flags, word: &str, line: usize) {
    if flags.parser == ParserKind::None {
        flags.parser = ParserKind::Words;
    }
    if flags.positionals.is_empty() {
        flags
            .positionals
            .push(Flag::new(vec!["$1".to_owned()], Takes::One, line));
    }
    if let Some(first) = flags.positionals.first_mut()
        && !first.choices.iter().any(|choice| choice == word)
    {
        first.choices.push(word.to_owned());
    }
}

fn positionals(flags: &mut super::flags::Flags, line: &str, number: usize) {
    for found in POSITIONAL.captures_iter(line) {
        let digit = found.get(1).or(found.get(3)).map_or("", |m| m.as_str());
        let Ok(position) = digit.parse::<usize>() else {
            continue;
        };
        // awk's fields are in single quotes: no argument of the script.
        let start = found.get(0).map_or(0, |m| m.start());
        if line[..start].matches('\'').count() % 2 == 1 {
            continue;
        }
        if flags.parser == ParserKind::None {
            flags.parser = ParserKind::Words;
        }
        while flags.positionals.len() < position {
            let name = format!("${}", flags.positionals.len() + 1);
            flags
                .positionals
                .push(Flag::new(vec![name], Takes::One, number));
        }
        let default = found
            .get(2)
            .map(|m| m.as_str().trim_start_matches([':', '-', '=']).to_owned());
        if let Some(flag) = flags.positionals.get_mut(position - 1)
            && flag.default.is_none()
        {
            flag.default = default;
        }
    }
}
