//! As much of Python as it takes to find calls, their arguments and string literals: tokens, not a grammar.
//!
//! A full parser was weighed against this: none is published as a crate of its own, and the questions asked here (which
//! options, which names, which literals) need brackets and strings only.

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Name(String),
    /// Its value, without quotes; placeholders of f-strings stay as written.
    Text(String),
    Number(String),
    Sign(char),
    /// The end of a logical line.
    End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Counted from 1.
    pub(super) line: usize,
}

/// A source, read.
pub(super) struct Python {
    pub(super) tokens: Vec<Token>,
    /// The text with comments and stand-alone strings (docstrings) blanked out, line by line.
    pub(super) code: String,
    /// The first line of the module's docstring.
    pub(super) summary: Option<String>,
}

/// A call: dotted name, line, arguments.
pub(super) struct Call<'t> {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) arguments: Vec<Argument<'t>>,
}

pub(super) struct Argument<'t> {
    pub(super) keyword: Option<&'t str>,
    pub(super) tokens: &'t [Token],
}

impl Argument<'_> {
    /// The value, when it is one string literal (adjacent ones are one).
    pub(super) fn text(&self) -> Option<String> {
        let mut whole = String::new();
        for token in self.tokens {
            match &token.kind {
                Kind::Text(text) => whole.push_str(text),
                Kind::End => {}
                _ => return None,
            }
        }
        (!self.tokens.is_empty()).then_some(whole)
    }

    /// The value as it was written, more or less.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        for token in self.tokens {
            match &token.kind {
                Kind::Name(text) | Kind::Number(text) => out.push_str(text),
                Kind::Text(text) => {
                    out.push('"');
                    out.push_str(text);
                    out.push('"');
                }
                Kind::Sign(sign) => out.push(*sign),
                Kind::End => {}
            }
        }
        out
    }

    /// All string literals in it.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match &token.kind {
            Kind::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

impl Python {
    pub(super) fn read(source: &str) -> Python {
        Lexer::new(source).run()
    }

    pub(super) fn calls(&self) -> Vec<Call<'_>> {
        let mut calls = Vec::new();
        for at in 0..self.tokens.len() {
            let Kind::Name(last) = &self.tokens[at].kind else {
                continue;
            };
            if !self.is_sign(at + 1, '(') {
                continue;
            }
            let mut name = last.clone();
            let mut before = at;
            while before >= 2 && self.is_sign(before - 1, '.') {
                match &self.tokens[before - 2].kind {
                    Kind::Name(part) => name = format!("{part}.{name}"),
                    // The result of another call or index: its name is of no interest.
                    _ => {
                        name = format!("…{name}");
                        break;
                    }
                }
                before -= 2;
            }
            if let Some(arguments) = self.arguments(at + 2) {
                calls.push(Call {
                    name,
                    line: self.tokens[at].line,
                    arguments,
                });
            }
        }
        calls
    }

    fn is_sign(&self, at: usize, sign: char) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::Sign(sign))
    }

    /// The arguments from `start`, just after the opening bracket; `None` when it is never closed.
    fn arguments(&self, start: usize) -> Option<Vec<Argument<'_>>> {
        let mut arguments = Vec::new();
        let mut depth = 0usize;
        let mut from = start;
        for (at, token) in self.tokens.iter().enumerate().skip(start) {
            match token.kind {
                Kind::Sign('(' | '[' | '{') => depth += 1,
                Kind::Sign(')') if depth == 0 => {
                    if at > from {
                        arguments.push(self.argument(from, at));
                    }
                    return Some(arguments);
                }
                Kind::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
                Kind::Sign(',') if depth == 0 => {
                    arguments.push(self.argument(from, at));
                    from = at + 1;
                }
                _ => {}
            }
        }
        None
    }

    fn argument(&self, from: usize, to: usize) -> Argument<'_> {
        let tokens = &self.tokens[from..to];
        match tokens {
            [
                Token {
                    kind: Kind::Name(keyword),
                    ..
                },
                Token {
                    kind: Kind::Sign('='),
                    ..
                },
                rest @ ..,
            ] if !matches!(rest.first().map(|t| &t.kind), Some(Kind::Sign('='))) => Argument {
                keyword: Some(keyword),
                tokens: rest,
            },
            _ => Argument {
                keyword: None,
                tokens,
            },
        }
    }

    /// All string literals with their lines, except docstrings.
    pub(super) fn texts(&self) -> impl Iterator<Item = (usize, &str)> {
        self.tokens.iter().filter_map(|token| match &token.kind {
            Kind::Text(text) => Some((token.line, text.as_str())),
            _ => None,
        })
    }

    /// Logical lines that begin with one of these words.
    pub(super) fn statements<'a>(&'a self, first: &'a str) -> impl Iterator<Item = &'a [Token]> {
        self.tokens
            .split(|token| token.kind == Kind::End)
            .filter(move |line| {
                matches!(line.first().map(|token| &token.kind), Some(Kind::Name(name)) if name == first)
            })
    }
}

struct Lexer<'s> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    line: usize,
    depth: usize,
    tokens: Vec<Token>,
    /// Ranges of bytes that are no code.
    blank: Vec<(usize, usize)>,
    summary: Option<String>,
}

impl<'s> Lexer<'s> {
    fn new(source: &'s str) -> Self {
        Lexer {
            source,
            bytes: source.as_bytes(),
            at: 0,
            line: 1,
            depth: 0,
            tokens: Vec::new(),
            blank: Vec::new(),
            summary: None,
        }
    }

    fn run(mut self) -> Python {
        while let Some(byte) = self.bytes.get(self.at).copied() {
            match byte {
                b'\n' => {
                    if self.depth == 0 {
                        self.end_of_line();
                    }
                    self.line += 1;
                    self.at += 1;
                }
                b'#' => {
                    let end = self.source[self.at..]
                        .find('\n')
                        .map_or(self.bytes.len(), |n| self.at + n);
                    self.blank.push((self.at, end));
                    self.at = end;
                }
                b'\\' => {
                    // A joined line; anything else after a backslash is no Python and does no harm.
                    self.at += 1;
                    if self.bytes.get(self.at) == Some(&b'\r') {
                        self.at += 1;
                    }
                    if self.bytes.get(self.at) == Some(&b'\n') {
                        self.line += 1;
                        self.at += 1;
                    }
                }
                b'"' | b'\'' => self.string(self.at, false),
                b'0'..=b'9' => {
                    let text = self.take(|c| c.is_alphanumeric() || c == '.' || c == '_');
                    self.push(Kind::Number(text));
                }
                _ => self.name_or_sign(),
            }
        }
        self.end_of_line();
        let mut code = String::with_capacity(self.source.len());
        let mut from = 0;
        self.blank.sort_unstable();
        for (start, end) in &self.blank {
            code.push_str(self.source.get(from..*start).unwrap_or_default());
            // Line ends stay, so that lines keep their numbers.
            code.extend(
                self.source
                    .get(*start..*end)
                    .unwrap_or_default()
                    .chars()
                    .filter(|c| *c == '\n'),
            );
            from = *end;
        }
        code.push_str(self.source.get(from..).unwrap_or_default());
        Python {
            tokens: self.tokens,
            code,
            summary: self.summary,
        }
    }

    fn name_or_sign(&mut self) {
        let Some(first) = self.source.get(self.at..).and_then(|s| s.chars().next()) else {
            self.at += 1;
            return;
        };
        if first.is_alphabetic() || first == '_' {
            let start = self.at;
            let name = self.take(|c| c.is_alphanumeric() || c == '_');
            let quote = matches!(self.bytes.get(self.at), Some(b'"' | b'\''));
            let prefix = name.len() <= 2
                && name
                    .bytes()
                    .all(|b| matches!(b.to_ascii_lowercase(), b'r' | b'b' | b'u' | b'f' | b't'));
            if quote && prefix {
                let raw = name.bytes().any(|b| b.eq_ignore_ascii_case(&b'r'));
                self.string(start, raw);
            } else {
                self.push(Kind::Name(name));
            }
            return;
        }
        match first {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if !first.is_whitespace() {
            self.push(Kind::Sign(first));
        }
        self.at += first.len_utf8();
    }

    /// A string whose quote is at the current place and whose prefix began at `start`.
    fn string(&mut self, start: usize, raw: bool) {
        let quote = self.bytes[self.at];
        let triple = self.bytes[self.at..].starts_with(&[quote; 3]);
        let width = if triple { 3 } else { 1 };
        self.at += width;
        let line = self.line;
        let mut value = String::new();
        while let Some(c) = self.source.get(self.at..).and_then(|s| s.chars().next()) {
            if self.bytes[self.at] == quote
                && (!triple || self.bytes[self.at..].starts_with(&[quote; 3]))
            {
                self.at += width;
                break;
            }
            self.at += c.len_utf8();
            match c {
                // An unclosed string ends with its line: the next line is code again.
                '\n' if !triple => {
                    self.at -= 1;
                    break;
                }
                '\n' => {
                    self.line += 1;
                    value.push('\n');
                }
                '\\' => {
                    let Some(next) = self.source.get(self.at..).and_then(|s| s.chars().next())
                    else {
                        break;
                    };
                    self.at += next.len_utf8();
                    if next == '\n' {
                        self.line += 1;
                    }
                    match next {
                        _ if raw => {
                            value.push('\\');
                            value.push(next);
                        }
                        'n' => value.push('\n'),
                        't' => value.push('\t'),
                        '\n' => {}
                        other => value.push(other),
                    }
                }
                other => value.push(other),
            }
        }
        let token = Token {
            kind: Kind::Text(value),
            line,
        };
        // Only a string that begins a logical line can be a docstring; what follows decides.
        let begins = self.depth == 0
            && self
                .tokens
                .last()
                .is_none_or(|token| token.kind == Kind::End);
        let rest = self.source.get(self.at..).unwrap_or_default();
        let ends = rest
            .trim_start_matches([' ', '\t', '\r'])
            .chars()
            .next()
            .is_none_or(|c| c == '\n' || c == '#');
        if begins && ends {
            if self.summary.is_none()
                && self.tokens.is_empty()
                && let Kind::Text(text) = &token.kind
            {
                self.summary = text
                    .lines()
                    .map(str::trim)
                    .find(|line| !line.is_empty())
                    .map(str::to_owned);
            }
            self.blank.push((start, self.at));
        } else {
            self.tokens.push(token);
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token {
            kind,
            line: self.line,
        });
    }

    fn end_of_line(&mut self) {
        if self
            .tokens
            .last()
            .is_some_and(|token| token.kind != Kind::End)
        {
            self.push(Kind::End);
        }
    }
}
