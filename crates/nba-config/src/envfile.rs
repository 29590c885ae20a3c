//! The legacy variable files (`export NAME='value' # comment`), in their real syntax.
//!
//! The same file is read by python-dotenv and sourced by shells (database dossier 3.3). Where the two agree,
//! so does this parser. Where they differ it reads what python-dotenv reads and reports the line as
//! [`EnvProblemKind::Ambiguous`], with two exceptions that follow the shell: `\$` in double quotes is a dollar sign, and
//! single quotes keep `${NAME}`. `$NAME`, `$(…)` and backquotes, which only a shell expands, are refused.

use std::collections::HashMap;
use std::{fmt, path::Path};

use crate::{error::Result, text};

#[cfg(test)]
mod tests;

/// What a variable file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnvFile {
    /// The usable definitions in file order; a name defined twice is here twice, and the last one counts.
    pub entries: Vec<EnvEntry>,
    /// What is wrong or doubtful, in file order.
    pub problems: Vec<EnvProblem>,
}

/// One definition. `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvEntry {
    /// Variable name.
    pub name: String,
    /// Its value, unquoted and expanded; `None` where the line cannot be trusted (see the problem of that line).
    pub value: Option<String>,
    /// Line of the name, from 1.
    pub line: usize,
}

impl fmt::Debug for EnvEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvEntry({}:{})", self.line, self.name)
    }
}

/// One thing that is wrong or doubtful in a variable file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvProblem {
    /// Line, from 1.
    pub line: usize,
    /// The variable it concerns.
    pub name: Option<String>,
    /// What it is.
    pub kind: EnvProblemKind,
}

/// The kinds of [`EnvProblem`]. Display text never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvProblemKind {
    /// The line defines nothing.
    #[error("the line is not `NAME=value`")]
    NotAssignment,
    /// A quote is never closed.
    #[error("the opening quote is never closed")]
    Unterminated,
    /// Text follows the closing quote.
    #[error("text follows the closing quote")]
    TextAfterQuote,
    /// A shell expansion that python-dotenv does not know.
    #[error(
        "`{0}` is expanded by a shell only; quote the value with '…', or write ${{NAME}} for a variable"
    )]
    ShellExpansion(&'static str),
    /// `${NAME}` names nothing that is set.
    #[error("${{{0}}} is not set")]
    Undefined(String),
    /// python-dotenv and the shell read the line differently; which reading is used stands in the module's docs.
    #[error("python-dotenv and the shell read this line differently: {0}")]
    Ambiguous(&'static str),
    /// The name was defined before; this line wins.
    #[error("already defined on line {first_line}; the last definition counts")]
    Duplicate {
        /// Line of the earlier definition.
        first_line: usize,
    },
}

impl EnvProblemKind {
    /// Is the variable unusable because of it?
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Ambiguous(_) | Self::Duplicate { .. })
    }
}

impl EnvFile {
    /// Reads a file.
    ///
    /// `lookup` answers `${NAME}` before the file's own earlier lines do, as python-dotenv asks the environment first.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`](crate::ConfigError::Read) and [`ConfigError::NotUtf8`](crate::ConfigError::NotUtf8); everything else is in `problems`.
    pub fn read(path: &Path, lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        Ok(Self::parse(&text::read(path)?, lookup))
    }

    /// Parses a text; never fails as a whole.
    ///
    /// ```
    /// use nba_config::envfile::EnvFile;
    ///
    /// let file = EnvFile::parse("export RDS_PASSWORD='p%a:s?s#' # rotated\r\nRDS_PORT=5432\n", |_| None);
    /// assert_eq!(file.get("RDS_PASSWORD"), Some("p%a:s?s#"));
    /// assert_eq!(file.get("RDS_PORT"), Some("5432"));
    /// assert!(file.problems.is_empty());
    /// ```
    #[must_use]
    pub fn parse(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parser = Parser {
            rest: text,
            line: 1,
            file: Self::default(),
            seen: HashMap::new(),
            lookup,
        };
        parser.run();
        parser.file
    }

    /// The value that counts for `name`; `None` where it is absent or its last definition is unusable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.name == name)?
            .value
            .as_deref()
    }

    /// Writes definitions so that [`EnvFile::parse`] gives them back, with as few differences between
    /// python-dotenv and the shell as the value allows.
    #[must_use]
    pub fn write<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut out = String::new();
        for (name, value) in entries {
            out.push_str("export ");
            out.push_str(name);
            out.push('=');
            write_value(&mut out, value);
            out.push('\n');
        }
        out
    }
}

fn write_value(out: &mut String, value: &str) {
    let single = !value.contains(['\'', '\r']) && !value.contains(r"\\") && !value.ends_with('\\');
    if single {
        out.push('\'');
        out.push_str(value);
        out.push('\'');
        return;
    }
    out.push('"');
    for character in value.chars() {
        match character {
            '\\' | '"' | '$' | '`' => out.extend(['\\', character]),
            '\r' => out.push_str("\\r"),
            _ => out.push(character),
        }
    }
    out.push('"');
}

struct Parser<'a, L> {
    rest: &'a str,
    line: usize,
    file: EnvFile,
    /// Line of each name's latest definition.
    seen: HashMap<String, usize>,
    lookup: L,
}

/// A value being read: its text, and whether the two readers agree on it.
#[derive(Default)]
struct Reading {
    text: String,
    ambiguous: Option<&'static str>,
}

impl Reading {
    fn doubt(&mut self, why: &'static str) {
        self.ambiguous.get_or_insert(why);
    }
}

impl<L: Fn(&str) -> Option<String>> Parser<'_, L> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = &self.rest[character.len_utf8()..];
        if character == '\r' && self.peek() == Some('\n') {
            return self.bump();
        }
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    /// Skips blanks of this line; were there any?
    fn blanks(&mut self) -> bool {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\u{b}', '\u{c}']);
        let skipped = trimmed.len() != self.rest.len();
        self.rest = trimmed;
        skipped
    }

    /// The rest of this line, without its line end.
    fn line_rest(&self) -> &str {
        self.rest
            .split('\n')
            .next()
            .unwrap_or_default()
            .trim_end_matches('\r')
    }

    fn skip_line(&mut self) {
        while let Some(character) = self.bump() {
            if character == '\n' {
                break;
            }
        }
    }

    fn identifier(&mut self) -> String {
        let mut len = 0;
        for (at, byte) in self.rest.bytes().enumerate() {
            let fits =
                byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit());
            if !fits {
                break;
            }
            len = at + 1;
        }
        let name = self.rest[..len].to_owned();
        self.rest = &self.rest[len..];
        name
    }

    fn problem(&mut self, line: usize, name: Option<&str>, kind: EnvProblemKind) {
        self.file.problems.push(EnvProblem {
            line,
            name: name.map(Into::into),
            kind,
        });
    }

    fn run(&mut self) {
        loop {
            while self.peek().is_some_and(char::is_whitespace) {
                self.bump();
            }
            match self.peek() {
                None => return,
                Some('#') => self.skip_line(),
                Some(_) => self.assignment(),
            }
        }
    }

    fn assignment(&mut self) {
        let line = self.line;
        let mut name = self.identifier();
        if name == "export" && self.blanks() && self.peek() != Some('=') {
            name = self.identifier();
        }
        let mut spaced = self.blanks();
        if name.is_empty() || !self.eat('=') {
            let name = (!name.is_empty()).then_some(name.as_str());
            self.problem(line, name, EnvProblemKind::NotAssignment);
            self.skip_line();
            return;
        }
        spaced |= self.blanks();

        // an unclosed quote would swallow the rest of the file: start again on the next line
        let (start_rest, start_line) = (self.rest, self.line);
        let mut reading = Reading::default();
        let outcome = match self.peek() {
            Some('\'') => self
                .single(&mut reading)
                .and_then(|()| self.end_of_quoted(&mut reading)),
            Some('"') => self
                .double(&mut reading)
                .and_then(|()| self.end_of_quoted(&mut reading)),
            _ => self.unquoted(&mut reading, spaced),
        };
        if spaced {
            reading.doubt("a shell allows no blank around `=`");
        }
        if let Some(first_line) = self.seen.insert(name.clone(), line) {
            self.problem(line, Some(&name), EnvProblemKind::Duplicate { first_line });
        }
        let value = match outcome {
            Ok(()) => {
                if let Some(why) = reading.ambiguous {
                    self.problem(line, Some(&name), EnvProblemKind::Ambiguous(why));
                }
                Some(reading.text)
            }
            Err(kind) => {
                self.problem(line, Some(&name), kind);
                (self.rest, self.line) = (start_rest, start_line);
                None
            }
        };
        self.file.entries.push(EnvEntry { name, value, line });
        self.skip_line();
    }

    fn single(&mut self, reading: &mut Reading) -> Result<(), EnvProblemKind> {
        self.bump();
        loop {
            match self.bump().ok_or(EnvProblemKind::Unterminated)? {
                '\'' => return Ok(()),
                '\\' if self.peek() == Some('\\') => {
                    reading.doubt("`\\\\` in single quotes is one backslash or two");
                    self.bump();
                    reading.text.push('\\');
                }
                '\\' if self.peek() == Some('\'') => {
                    let after = self.line_rest()[1..].trim_start();
                    if after.is_empty() || after.starts_with('#') {
                        // the shell's reading: python-dotenv would swallow the following lines
                        reading.doubt("a backslash before the closing single quote");
                        reading.text.push('\\');
                    } else {
                        reading.doubt("`\\'` in single quotes ends the value or not");
                        self.bump();
                        reading.text.push('\'');
                    }
                }
                '$' if self.peek() == Some('{') => {
                    reading.doubt("`${…}` in single quotes is expanded or not; it is not here");
                    reading.text.push('$');
                }
                character => reading.text.push(character),
            }
        }
    }

    fn double(&mut self, reading: &mut Reading) -> Result<(), EnvProblemKind> {
        self.bump();
        loop {
            match self.bump().ok_or(EnvProblemKind::Unterminated)? {
                '"' => return Ok(()),
                '`' => return Err(EnvProblemKind::ShellExpansion("`…`")),
                '$' => self.dollar(reading)?,
                '\\' => self.escape(reading)?,
                character => reading.text.push(character),
            }
        }
    }

    fn escape(&mut self, reading: &mut Reading) -> Result<(), EnvProblemKind> {
        let escaped = self.bump().ok_or(EnvProblemKind::Unterminated)?;
        if matches!(escaped, '\\' | '"') {
            reading.text.push(escaped);
            return Ok(());
        }
        let decoded = match escaped {
            '$' | '`' | '\'' => Some(escaped),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'v' => Some('\u{b}'),
            _ => None,
        };
        match decoded {
            Some(character) => {
                reading.doubt("a backslash escape that only one of them knows");
                reading.text.push(character);
            }
            None => reading.text.extend(['\\', escaped]),
        }
        Ok(())
    }

    /// After a closing quote only blanks and a comment may follow.
    fn end_of_quoted(&mut self, reading: &mut Reading) -> Result<(), EnvProblemKind> {
        let blank = self.blanks();
        match self.peek() {
            None | Some('\n' | '\r') => Ok(()),
            Some('#') => {
                if !blank {
                    reading.doubt("a `#` directly behind the closing quote");
                }
                Ok(())
            }
            Some(_) => Err(EnvProblemKind::TextAfterQuote),
        }
    }

    fn unquoted(&mut self, reading: &mut Reading, spaced: bool) -> Result<(), EnvProblemKind> {
        if spaced && self.peek() == Some('#') {
            reading.doubt("a comment in place of the value");
            return Ok(());
        }
        let line = self.line_rest();
        let comment = line
            .char_indices()
            .zip(line.chars().skip(1))
            .find(|((_, before), after)| before.is_whitespace() && *after == '#');
        let end = comment.map_or(line.len(), |((at, _), _)| at);
        let end = line[..end].trim_end().len();
        let stop = self.rest.len() - end;
        while self.rest.len() > stop {
            match self.bump().ok_or(EnvProblemKind::Unterminated)? {
                '`' => return Err(EnvProblemKind::ShellExpansion("`…`")),
                '$' => self.dollar(reading)?,
                character => {
                    match character {
                        '\\' | '\'' | '"' => {
                            reading.doubt("a quote or backslash in an unquoted value");
                        }
                        '&' | ';' | '|' | '<' | '>' | '(' | ')' => {
                            reading.doubt("a shell operator in an unquoted value");
                        }
                        _ if character.is_whitespace() => {
                            reading.doubt("a blank in an unquoted value");
                        }
                        '~' if reading.text.is_empty() => reading.doubt("a shell expands `~`"),
                        _ => {}
                    }
                    reading.text.push(character);
                }
            }
        }
        Ok(())
    }

    /// Behind a `$`: `${NAME}` and `${NAME:-default}` are expanded.
    fn dollar(&mut self, reading: &mut Reading) -> Result<(), EnvProblemKind> {
        match self.peek() {
            Some('{') => {}
            Some('(') => return Err(EnvProblemKind::ShellExpansion("$(…)")),
            Some(next) if next.is_ascii_alphanumeric() || "_?!#@*$-".contains(next) => {
                return Err(EnvProblemKind::ShellExpansion("$NAME"));
            }
            _ => {
                reading.text.push('$');
                return Ok(());
            }
        }
        let Some(end) = self.line_rest().find('}') else {
            return Err(EnvProblemKind::ShellExpansion("${"));
        };
        let inside = self.rest[1..end].to_owned();
        self.rest = &self.rest[end + 1..];
        let (wanted, default) = match inside.split_once(":-") {
            Some((wanted, default)) => (wanted, Some(default)),
            None => (inside.as_str(), None),
        };
        if wanted.is_empty()
            || !wanted
                .bytes()
                .all(|b| b == b'_' || b.is_ascii_alphanumeric())
        {
            return Err(EnvProblemKind::ShellExpansion("${…}"));
        }
        let found = (self.lookup)(wanted).or_else(|| self.file.get(wanted).map(Into::into));
        match found
            .filter(|text| !text.is_empty())
            .or_else(|| default.map(Into::into))
        {
            Some(text) => {
                reading.text.push_str(&text);
                Ok(())
            }
            None => Err(EnvProblemKind::Undefined(wanted.into())),
        }
    }
}
