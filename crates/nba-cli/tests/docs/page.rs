//! A page of documentation as commands with their expected output.

use std::path::Path;

/// One page.
pub(crate) struct Page {
    /// Its commands build what they need themselves.
    pub(crate) starts_empty: bool,
    pub(crate) blocks: Vec<Block>,
}

/// One fenced `console` block.
pub(crate) struct Block {
    /// Expected exit status of its last command.
    pub(crate) exit: i32,
    /// Who runs it, when this suite does not.
    pub(crate) elsewhere: Option<String>,
    pub(crate) steps: Vec<Step>,
}

/// One command of a block.
pub(crate) struct Step {
    /// Line number in the page.
    pub(crate) line: usize,
    pub(crate) command: String,
    expected: Vec<String>,
    last: bool,
}

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    /// Standard output, then standard error.
    pub(crate) output: String,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&std::fs::read_to_string(path).expect("readable page"))
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut blocks = Vec::new();
        let (mut exit, mut elsewhere) = (0, None);
        let mut lines = text.lines().enumerate();
        while let Some((_, line)) = lines.next() {
            if let Some(note) = line
                .trim()
                .strip_prefix("<!-- ")
                .and_then(|rest| rest.strip_suffix(" -->"))
            {
                if let Some(code) = note.strip_prefix("exit ") {
                    exit = code.parse().expect("an exit status");
                } else if let Some(who) = note.strip_prefix("elsewhere: ") {
                    elsewhere = Some(who.to_owned());
                }
                continue;
            }
            if line.trim() != "```console" {
                if !line.trim().is_empty() {
                    (exit, elsewhere) = (0, None);
                }
                continue;
            }
            let mut steps: Vec<Step> = Vec::new();
            for (number, line) in lines.by_ref().take_while(|(_, line)| line.trim() != "```") {
                if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(Step {
                        line: number + 1,
                        command: command.to_owned(),
                        expected: Vec::new(),
                        last: false,
                    });
                } else if let Some(step) = steps.last_mut() {
                    step.expected.push(line.to_owned());
                }
            }
            if let Some(step) = steps.last_mut() {
                step.last = true;
            }
            blocks.push(Block {
                exit,
                elsewhere,
                steps,
            });
            (exit, elsewhere) = (0, None);
        }
        Self {
            starts_empty: text.contains("<!-- starts in an empty folder -->"),
            blocks,
        }
    }
}

impl Step {
    /// Whether the command did what the page says; the reason otherwise.
    pub(crate) fn judge(&self, outcome: &Outcome, exit: i32) -> Result<(), String> {
        let expected_code = if self.last { exit } else { 0 };
        if outcome.code != Some(expected_code) {
            return Err(format!(
                "exit status {:?} instead of {expected_code}\n{}",
                outcome.code, outcome.output
            ));
        }
        let actual: Vec<String> = outcome.output.lines().map(normalise).collect();
        let mut from = 0;
        let mut skipping = true;
        for line in self.expected.iter().filter(|line| !line.trim().is_empty()) {
            if line.trim() == "…" {
                skipping = true;
                continue;
            }
            let wanted = normalise(line);
            let position = match wanted.strip_suffix('…') {
                Some(start) => actual[from..]
                    .iter()
                    .position(|line| line.starts_with(start.trim_end())),
                None => actual[from..].iter().position(|line| *line == wanted),
            };
            match position {
                Some(offset)
                    if skipping || actual[from..from + offset].iter().all(String::is_empty) =>
                {
                    from += offset + 1;
                }
                Some(_) => {
                    return Err(format!(
                        "lines before `{line}` are missing from the page\n{}",
                        outcome.output
                    ));
                }
                None => return Err(format!("`{line}` is not in the output\n{}", outcome.output)),
            }
            skipping = false;
        }
        Ok(())
    }
}

/// The line without what changes between runs: figures, identifiers, padding.
fn normalise(line: &str) -> String {
    let mut text = String::new();
    for word in line.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        let hexadecimal = word.len() >= 8
            && word
                .chars()
                .all(|letter| letter.is_ascii_hexdigit() || letter == '-');
        if hexadecimal {
            text.push('#');
            continue;
        }
        let mut in_figure = false;
        for letter in word.chars() {
            let figure =
                letter.is_ascii_digit() || (in_figure && [',', '.', ':'].contains(&letter));
            if figure && !in_figure {
                text.push('#');
            } else if !figure {
                text.push(letter);
            }
            in_figure = figure;
        }
    }
    text
}
