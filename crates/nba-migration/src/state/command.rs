//! Following a shell command line to the programs and scripts behind it, without running anything.

use std::path::{Path, PathBuf};

use nba_utils::redact::names_a_secret;
use serde::{Deserialize, Serialize};

/// One simple command of a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// Its words, as a shell would split them.
    pub words: Vec<String>,
    /// The folder it runs in.
    pub folder: PathBuf,
    /// What it leads to.
    pub resolution: Resolution,
}

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Resolution {
    /// A program, and the script it is given, where it is given one.
    Found {
        /// The program.
        program: PathBuf,
        /// The script.
        script: Option<PathBuf>,
    },
    /// Something the shell does itself.
    BuiltIn,
    /// The program is not there.
    NoProgram,
    /// The program or script may not be executed.
    NotExecutable {
        /// Which file.
        file: PathBuf,
    },
    /// The script is not there, seen from the folder the command runs in.
    NoScript {
        /// Where it was looked for.
        script: PathBuf,
    },
    /// The folder is not there.
    NoFolder,
    /// It depends on a variable or on the output of another command.
    Unclear,
}

impl Resolution {
    /// What is wrong, in words.
    pub(super) fn problem(&self, words: &[String]) -> Option<String> {
        let first = words.first().map_or("", String::as_str);
        match self {
            Self::NoProgram => Some(format!("the program `{first}` is not there")),
            Self::NotExecutable { file } => {
                Some(format!("`{}` may not be executed", file.display()))
            }
            Self::NoScript { script } => {
                Some(format!("the script `{}` is not there", script.display()))
            }
            Self::NoFolder => Some(format!(
                "the folder `{}` is not there",
                words.last().map_or("", String::as_str)
            )),
            _ => None,
        }
    }
}

/// Programs that are given a script as their first argument that is no option.
const INTERPRETERS: [&str; 12] = [
    "python", "python2", "python3", "bash", "sh", "zsh", "dash", "Rscript", "node", "perl", "ruby",
    "php",
];

/// What the shell does itself.
const BUILT_IN: [&str; 24] = [
    "[", "[[", "test", "echo", "true", "false", "export", "exit", "source", ".", "set", "exec",
    ":", "ulimit", "umask", "printf", "return", "wait", "eval", "if", "then", "fi", "else",
    "unset",
];

/// Programs that run another one given to them.
const WRAPPERS: [&str; 8] = [
    "nohup",
    "nice",
    "ionice",
    "env",
    "time",
    "timeout",
    "flock",
    "caffeinate",
];

/// How commands find programs and what `~` means.
pub(super) struct Shell<'a> {
    /// Folders of programs, in order.
    pub(super) path: &'a [PathBuf],
    /// The home folder.
    pub(super) home: &'a Path,
    /// Put before absolute paths when looking at the disk: another root than `/` in tests.
    pub(super) root: &'a Path,
}

/// What a line does: its commands, and the files its output goes to.
pub(super) struct Line {
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<PathBuf>,
}

impl Shell<'_> {
    fn on_disk(&self, path: &Path) -> PathBuf {
        if self.root == Path::new("/") {
            return path.to_owned();
        }
        match path.strip_prefix("/") {
            // A checkout that lies outside of the other root is looked at where it is.
            Ok(relative) if self.root.join(relative).exists() => self.root.join(relative),
            _ => path.to_owned(),
        }
    }

    /// Follows a line that starts in `folder`.
    pub(super) fn follow(&self, line: &str, folder: &Path) -> Line {
        let mut followed = Line {
            steps: Vec::new(),
            outputs: Vec::new(),
        };
        let mut here = folder.to_owned();
        for words in split(line) {
            let (words, targets) = without_redirections(words);
            followed.outputs.extend(
                targets
                    .into_iter()
                    .filter(|target| {
                        !target.contains('$')
                            && !target.starts_with("/dev/")
                            && !target.starts_with('&')
                    })
                    .map(|target| self.absolute(&target, &here)),
            );
            let words: Vec<String> = words
                .into_iter()
                .skip_while(|word| is_assignment(word))
                .collect();
            let Some(first) = words.first() else { continue };
            if first == "cd" {
                let target = words.get(1).map_or("~", String::as_str);
                if target.contains(['$', '`']) {
                    followed
                        .steps
                        .push(step(&words, &here, Resolution::Unclear));
                    continue;
                }
                let to = self.absolute(target, &here);
                let resolution = if self.on_disk(&to).is_dir() {
                    Resolution::BuiltIn
                } else {
                    Resolution::NoFolder
                };
                let missing = resolution == Resolution::NoFolder;
                followed.steps.push(step(&words, &here, resolution));
                if missing {
                    // Nothing after `cd … &&` happens, so nothing more can be said about it.
                    break;
                }
                here = to;
                continue;
            }
            let resolution = self.resolve(&words, &here);
            followed.steps.push(step(&words, &here, resolution));
        }
        followed
    }

    fn resolve(&self, words: &[String], here: &Path) -> Resolution {
        let Some(first) = words.first() else {
            return Resolution::BuiltIn;
        };
        if first.contains(['$', '`']) {
            return Resolution::Unclear;
        }
        if BUILT_IN.contains(&first.as_str()) {
            return Resolution::BuiltIn;
        }
        let Some(program) = self.program(first, here) else {
            return if first.contains('/') {
                Resolution::NoScript {
                    script: self.absolute(first, here),
                }
            } else {
                Resolution::NoProgram
            };
        };
        if !is_executable(&self.on_disk(&program)) {
            return Resolution::NotExecutable { file: program };
        }
        let name = program
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if WRAPPERS.contains(&name) {
            // What follows its options, numbers and settings is the real command.
            let inner: Vec<String> = words
                .iter()
                .skip(1)
                .skip_while(|word| {
                    word.starts_with('-')
                        || is_assignment(word)
                        || word
                            .trim_end_matches(['s', 'm', 'h'])
                            .parse::<f64>()
                            .is_ok()
                        || (name == "flock" && word.contains("lock"))
                })
                .cloned()
                .collect();
            if !inner.is_empty() {
                return self.resolve(&inner, here);
            }
        }
        let interprets = INTERPRETERS.iter().any(|known| {
            name == *known
                || name
                    .strip_prefix(known)
                    .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
        });
        let script = interprets
            .then(|| words.iter().skip(1).find(|word| !word.starts_with('-')))
            .flatten()
            // `-c` and `-m` give text or a module, not a file.
            .filter(|_| {
                !words
                    .iter()
                    .skip(1)
                    .any(|word| word == "-c" || word == "-m")
            });
        match script {
            Some(script) if script.contains(['$', '`']) => Resolution::Unclear,
            Some(script) => {
                let script = self.absolute(script, here);
                if self.on_disk(&script).is_file() {
                    Resolution::Found {
                        program,
                        script: Some(script),
                    }
                } else {
                    Resolution::NoScript { script }
                }
            }
            None => Resolution::Found {
                program,
                script: None,
            },
        }
    }

    fn program(&self, name: &str, here: &Path) -> Option<PathBuf> {
        if name.contains('/') {
            let path = self.absolute(name, here);
            return self.on_disk(&path).is_file().then_some(path);
        }
        self.path
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| self.on_disk(path).is_file())
    }

    fn absolute(&self, path: &str, here: &Path) -> PathBuf {
        let path = match path.strip_prefix('~') {
            Some(rest) => self.home.join(rest.trim_start_matches('/')),
            None => here.join(path),
        };
        // Without `.` and `..`, so that two ways of writing it are one.
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir => {
                    plain.pop();
                }
                other => plain.push(other),
            }
        }
        plain
    }
}

fn step(words: &[String], folder: &Path, resolution: Resolution) -> Step {
    Step {
        words: words.iter().map(|word| hide(word)).collect(),
        folder: folder.to_owned(),
        resolution,
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Hides the value of `PASSWORD=…`, `--password=…` and of URLs with a password.
pub(super) fn hide(word: &str) -> String {
    if let Some((name, _)) = word.split_once('=')
        && names_a_secret(name.trim_start_matches('-'))
    {
        return format!("{name}=***");
    }
    if let Some((scheme, rest)) = word.split_once("://")
        && let Some((user, host)) = rest.split_once('@')
        && let Some((name, _)) = user.split_once(':')
    {
        return format!("{scheme}://{name}:***@{host}");
    }
    word.to_owned()
}

/// The whole line with its secrets hidden.
pub(super) fn hide_line(line: &str) -> String {
    line.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}

/// Simple commands, separated by `;`, `&&`, `||`, `|`, `&` and line ends; words with their quotes taken off. What stands in `$(…)` or
/// backquotes stays in its word.
fn split(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    let mut depth = 0_u32;
    let mut ticks = false;
    let end_word = |word: &mut Option<String>, commands: &mut Vec<Vec<String>>| {
        if let (Some(word), Some(last)) = (word.take(), commands.last_mut()) {
            last.push(word);
        }
    };
    while let Some(letter) = letters.next() {
        let inside = depth > 0 || ticks;
        match letter {
            '$' if letters.peek() == Some(&'(') => {
                depth += 1;
                word.get_or_insert_default().push(letter);
            }
            '(' if depth > 0 => word.get_or_insert_default().push(letter),
            ')' if depth > 0 => {
                depth -= 1;
                word.get_or_insert_default().push(letter);
            }
            '`' => {
                ticks = !ticks;
                word.get_or_insert_default().push(letter);
            }
            _ if inside => word.get_or_insert_default().push(letter),
            '\'' => {
                let quoted = word.get_or_insert_default();
                quoted.extend(letters.by_ref().take_while(|&c| c != '\''));
            }
            '"' => {
                let quoted = word.get_or_insert_default();
                while let Some(c) = letters.next() {
                    match c {
                        '"' => break,
                        '\\' if matches!(letters.peek(), Some('"' | '\\' | '$' | '`')) => {
                            quoted.extend(letters.next());
                        }
                        c => quoted.push(c),
                    }
                }
            }
            '\\' => {
                if let Some(next) = letters.next() {
                    word.get_or_insert_default().push(next);
                }
            }
            '&' if word.as_deref().is_some_and(|word| word.ends_with('>')) => {
                word.get_or_insert_default().push(letter);
            }
            '>' if letters.peek() == Some(&'&')
                || word.as_deref().is_some_and(|word| word.ends_with('>')) =>
            {
                word.get_or_insert_default().push(letter);
            }
            '>' | '<' => {
                // A digit before it belongs to it.
                if !word.as_deref().is_some_and(|word| {
                    word.len() == 1 && word.chars().all(|c| c.is_ascii_digit() || c == '&')
                }) {
                    end_word(&mut word, &mut commands);
                }
                word.get_or_insert_default().push(letter);
            }
            ';' | '|' | '&' | '\n' | '(' | ')' | '{' | '}' => {
                // `{}` is an argument of `find`.
                if letter == '{' && letters.peek() == Some(&'}') {
                    letters.next();
                    word.get_or_insert_default().push_str("{}");
                    continue;
                }
                if letter == '&' && letters.peek() == Some(&'>') {
                    word.get_or_insert_default().push(letter);
                    continue;
                }
                end_word(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            c if c.is_whitespace() => {
                if !word
                    .as_deref()
                    .is_some_and(|word| word.ends_with('>') || word.ends_with('<'))
                {
                    end_word(&mut word, &mut commands);
                }
            }
            '#' if word.is_none() => break,
            c => word.get_or_insert_default().push(c),
        }
    }
    end_word(&mut word, &mut commands);
    commands.retain(|words| !words.is_empty());
    commands
}

/// Takes `>> file`, `2>&1` and the like off; gives the files that are written.
fn without_redirections(words: Vec<String>) -> (Vec<String>, Vec<String>) {
    let mut kept = Vec::new();
    let mut targets = Vec::new();
    for word in words {
        let bare = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
        if let Some(target) = bare.strip_prefix(">>").or_else(|| bare.strip_prefix('>')) {
            if !target.is_empty() {
                targets.push(target.to_owned());
            }
        } else if !bare.starts_with('<') {
            kept.push(word);
        }
    }
    (kept, targets)
}
