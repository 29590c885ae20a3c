//! One script's source: options, variables, tables, prefixes, calls, dangers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use nba_config::names;
use regex::Regex;
use serde::Serialize;

use super::flags::{Flag, Flags, ParserKind, Takes, ValueKind};
use super::python::{Argument, Call, Kind, Python};
use super::shell;

/// Language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// Python 3.
    Python,
    /// A POSIX shell or bash.
    Shell,
    /// R.
    R,
}

impl Language {
    /// The program that runs it when neither the script nor the caller names one.
    #[must_use]
    pub fn interpreter(self) -> &'static str {
        match self {
            Language::Python => "python3",
            Language::Shell => "bash",
            Language::R => "Rscript",
        }
    }

    /// By the file's ending, or else by its first line.
    pub(super) fn of(name: &str, first_line: &str) -> Option<Language> {
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("py") => return Some(Language::Python),
            Some("sh" | "bash") => return Some(Language::Shell),
            Some("R" | "r") => return Some(Language::R),
            // Another ending says what it is.
            Some(_) if !name.starts_with('.') => return None,
            _ => {}
        }
        let interpreter = first_line.strip_prefix("#!")?;
        if interpreter.contains("python") {
            Some(Language::Python)
        } else if interpreter.contains("Rscript") {
            Some(Language::R)
        } else if interpreter.contains("sh") {
            Some(Language::Shell)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Language::Python => "python",
            Language::Shell => "shell",
            Language::R => "R",
        })
    }
}

/// What a script does to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TableEffect {
    /// INSERT, UPDATE, COPY … FROM.
    Writes,
    /// CREATE, ALTER.
    Shapes,
    /// DELETE, TRUNCATE, DROP.
    Destroys,
}

/// A table a script names in a writing statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TableUse {
    /// As written; `{…}` where it is made at run time.
    pub table: String,
    /// What happens to it.
    pub effect: TableEffect,
    /// Where.
    pub line: usize,
}

/// What makes a script dangerous to run unattended (ETL dossier 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HazardKind {
    /// A home folder of somebody is written into the source.
    HardCodedHome,
    /// It asks a question; without a terminal it ends or hangs.
    Prompt,
    /// It leaves a process running behind it.
    BackgroundChild,
    /// It evaluates what it is given as code.
    EvaluatesInput,
    /// It removes or replaces something before it has anything better.
    Destructive,
    /// A pipe hides the exit status of what matters.
    MaskedFailure,
    /// A secret is put on a command line or into a string that is expanded as a command.
    SecretOnCommandLine,
    /// A server is named in the source: with the variable missing, it is used.
    DefaultServer,
    /// It installs software.
    Installs,
    /// It opens a file in a folder it does not make.
    NeedsFolder,
    /// It changes the repository it lies in.
    ChangesRepository,
    /// It reads a file of credentials itself: what the caller sets does not bind it.
    ReadsCredentials,
    /// It writes to a fixed name that concurrent runs share.
    SharedTemporary,
}

impl HazardKind {
    /// In a few words, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            HazardKind::HardCodedHome => "hard-coded home",
            HazardKind::Prompt => "asks a question",
            HazardKind::BackgroundChild => "leaves a child in the background",
            HazardKind::EvaluatesInput => "evaluates its input",
            HazardKind::Destructive => "destroys before it writes",
            HazardKind::MaskedFailure => "a pipe hides failures",
            HazardKind::SecretOnCommandLine => "secret on a command line",
            HazardKind::DefaultServer => "server named in the source",
            HazardKind::Installs => "installs software",
            HazardKind::NeedsFolder => "needs a folder it does not make",
            HazardKind::ChangesRepository => "changes the repository",
            HazardKind::ReadsCredentials => "reads a credentials file itself",
            HazardKind::SharedTemporary => "fixed temporary name",
        }
    }
}

/// One danger, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hazard {
    /// What it is.
    pub kind: HazardKind,
    /// Where.
    pub line: usize,
    /// The line, shortened.
    pub text: String,
}

/// A script or module another one calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScriptCall {
    /// As written.
    pub written: String,
    /// Where.
    pub line: usize,
    /// The file in the checkout; `None` when there is none.
    pub file: Option<String>,
    /// Files that may have been meant, where there is none.
    pub near: Vec<String>,
}

/// What a source says, before calls are looked up in the checkout.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) summary: Option<String>,
    pub(super) entry_point: bool,
    pub(super) flags: Flags,
    pub(super) variables: BTreeSet<String>,
    pub(super) tables: BTreeSet<TableUse>,
    pub(super) prefixes: BTreeSet<String>,
    pub(super) writes_objects: bool,
    pub(super) calls: Vec<(String, usize, Reference)>,
    pub(super) hazards: BTreeSet<Hazard>,
}

/// How another script is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// From the folder of the calling script.
    Beside,
    /// From the working folder.
    Path,
    /// A Python module.
    Module,
}

/// Prefixes of the lake, old names included (ETL dossier 4.1). The short old ones count only with a slash behind them.
const PREFIXES: [&str; 24] = [
    "espn_play_by_play",
    "espn_box_scores",
    "espn_team_stats",
    "espn_schedules",
    "hoopr_parquet",
    "hoopr_phase1",
    "hoopr_152",
    "hoopr_incremental",
    "hoopr_schedules",
    "hoopr_team_stats",
    "hoopr",
    "basketball_reference",
    "nba_api_comprehensive",
    "nba_api_playbyplay",
    "nba_api_incremental",
    "box_score_snapshots",
    "kaggle",
    "inventory-reports",
    "backups",
    "ml-features",
    "box_scores",
    "team_stats",
    "schedule",
    "pbp",
];

/// Prefixes that are ordinary words: only `prefix/` means the lake.
const AMBIGUOUS: [&str; 7] = [
    "hoopr",
    "kaggle",
    "backups",
    "box_scores",
    "team_stats",
    "schedule",
    "pbp",
];

/// Words that follow an SQL verb in English.
const ENGLISH: [&str; 12] = [
    "the", "a", "an", "all", "to", "from", "if", "it", "this", "and", "rows", "table",
];

/// Longest line kept of a danger, in characters.
const LINE_KEPT: usize = 120;

macro_rules! patterns {
    ($($name:ident = $text:literal;)*) => {
        $(static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a constant pattern"));)*
    };
}

patterns! {
    SQL_WRITE = r"(?i)\b(insert\s+into|update|copy)\s+(\{?[a-z_][a-z0-9_.]*\}?)([^\n]{0,200})";
    SQL_DESTROY = r"(?i)\b(delete\s+from|truncate(?:\s+table)?|drop\s+table(?:\s+if\s+exists)?)\s+(\{?[a-z_][a-z0-9_.]*\}?)";
    SQL_SHAPE = r"(?i)\b(create\s+(?:or\s+replace\s+)?(?:table|view|materialized\s+view)(?:\s+if\s+not\s+exists)?|alter\s+table)\s+(\{?[a-z_][a-z0-9_.]*\}?)";
    PREFIX = r#"([A-Za-z0-9_.$}-]?)\b([a-z][a-z0-9_-]+)(/|["'])"#;
    UPLOADS = r"put_object|upload_file|upload_fileobj|\.put\(|aws\s+s3\s+(?:cp|sync|mv)|s3api\s+put-object|put_s3";
    SCRIPT_PATH = r#"^(?:\./)?(?:[\w.-]+/)*[\w.-]+\.(?:py|sh|bash|R)$"#;
    HOME = r"/(?:Users|home)/[A-Za-z0-9_][A-Za-z0-9_.-]*";
    RDS_HOST = r"[a-z0-9.-]+\.rds\.amazonaws\.com|[a-z0-9.-]*production[a-z0-9-]*\.[a-z0-9.-]+";
    R_ASK = r"\b(?:readline|readLines\s*\(\s*(?:file\()?.?stdin)";
    R_EVAL = r"\beval\s*\(\s*parse\s*\(";
    R_ENVIRONMENT = r#"Sys\.getenv\(\s*["']([A-Za-z_][A-Za-z0-9_]*)"#;
    R_FLAG = r#"["'](?:\^)?(--[a-z][a-z0-9-]*)(=)?"#;
    R_SOURCE = r#"source\(\s*["']([^"']+\.R)["']"#;
    TEMPORARY = r#"["' =](/tmp/[A-Za-z0-9_][A-Za-z0-9_./-]*)"#;
    CREDENTIALS = r"credentials\.env|\bload_dotenv\s*\(";
    INSTALL = r"\b(?:pip3?\s+install|conda\s+install|brew\s+install|apt(?:-get)?\s+install|install\.packages\s*\()";
    GIT_CHANGE = r#"\bgit["',\s]+(?:add|commit|push|reset|checkout|tag)\b"#;
}

impl Source {
    pub(super) fn read(language: Language, text: &str) -> Source {
        match language {
            Language::Python => python(text),
            Language::Shell => shell::read(text),
            Language::R => r(text),
        }
    }

    /// What any language may hold. `code` has no comments and no docstrings.
    pub(super) fn scan(&mut self, code: &str) {
        let line_of = |at: usize| {
            code.as_bytes()[..at]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1
        };
        for (pattern, effect) in [
            (&SQL_WRITE, TableEffect::Writes),
            (&SQL_DESTROY, TableEffect::Destroys),
            (&SQL_SHAPE, TableEffect::Shapes),
        ] {
            for found in pattern.captures_iter(code) {
                let (Some(verb), Some(table)) = (found.get(1), found.get(2)) else {
                    continue;
                };
                let rest = found
                    .get(3)
                    .map_or("", |rest| rest.as_str())
                    .to_ascii_lowercase();
                let sentence = match verb.as_str().to_ascii_lowercase().as_str() {
                    "update" => !rest.trim_start().starts_with("set"),
                    "copy" => !rest.contains("from"),
                    _ => false,
                };
                let name = table.as_str().trim_end_matches('.');
                if sentence || ENGLISH.contains(&name.to_ascii_lowercase().as_str()) {
                    continue;
                }
                self.table(name, effect, line_of(table.start()));
            }
        }
        for found in PREFIX.captures_iter(code) {
            let (Some(before), Some(name), Some(after)) =
                (found.get(1), found.get(2), found.get(3))
            else {
                continue;
            };
            let known = PREFIXES.contains(&name.as_str());
            let quoted = code[..name.start()].ends_with(['"', '\'', '/', ' ']);
            let clear = after.as_str() == "/" || !AMBIGUOUS.contains(&name.as_str());
            // `data/pbp/`, `my.schedule/`: a part of something else.
            if known && clear && before.as_str().is_empty() && quoted {
                self.prefixes.insert(format!("{}/", name.as_str()));
            }
        }
        self.writes_objects |= UPLOADS.is_match(code);
        for (number, line) in code.lines().enumerate() {
            let mut add = |kind| self.hazard(kind, number + 1, line);
            if HOME.is_match(line) {
                add(HazardKind::HardCodedHome);
            }
            if RDS_HOST.is_match(line) {
                add(HazardKind::DefaultServer);
            }
            if CREDENTIALS.is_match(line) {
                add(HazardKind::ReadsCredentials);
            }
            if INSTALL.is_match(line) {
                add(HazardKind::Installs);
            }
            if GIT_CHANGE.is_match(line) {
                add(HazardKind::ChangesRepository);
            }
            if TEMPORARY.is_match(line) && !line.contains("mktemp") {
                add(HazardKind::SharedTemporary);
            }
        }
        let destroyed: Vec<(usize, String)> = self
            .tables
            .iter()
            .filter(|table| table.effect == TableEffect::Destroys)
            .map(|table| (table.line, table.table.clone()))
            .collect();
        for (line, table) in destroyed {
            let text = code.lines().nth(line - 1).unwrap_or(&table);
            self.hazard(HazardKind::Destructive, line, text);
        }
    }

    pub(super) fn table(&mut self, table: &str, effect: TableEffect, line: usize) {
        self.tables.insert(TableUse {
            table: table.to_owned(),
            effect,
            line,
        });
    }

    pub(super) fn hazard(&mut self, kind: HazardKind, line: usize, text: &str) {
        let text = text.trim();
        let mut kept: String = text.chars().take(LINE_KEPT).collect();
        if kept.len() < text.len() {
            kept.push('…');
        }
        self.hazards.insert(Hazard {
            kind,
            line,
            text: kept,
        });
    }
}

/// Variables of the families a database target may come from.
static FAMILY_OF: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    names::FAMILIES
        .iter()
        .flat_map(|family| {
            family
                .variables
                .iter()
                .flat_map(|(_, names)| names.iter())
                .map(|name| (*name, family.title))
        })
        .collect()
});

/// The family a variable belongs to, `AWS` and `S3` included.
pub(super) fn family_of(variable: &str) -> Option<&'static str> {
    if let Some(title) = FAMILY_OF.get(variable) {
        return Some(title);
    }
    if variable.starts_with("NBA_SIM_DB_") {
        return Some("NBA_SIM_DB_*");
    }
    if variable.starts_with("AWS_") {
        return Some("AWS_*");
    }
    if variable.starts_with("S3_") {
        return Some("S3_*");
    }
    None
}

fn python(text: &str) -> Source {
    let python = Python::read(text);
    let mut source = Source {
        summary: python.summary.clone(),
        entry_point: python.code.contains("__name__") && python.code.contains("__main__"),
        ..Source::default()
    };
    let calls = python.calls();
    let uses_processes = python.code.contains("subprocess")
        || python.code.contains("os.system")
        || python.code.contains("Popen");
    options(&mut source.flags, &python, &calls);
    for call in &calls {
        python_call(&mut source, call, text);
    }
    for (line, value) in python.texts() {
        if FAMILY_OF.contains_key(value) {
            source.variables.insert(value.to_owned());
        }
        if uses_processes && SCRIPT_PATH.is_match(value) {
            source.calls.push((value.to_owned(), line, Reference::Path));
        }
        if let Some(name) = value.strip_prefix("logs/")
            && !name.is_empty()
            && !python.code.contains("makedirs")
            && !python.code.contains("mkdir")
        {
            source.hazard(HazardKind::NeedsFolder, line, value);
        }
    }
    // os.environ["X"]
    for window in python.tokens.windows(3) {
        if let [a, b, c] = window
            && a.kind == Kind::Name("environ".to_owned())
            && b.kind == Kind::Sign('[')
            && let Kind::Text(name) = &c.kind
        {
            source.variables.insert(name.clone());
        }
    }
    for statement in python.statements("from").chain(python.statements("import")) {
        let line = statement.first().map_or(0, |token| token.line);
        let mut module = String::new();
        for token in &statement[1..] {
            match &token.kind {
                Kind::Name(name) if name == "import" || name == "as" => break,
                Kind::Name(name) => module.push_str(name),
                Kind::Sign('.') => module.push('.'),
                _ => break,
            }
        }
        // Relative imports resolve inside the package that was found already.
        if !module.is_empty() && !module.starts_with('.') {
            source.calls.push((module, line, Reference::Module));
        }
    }
    source.scan(&python.code);
    source
}

fn python_call(source: &mut Source, call: &Call<'_>, text: &str) {
    let last = call.name.rsplit('.').next().unwrap_or_default();
    let first_text = call.arguments.first().and_then(Argument::text);
    let line = |number: usize| {
        text.lines()
            .nth(number.saturating_sub(1))
            .unwrap_or_default()
    };
    let mut add = |kind| source.hazard(kind, call.line, line(call.line));
    match last {
        "input" if call.name == "input" => add(HazardKind::Prompt),
        "getpass" => add(HazardKind::Prompt),
        "eval" | "exec" if call.name == last => add(HazardKind::EvaluatesInput),
        "Popen" | "fork" | "daemon" => add(HazardKind::BackgroundChild),
        "rmtree" => add(HazardKind::Destructive),
        "getenv" => source.variables.extend(first_text),
        "get" if call.name.ends_with("environ.get") => source.variables.extend(first_text),
        _ => {}
    }
    let writer = last.contains("upsert") || last == "to_sql" || last == "copy_from";
    let named = call.arguments.iter().find_map(|argument| {
        let name = argument.text()?;
        let identifier = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.'));
        (identifier && !name.is_empty()).then_some(name)
    });
    if writer && let Some(table) = named {
        source.table(&table, TableEffect::Writes, call.line);
    }
}

fn options(flags: &mut Flags, python: &Python, calls: &[Call<'_>]) {
    for call in calls {
        let last = call.name.rsplit('.').next().unwrap_or_default();
        match last {
            "ArgumentParser" => flags.parser = ParserKind::Argparse,
            "OptionParser" => flags.parser = ParserKind::Optparse,
            "parse_known_args" => {
                flags.open = Some(format!("line {}: unknown options are ignored", call.line));
            }
            "getopt" | "gnu_getopt" if call.name.contains("getopt") => {
                getopt(flags, call);
            }
            "add_parser" => flags
                .subcommands
                .extend(call.arguments.first().and_then(Argument::text)),
            "add_argument" | "add_option" => declared(flags, call),
            "option" | "argument" if call.name == format!("click.{last}") => {
                flags.parser = ParserKind::Click;
                declared(flags, call);
            }
            _ => {}
        }
    }
    if flags.parser == ParserKind::None && python.code.contains("sys.argv") {
        flags.parser = ParserKind::Words;
        for (line, text) in python.texts() {
            let flag = text.strip_prefix("--").is_some_and(|rest| {
                !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            });
            if flag && flags.option(text).is_none() {
                flags
                    .options
                    .push(Flag::new(vec![text.to_owned()], Takes::Unknown, line));
            }
        }
        if flags.options.is_empty() {
            flags.open = Some("`sys.argv` is read without a parser".to_owned());
        }
    }
}

fn getopt(flags: &mut Flags, call: &Call<'_>) {
    flags.parser = ParserKind::Getopt;
    let mut texts = call.arguments.iter().skip(1);
    if let Some(short) = texts.next().and_then(Argument::text) {
        flags.options.extend(short_options(&short, call.line));
    }
    for name in texts.flat_map(Argument::texts) {
        let (name, takes) = match name.strip_suffix('=') {
            Some(name) => (name, Takes::One),
            None => (name, Takes::Nothing),
        };
        flags
            .options
            .push(Flag::new(vec![format!("--{name}")], takes, call.line));
    }
}

/// `hd:` → `-h`, `-d VALUE`.
pub(super) fn short_options(text: &str, line: usize) -> Vec<Flag> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .iter()
        .enumerate()
        .filter(|(_, letter)| letter.is_ascii_alphanumeric())
        .map(|(at, letter)| {
            let takes = if letters.get(at + 1) == Some(&':') {
                Takes::One
            } else {
                Takes::Nothing
            };
            Flag::new(vec![format!("-{letter}")], takes, line)
        })
        .collect()
}

/// One `add_argument`, `add_option` or `click.option`.
fn declared(flags: &mut Flags, call: &Call<'_>) {
    let names: Vec<String> = call
        .arguments
        .iter()
        .take_while(|argument| argument.keyword.is_none())
        .filter_map(Argument::text)
        .collect();
    let keyword = |name: &str| {
        call.arguments
            .iter()
            .find(|argument| argument.keyword == Some(name))
    };
    if names.is_empty() {
        flags.open = Some(format!(
            "line {}: the name of an option is made at run time",
            call.line
        ));
        return;
    }
    let positional = !names.iter().any(|name| name.starts_with('-'));
    let action = keyword("action").and_then(Argument::text);
    let switch = matches!(
        action.as_deref(),
        Some(
            "store_true"
                | "store_false"
                | "store_const"
                | "append_const"
                | "count"
                | "help"
                | "version"
        )
    ) || keyword("is_flag").is_some_and(|a| a.written() == "True");
    let nargs = keyword("nargs").map(Argument::written);
    let takes = match (switch, nargs.as_deref()) {
        (true, _) => Takes::Nothing,
        (_, None | Some("1")) => Takes::One,
        (_, Some("\"?\"")) => Takes::Optional,
        _ => Takes::Many,
    };
    let mut flag = Flag::new(
        if positional {
            names
        } else {
            // click adds the variable's name among them
            names.into_iter().filter(|n| n.starts_with('-')).collect()
        },
        takes,
        call.line,
    );
    flag.kind = match keyword("type").map(Argument::written).as_deref() {
        Some("int" | "\"int\"") => ValueKind::Integer,
        Some("float" | "\"float\"") => ValueKind::Number,
        _ => ValueKind::Text,
    };
    flag.choices = keyword("choices")
        .map(|argument| argument.texts().map(str::to_owned).collect())
        .unwrap_or_default();
    flag.default = keyword("default").map(Argument::written);
    flag.repeats = matches!(action.as_deref(), Some("append" | "extend" | "count"))
        || keyword("multiple").is_some();
    flag.required = if positional {
        takes != Takes::Optional && nargs.as_deref() != Some("\"*\"") && flag.default.is_none()
    } else {
        keyword("required").is_some_and(|argument| argument.written() == "True")
    };
    if positional {
        flags.positionals.push(flag);
    } else {
        flags.options.push(flag);
    }
}

fn r(text: &str) -> Source {
    let code = without_comments(text);
    let mut source = Source {
        summary: first_comment(text),
        entry_point: true,
        ..Source::default()
    };
    for found in R_ENVIRONMENT.captures_iter(&code) {
        source.variables.insert(found[1].to_owned());
    }
    let evaluates = R_EVAL.is_match(&code);
    if code.contains("commandArgs") {
        source.flags.parser = ParserKind::Words;
        for (number, line) in code.lines().enumerate() {
            for found in R_FLAG.captures_iter(line) {
                let name = found[1].to_owned();
                if source.flags.option(&name).is_some() {
                    continue;
                }
                let takes = if found.get(2).is_some() {
                    Takes::One
                } else {
                    Takes::Nothing
                };
                let mut flag = Flag::new(vec![name], takes, number + 1);
                if evaluates && takes == Takes::One {
                    flag.kind = ValueKind::Seasons;
                }
                source.flags.options.push(flag);
            }
            if line.contains("args[[1]]") || line.contains("args[1]") {
                let known = source
                    .flags
                    .positionals
                    .iter()
                    .any(|f| f.name() == "args[1]");
                if !known {
                    let flag = Flag::new(vec!["args[1]".to_owned()], Takes::One, number + 1);
                    source.flags.positionals.push(flag);
                }
            }
        }
    }
    for (number, line) in code.lines().enumerate() {
        if R_ASK.is_match(line) {
            source.hazard(HazardKind::Prompt, number + 1, line);
        }
        if R_EVAL.is_match(line) {
            source.hazard(HazardKind::EvaluatesInput, number + 1, line);
        }
        for found in R_SOURCE.captures_iter(line) {
            source
                .calls
                .push((found[1].to_owned(), number + 1, Reference::Path));
        }
    }
    source.scan(&code);
    source
}

/// The first comment line that says something.
pub(super) fn first_comment(text: &str) -> Option<String> {
    text.lines()
        .take_while(|line| line.starts_with('#') || line.trim().is_empty())
        .filter(|line| !line.starts_with("#!"))
        .map(|line| line.trim_start_matches(['#', '\'']).trim())
        .find(|line| line.chars().any(char::is_alphabetic))
        .map(str::to_owned)
}

/// The lines without what follows a `#` outside quotes.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut quote = None;
        let mut before = ' ';
        let mut end = line.len();
        for (at, c) in line.char_indices() {
            match quote {
                Some(open) if c == open && before != '\\' => quote = None,
                Some(_) => {}
                None if matches!(c, '"' | '\'') && before != '\\' => quote = Some(c),
                None if c == '#' && (before.is_whitespace() || matches!(before, ';' | '(')) => {
                    end = at;
                    break;
                }
                None => {}
            }
            before = c;
        }
        out.push_str(&line[..end]);
        out.push('\n');
    }
    out
}
