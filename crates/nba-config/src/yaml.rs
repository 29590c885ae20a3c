//! The legacy YAML files as a tree that keeps the written text and the line of every value.
//!
//! A typed reader loses what matters here: `00712345` becomes a number, `12:30` becomes 750 to a YAML 1.1 reader, a second
//! `phase_0:` disappears or is an error. So the tree is built from serde-saphyr's parser events: scalars stay text until
//! somebody asks for a type, the last of two equal keys counts as in PyYAML, and every such place is a [`YamlNote`].

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::{
    error::{ConfigError, Result},
    text,
};

#[cfg(test)]
mod tests;

/// Deepest nesting accepted; the legacy files reach 6.
const MAX_DEPTH: usize = 64;
/// Most nodes accepted, aliases expanded: the largest legacy file has about 10,000.
const MAX_NODES: usize = 1_000_000;

/// A parsed file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct YamlFile {
    /// The file.
    pub path: PathBuf,
    /// Its content; an empty file is an empty mapping.
    pub root: Node,
    /// Places where readers of YAML disagree, in file order.
    pub notes: Vec<YamlNote>,
}

/// A value and the line it starts on, from 1.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    /// Line, from 1.
    pub line: usize,
    /// The value.
    pub value: NodeValue,
}

/// The three shapes of YAML.
#[derive(Clone, PartialEq, Eq)]
pub enum NodeValue {
    /// A scalar: its text, and whether it was quoted (then it is never a number, boolean or null).
    Scalar {
        /// The text as written, escapes decoded.
        text: String,
        /// Quoted or a block text.
        quoted: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values, in file order, each key once.
    Mapping(Vec<(String, Node)>),
}

impl std::fmt::Debug for Node {
    /// Shape only: legacy YAML files hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            NodeValue::Scalar { .. } => write!(f, "scalar@{}", self.line),
            NodeValue::Sequence(items) => f.debug_list().entries(items).finish(),
            NodeValue::Mapping(pairs) => f
                .debug_map()
                .entries(pairs.iter().map(|(key, node)| (key, node)))
                .finish(),
        }
    }
}

/// A place where two readers of the file would disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlNote {
    /// Line, from 1.
    pub line: usize,
    /// Dotted path of the key.
    pub path: String,
    /// What is there.
    pub kind: YamlNoteKind,
}

/// The kinds of [`YamlNote`]. Display text never holds a value, except the name in a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlNoteKind {
    /// The file has no content: PyYAML answers null, we answer an empty mapping.
    #[error("the file is empty and counts as an empty mapping")]
    Empty,
    /// The key was there before; the last one counts, as in PyYAML. Strict readers refuse the file.
    #[error("the key is already on line {first_line}; the last one counts")]
    DuplicateKey {
        /// Line of the earlier key.
        first_line: usize,
    },
    /// A `${NAME}` or `${NAME:default}` that nothing expands.
    #[error("`${{{name}}}` is plain text here: no program expands it")]
    Placeholder {
        /// The name in the braces.
        name: String,
    },
    /// Text here, another type for a YAML 1.1 reader such as PyYAML.
    #[error("stays text here, {0} to PyYAML")]
    Yaml11(&'static str),
}

impl YamlFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`], [`ConfigError::NotUtf8`], and [`ConfigError::Syntax`] with the line.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &text::read(path)?)
    }

    /// Parses a text; `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Syntax`] with the line.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut builder = Builder {
            path,
            events: Parser::new_from_str(text),
            anchors: BTreeMap::new(),
            notes: Vec::new(),
            nodes: 0,
            keys: Vec::new(),
        };
        let root = builder.document()?;
        let mut notes = builder.notes;
        let root = root.unwrap_or_else(|| {
            notes.push(YamlNote {
                line: 1,
                path: String::new(),
                kind: YamlNoteKind::Empty,
            });
            Node {
                line: 1,
                value: NodeValue::Mapping(Vec::new()),
            }
        });
        Ok(Self {
            path: path.into(),
            root,
            notes,
        })
    }
}

impl Node {
    /// The value under a dotted path such as `global.aws.region`; list places are numbers from 0.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Self> {
        path.split('.')
            .try_fold(self, |node, part| match &node.value {
                NodeValue::Mapping(pairs) => pairs
                    .iter()
                    .find(|(key, _)| key == part)
                    .map(|(_, node)| node),
                NodeValue::Sequence(items) => items.get(part.parse::<usize>().ok()?),
                NodeValue::Scalar { .. } => None,
            })
    }

    /// The text of a scalar that is not null.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Is it null: `~`, `null`, or nothing written?
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar { text, quoted: false }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// A boolean as PyYAML reads it, with `yes`, `no`, `on` and `off`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.plain()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn plain(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar {
                text,
                quoted: false,
            } => Some(text),
            _ => None,
        }
    }

    /// As JSON. Only unmistakable plain scalars become null, booleans and numbers; seasons, times, cron
    /// expressions, `yes`/`on` and numbers with a leading zero stay text.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.value {
            NodeValue::Sequence(items) => items.iter().map(Self::to_json).collect(),
            NodeValue::Mapping(pairs) => pairs
                .iter()
                .map(|(key, node)| (key.clone(), node.to_json()))
                .collect(),
            NodeValue::Scalar { text, .. } => self.scalar_to_json(text),
        }
    }

    fn scalar_to_json(&self, text: &str) -> Json {
        match self.plain() {
            None => text.into(),
            Some(_) if self.is_null() => Json::Null,
            Some("true" | "True" | "TRUE") => true.into(),
            Some("false" | "False" | "FALSE") => false.into(),
            Some(plain) => match number(plain) {
                Some(number) => Json::Number(number),
                None => text.into(),
            },
        }
    }
}

/// A number in JSON's own spelling (a sign and digits without leading zeros), so nothing is lost or guessed.
fn number(text: &str) -> Option<serde_json::Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Some(fraction) = text.strip_prefix('.') {
        let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
        return digits
            .then(|| serde_json::from_str(&format!("0.{fraction}")).ok())
            .flatten();
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let padded = digits.len() > 1
        && digits.starts_with('0')
        && digits[1..].starts_with(|c: char| c.is_ascii_digit());
    if !starts || padded {
        return None;
    }
    let number: serde_json::Number = serde_json::from_str(text).ok()?;
    // an integer too long for 64 bits would silently become a rounded float
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    (!whole || number.is_i64() || number.is_u64()).then_some(number)
}

struct Builder<'a> {
    path: &'a Path,
    events: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    notes: Vec<YamlNote>,
    nodes: usize,
    keys: Vec<String>,
}

impl<'a> Builder<'a> {
    fn error(&self, line: usize, message: impl Into<String>) -> ConfigError {
        ConfigError::Syntax {
            path: self.path.into(),
            line,
            message: message.into(),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        loop {
            match self.events.next() {
                None => return Err(self.error(1, "the file ends too early")),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => return Err(self.scan_error(&error)),
            }
        }
    }

    fn scan_error(&self, error: &ScanError) -> ConfigError {
        self.error(error.marker().line(), error.info())
    }

    fn document(&mut self) -> Result<Option<Node>> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(self.error(span.start.line(), "a second document starts here"));
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span)?);
                }
                _ => return Err(self.error(span.start.line(), "a document was expected")),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node> {
        let line = span.start.line();
        self.count(line, 1)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted =
                    style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix() == "str");
                let text = text.into_owned();
                self.note_scalar(line, &text, quoted);
                (anchor, NodeValue::Scalar { text, quoted })
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.sequence(line)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping(line)?),
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                let node =
                    node.ok_or_else(|| self.error(line, "an alias stands inside its own anchor"))?;
                self.count(line, size(&node))?;
                return Ok(node);
            }
            _ => return Err(self.error(line, "a value was expected")),
        };
        let node = Node { line, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, line: usize, more: usize) -> Result<()> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(self.error(line, format!("more than {MAX_NODES} values")));
        }
        if self.keys.len() > MAX_DEPTH {
            return Err(self.error(line, format!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn sequence(&mut self, line: usize) -> Result<NodeValue> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(NodeValue::Sequence(items));
            }
            self.keys.push(items.len().to_string());
            let item = self.node(event, span);
            self.keys.pop();
            items.push(item?);
            self.count(line, 0)?;
        }
    }

    fn mapping(&mut self, line: usize) -> Result<NodeValue> {
        let mut pairs: Vec<(String, Node)> = Vec::new();
        let mut merged: Vec<(String, Node)> = Vec::new();
        let mut key_lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key_line = span.start.line();
            let Event::Scalar(key, style, ..) = event else {
                return Err(self.error(key_line, "a key must be a plain text"));
            };
            let key = key.into_owned();
            self.keys.push(key.clone());
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            if key == "<<" && style == ScalarStyle::Plain {
                self.merge(&mut merged, node, key_line)?;
            } else {
                if let Some(first_line) = key_lines.insert(key.clone(), key_line) {
                    let path = self.keys.join(".");
                    let kind = YamlNoteKind::DuplicateKey { first_line };
                    self.notes.push(YamlNote {
                        line: key_line,
                        path,
                        kind,
                    });
                    pairs.retain(|(old, _)| *old != key);
                }
                pairs.push((key, node));
            }
            self.keys.pop();
        }
        for (key, node) in merged {
            if !pairs.iter().any(|(own, _)| *own == key) {
                pairs.push((key, node));
            }
        }
        self.count(line, 0)?;
        Ok(NodeValue::Mapping(pairs))
    }

    /// `<<: *base` or `<<: [*a, *b]`; the earlier of two bases counts.
    fn merge(&self, into: &mut Vec<(String, Node)>, node: Node, line: usize) -> Result<()> {
        let bases = match node.value {
            NodeValue::Sequence(items) => items,
            value => vec![Node {
                line: node.line,
                value,
            }],
        };
        for base in bases {
            let NodeValue::Mapping(pairs) = base.value else {
                return Err(self.error(line, "`<<` needs a mapping"));
            };
            for (key, node) in pairs {
                if !into.iter().any(|(old, _)| *old == key) {
                    into.push((key, node));
                }
            }
        }
        Ok(())
    }

    fn note_scalar(&mut self, line: usize, text: &str, quoted: bool) {
        let kind = match placeholder(text) {
            Some(name) => YamlNoteKind::Placeholder { name: name.into() },
            None if quoted => return,
            None => match yaml11(text) {
                Some(what) => YamlNoteKind::Yaml11(what),
                None => return,
            },
        };
        self.notes.push(YamlNote {
            line,
            path: self.keys.join("."),
            kind,
        });
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        NodeValue::Scalar { .. } => 1,
        NodeValue::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        NodeValue::Mapping(pairs) => 1 + pairs.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

/// The name in the first `${NAME}` or `${NAME:default}` of a text.
pub(crate) fn placeholder(text: &str) -> Option<&str> {
    let start = text.find("${")? + 2;
    let inside = &text[start..start + text[start..].find('}')?];
    let name = inside.split(':').next().unwrap_or(inside);
    let fits = !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
    fits.then_some(name)
}

/// What PyYAML would make of a plain text that stays text here.
fn yaml11(text: &str) -> Option<&'static str> {
    if matches!(
        text.to_ascii_lowercase().as_str(),
        "yes" | "no" | "on" | "off"
    ) {
        return Some("a boolean");
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|b| (b'0'..=b'7').contains(&b))
    {
        return Some("an octal number");
    }
    let hexadecimal = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_hexdigit());
    let grouped = digits.contains('_') && digits.starts_with(|c: char| c.is_ascii_digit());
    if digits.strip_prefix("0x").is_some_and(hexadecimal)
        || (grouped && digits.bytes().all(|b| b == b'_' || b.is_ascii_digit()))
    {
        return Some("a number");
    }
    if let [year, month, day] = text.split('-').collect::<Vec<_>>()[..]
        && [year, month, day].map(str::len) == [4, 2, 2]
        && [year, month, day].into_iter().all(all)
    {
        return Some("a date");
    }
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let sixty =
        |part: &&str| all(part) && part.len() <= 2 && part.parse::<u8>().is_ok_and(|n| n < 60);
    (all(first) && !first.starts_with('0') && !rest.is_empty() && rest.iter().all(sixty))
        .then_some("a number to base 60")
}
