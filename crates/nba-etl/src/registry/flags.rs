//! The options a script declares, and whether arguments fit them.
//!
//! The check is stricter than the scripts: argparse takes `--season` for `--seasons` in silence, and one script ran its
//! place-holder that way and ended with status 0 (ETL dossier 5.2). Only full names pass here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use nba_utils::redact::names_a_secret;
use regex::Regex;
use serde::Serialize;

use super::near;

/// How a script reads its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParserKind {
    /// Python's argparse.
    Argparse,
    /// Python's optparse.
    Optparse,
    /// Python's or the shell's getopt.
    Getopt,
    /// Python's click.
    Click,
    /// Words are looked for in the arguments: `"--test" in sys.argv`, a shell's `case "$1"`, R's `commandArgs`.
    Words,
    /// It reads none.
    #[default]
    None,
}

/// How many values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Takes {
    /// None: it is a switch.
    Nothing,
    /// Exactly one.
    One,
    /// One, which may be left out.
    Optional,
    /// Any number up to the next option.
    Many,
    /// The source does not say.
    Unknown,
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Any text of one line.
    Text,
    /// A season or a range of seasons: the script evaluates what it is given as code (ETL dossier 1.4), so that nothing
    /// else may reach it.
    Seasons,
}

/// One option or one positional argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flag {
    /// Its names, `--year` or `-y`; a positional argument has one without dashes.
    pub names: Vec<String>,
    /// How many values it takes.
    pub takes: Takes,
    /// What they have to be.
    pub kind: ValueKind,
    /// The only values it takes, where it names them.
    pub choices: Vec<String>,
    /// Whether the script ends without it.
    pub required: bool,
    /// Its value when it is not given, as the source has it.
    pub default: Option<String>,
    /// Whether it may be given more than once.
    pub repeats: bool,
    /// Line of its declaration.
    pub line: usize,
}

impl Flag {
    pub(super) fn new(names: Vec<String>, takes: Takes, line: usize) -> Flag {
        Flag {
            names,
            takes,
            kind: ValueKind::Text,
            choices: Vec::new(),
            required: false,
            default: None,
            repeats: false,
            line,
        }
    }

    /// The longest of its names: the one to write.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names
            .iter()
            .max_by_key(|name| name.len())
            .map_or("", String::as_str)
    }

    fn check(&self, value: &str) -> Result<(), String> {
        static INTEGER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[+-]?[0-9]{1,18}$"));
        static NUMBER: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"));
        static SEASONS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9]{4}(:[0-9]{4})?$"));
        if value.chars().any(char::is_control) {
            return Err("holds a control character".to_owned());
        }
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == value) {
            return Err(format!("is none of {}", self.choices.join(", ")));
        }
        match self.kind {
            ValueKind::Integer if !INTEGER.is_match(value) => {
                Err("is not a whole number".to_owned())
            }
            ValueKind::Number if !NUMBER.is_match(value) => Err("is not a number".to_owned()),
            ValueKind::Seasons if !SEASONS.is_match(value) => Err(
                "is neither a season (`2024`) nor a range (`2002:2024`), and the script runs it as code"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// What a script accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flags {
    /// How it reads its arguments.
    pub parser: ParserKind,
    /// Options.
    pub options: Vec<Flag>,
    /// Positional arguments in order.
    pub positionals: Vec<Flag>,
    /// Names of sub-commands; the first positional word has to be one of them.
    pub subcommands: Vec<String>,
    /// Why the list may be incomplete: names that are made at run time, unknown ones that are ignored.
    pub open: Option<String>,
}

/// One thing that is wrong with a list of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgumentProblem {
    /// The argument; secrets are not among them.
    pub argument: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for ArgumentProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` {}", self.argument, self.message)
    }
}

impl Flags {
    /// The option of that full name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&Flag> {
        self.options
            .iter()
            .find(|flag| flag.names.iter().any(|own| own == name))
    }

    /// Everything that is wrong with these arguments; empty when the script will understand them as they are meant.
    #[must_use]
    pub fn check(&self, arguments: &[String]) -> Vec<ArgumentProblem> {
        let mut check = Check {
            flags: self,
            problems: Vec::new(),
            given: BTreeSet::new(),
        };
        check.run(arguments);
        check.problems
    }

    fn unknown(&self, name: &str) -> String {
        let prefix: Vec<&str> = self
            .options
            .iter()
            .flat_map(|flag| &flag.names)
            .filter(|own| own.starts_with(name) && name.len() > 2)
            .map(String::as_str)
            .collect();
        if let [one] = &prefix[..] {
            return format!(
                "is not an option of the script, which would silently take it for `{one}`; write `{one}` if that is meant"
            );
        }
        let names = self.options.iter().flat_map(|flag| &flag.names);
        let near = near::nearest(name, names.map(String::as_str), 3);
        if self.options.is_empty() {
            "is not an option of the script: it has none".to_owned()
        } else if near.is_empty() {
            let all: Vec<&str> = self.options.iter().map(Flag::name).collect();
            format!("is not an option of the script; it has {}", all.join(", "))
        } else {
            format!("is not an option of the script; near: {}", near.join(", "))
        }
    }
}

struct Check<'f> {
    flags: &'f Flags,
    problems: Vec<ArgumentProblem>,
    given: BTreeSet<&'f str>,
}

impl<'f> Check<'f> {
    fn problem(&mut self, argument: &str, message: impl Into<String>) {
        self.problems.push(ArgumentProblem {
            argument: argument.to_owned(),
            message: message.into(),
        });
    }

    fn run(&mut self, arguments: &[String]) {
        let mut rest: &[String] = arguments;
        let mut positionals: Vec<&String> = Vec::new();
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            if word == "--" && self.flags.parser != ParserKind::Words {
                positionals.extend(rest);
                break;
            }
            if !is_option(word) {
                positionals.push(word);
                continue;
            }
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            let flags = self.flags;
            let Some(flag) = flags.option(name) else {
                let help = matches!(name, "-h" | "--help")
                    && !matches!(flags.parser, ParserKind::None | ParserKind::Words);
                if help {
                    continue;
                }
                if flags.open.is_none() {
                    self.problem(name, flags.unknown(name));
                }
                // What follows is likely its value: whether, cannot be known, and it is no second problem.
                if rest.first().is_some_and(|next| !is_option(next)) {
                    rest = &rest[1..];
                }
                continue;
            };
            if names_a_secret(name.trim_start_matches('-'))
                && (attached.is_some() || flag.takes != Takes::Nothing)
            {
                self.problem(
                    name,
                    "takes a secret, which every user of the machine could read there; pass it in a variable",
                );
                rest = rest
                    .get(usize::from(attached.is_none())..)
                    .unwrap_or_default();
                continue;
            }
            if !self.given.insert(flag.name()) && !flag.repeats {
                self.problem(name, "is given twice, and only the last one would count");
            }
            rest = self.values(flag, name, attached, rest);
        }
        self.words(&positionals);
        for flag in &self.flags.options {
            if flag.required && !self.given.contains(flag.name()) {
                self.problem(flag.name(), "is required");
            }
        }
    }

    /// Checks the values of one option and gives what follows them.
    fn values<'a>(
        &mut self,
        flag: &'f Flag,
        name: &str,
        attached: Option<&str>,
        rest: &'a [String],
    ) -> &'a [String] {
        let one = |this: &mut Self, value: &str| {
            if let Err(message) = flag.check(value) {
                this.problem(value, format!("for {name} {message}"));
            }
        };
        if let Some(value) = attached {
            match flag.takes {
                Takes::Nothing => self.problem(name, "takes no value"),
                _ => one(self, value),
            }
            return rest;
        }
        match flag.takes {
            Takes::Nothing => rest,
            Takes::One => match rest.split_first() {
                Some((value, after)) if !is_option(value) => {
                    one(self, value);
                    after
                }
                _ => {
                    self.problem(name, "lacks its value");
                    rest
                }
            },
            Takes::Optional | Takes::Unknown => match rest.split_first() {
                Some((value, after)) if !is_option(value) => {
                    one(self, value);
                    after
                }
                _ => rest,
            },
            Takes::Many => {
                let count = rest.iter().take_while(|word| !is_option(word)).count();
                if count == 0 {
                    self.problem(name, "lacks its values");
                }
                for value in &rest[..count] {
                    one(self, value);
                }
                &rest[count..]
            }
        }
    }

    fn words(&mut self, words: &[&String]) {
        let mut words = words;
        if !self.flags.subcommands.is_empty() {
            match words.split_first() {
                Some((word, rest)) if self.flags.subcommands.iter().any(|name| name == *word) => {
                    words = rest;
                }
                Some((word, _)) => {
                    let message = format!("is none of {}", self.flags.subcommands.join(", "));
                    self.problem(word, message);
                    return;
                }
                None => {}
            }
        }
        let declared = &self.flags.positionals;
        let many = declared.iter().any(|flag| flag.takes == Takes::Many);
        if words.len() > declared.len() && !many && self.flags.open.is_none() {
            let first = words.get(declared.len()).map_or("", |word| word.as_str());
            let message = match declared.len() {
                0 => "would be ignored: the script takes no such argument".to_owned(),
                n => format!("is one too many: the script takes {n}"),
            };
            self.problem(first, message);
        }
        for (at, word) in words.iter().enumerate() {
            let Some(flag) = declared
                .get(at)
                .or(if many { declared.last() } else { None })
            else {
                break;
            };
            if let Err(message) = flag.check(word) {
                self.problem(word, format!("for {} {message}", flag.name()));
            }
        }
        for flag in declared.iter().skip(words.len()) {
            if flag.required {
                self.problem(flag.name(), "is required");
            }
        }
    }
}

/// Whether a word is read as an option: a dash and a letter, or two dashes. A shell's `"--days 7"`, one word with a blank
/// in it, is a value.
fn is_option(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    !name.contains(char::is_whitespace)
        && (name
            .strip_prefix("--")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
            || name
                .strip_prefix('-')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())))
}
