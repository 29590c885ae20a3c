//! Keeping secrets out of everything that is written.
//!
//! Two nets, because each has holes: values that were registered are found wherever they stand, also in their escaped forms;
//! patterns find secrets nobody registered, by the company they keep (`password=…`, `scheme://user:…@`, AWS keys).
//! Hiding too much is accepted, hiding too little is not.
//!
//! ```
//! use nba_utils::redact::Redactor;
//!
//! let redactor = Redactor::new();
//! redactor.register("correct horse");
//! assert_eq!(redactor.redact("said: correct horse"), "said: ***");
//! assert_eq!(redactor.redact("PGPASSWORD=x psql"), "PGPASSWORD=*** psql");
//! assert_eq!(redactor.redact("postgres://app:x@db/nba"), "postgres://app:***@db/nba");
//! ```

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use regex::{Captures, Regex};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// The shortest value that is searched for by itself, in bytes. Shorter ones would blacken half of every text, and show by the
/// holes what they are; the patterns still hide them where they are named.
pub const MIN_SECRET_BYTES: usize = 4;

/// Hides secrets in text. Clones share what was registered.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Every spelling of every registered value.
    secrets: Arc<RwLock<BTreeSet<String>>>,
}

impl Redactor {
    /// A redactor that knows the patterns and no values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides this value from now on, in its plain, JSON-escaped, Debug-escaped and percent-encoded spelling.
    ///
    /// Returns whether it is long enough to be searched for ([`MIN_SECRET_BYTES`]).
    pub fn register(&self, secret: &str) -> bool {
        let secret = secret.trim();
        if secret.len() < MIN_SECRET_BYTES {
            return false;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        secrets.extend(spellings(secret));
        // a value over several lines may be printed line by line
        for line in secret
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= MIN_SECRET_BYTES)
        {
            secrets.extend(spellings(line));
        }
        true
    }

    /// The text with every secret replaced by [`MASK`]; borrowed when there was none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = self.redact_values(text);
        PATTERNS
            .iter()
            .fold(text, |text, pattern| match pattern.apply(&text) {
                Cow::Borrowed(_) => text,
                Cow::Owned(hidden) => Cow::Owned(hidden),
            })
    }

    /// Redacts every string in a JSON value, and hides whole values under keys that name a secret.
    ///
    /// Other than redacting the printed form, this cannot break the syntax.
    pub fn redact_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(hidden) = self.redact(text) {
                    *text = hidden;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(entries) => {
                for (key, mut entry) in std::mem::take(entries) {
                    if SECRET_NAME.is_match(&key) && !entry.is_null() {
                        entry = Value::String(MASK.to_owned());
                    } else {
                        self.redact_json(&mut entry);
                    }
                    entries.insert(self.redact_values(&key).into_owned(), entry);
                }
            }
            // a password of digits alone may be logged as a number
            Value::Number(number) => {
                if let Cow::Owned(hidden) = self.redact_values(&number.to_string()) {
                    *value = Value::String(hidden);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn redact_values<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for secret in self
            .secrets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(secret.as_str())) {
                let start = from + at;
                found.push(start..start + secret.len());
                // one character on, so that a value overlapping itself is hidden whole
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| range.start);
        let mut hidden = String::with_capacity(text.len());
        let mut copied = 0;
        for range in found {
            if range.start >= copied {
                hidden.push_str(&text[copied..range.start]);
                hidden.push_str(MASK);
            }
            copied = copied.max(range.end);
        }
        hidden.push_str(&text[copied..]);
        Cow::Owned(hidden)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self
            .secrets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        f.debug_struct("Redactor")
            .field("spellings", &count)
            .finish()
    }
}

/// Whether a setting of this name holds a secret (`DB_PASSWORD`, `aws_secret_access_key`, `api-key`).
///
/// ```
/// use nba_utils::redact::names_a_secret;
/// assert!(names_a_secret("RDS_PASSWORD"));
/// assert!(!names_a_secret("RDS_HOST"));
/// ```
pub fn names_a_secret(name: &str) -> bool {
    SECRET_NAME.is_match(name)
}

/// The forms in which a value can turn up in a line of log.
fn spellings(secret: &str) -> [String; 4] {
    let inner = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
    let json = inner(Value::String(secret.to_owned()).to_string());
    let debug = inner(format!("{secret:?}"));
    [secret.to_owned(), json, debug, percent_encoded(secret)]
}

/// Percent-encoded the way URL builders do it for a password: everything but unreserved characters.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// A name that ends in a word for a secret, with few words allowed behind, so that `password_file` and `token_count` stay visible.
/// Case is folded for ASCII alone, which needs no Unicode table in the regex crate.
const NAME: &str = r"(?i-u:[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|x-amz-signature)(?:s|[_-](?:id|key|value|text|string|base64))*)";

static SECRET_NAME: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!("^(?:{NAME}|(?i-u:(?:proxy-)?authorization))$")));

static PATTERNS: LazyLock<[Pattern; 7]> = LazyLock::new(|| {
    // colour codes may stand between a field's name, its equals sign and its value
    let colour = r"(?:\x1b\[[0-9;]*m)*";
    // quoted (also within an escaped or unfinished text) with what a shell would glue to it, or everything up to a space
    let value = concat!(
        r#"(?:\\+"(?s:.*?)(?:\\+"|$)|\\+'(?s:.*?)(?:\\+'|$)"#,
        r#"|(?:"(?:[^"\\]|\\(?s:.))*(?:"|$)[^\s\x1b,;&)}\]"']*)+"#,
        r#"|(?:'(?:[^'\\]|\\(?s:.))*(?:'|$)[^\s\x1b,;&)}\]"']*)+"#,
        r#"|[^\s\x1b"'][^\s\x1b]*)"#,
    );
    [
        Pattern::new(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
            MASK,
        ),
        Pattern::new(
            &format!(
                r#"\b((?i-u:authorization){colour}\\*["']?\s*[:=]{colour}\s*\\*["']?(?:(?i-u:bearer|basic|aws4-hmac-sha256)\s+)?)[^"'\r\n]+"#
            ),
            "${1}***",
        ),
        Pattern::new(r"\b((?i-u:bearer)\s+)[A-Za-z0-9._~+/=-]{16,}", "${1}***"),
        // SQL: `ALTER ROLE app PASSWORD 'x'`
        Pattern::new(r"\b((?i-u:password)\s+)(?:'[^']*(?:'|$))+", "${1}***"),
        Pattern::new(
            &format!(r#"({NAME}{colour}\\*["']?\s*(?:=>|=|:){colour}\s*|--{NAME}\s+){value}"#),
            "${1}***",
        ),
        // up to the last @, because passwords written by hand contain @ and / too
        Pattern::new(
            r#"\b([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"]*):[^\s"]+@"#,
            "${1}:***@",
        ),
        Pattern::new(r"\b((?:AKIA|ASIA|AIDA|AROA))[A-Z0-9]{16}\b", "${1}***"),
    ]
});

struct Pattern {
    regex: Regex,
    replacement: &'static str,
}

impl Pattern {
    fn new(regex: &str, replacement: &'static str) -> Self {
        Self {
            regex: compile(regex),
            replacement,
        }
    }

    fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.regex.replace_all(text, |found: &Captures<'_>| {
            let mut hidden = String::new();
            found.expand(self.replacement, &mut hidden);
            hidden
        })
    }
}

fn compile(regex: &str) -> Regex {
    Regex::new(regex).expect("the patterns are constants and every one is used in a test")
}
