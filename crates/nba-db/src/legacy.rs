//! The legacy query functions: `%s` and `%(name)s` placeholders, rows as maps.
//!
//! The legacy package pasted values into the statement's text (psycopg2). Here placeholders become
//! real parameters, with the types psycopg2's literals had: a whole number is `integer` or
//! `bigint`, a float `numeric`, text is untyped. Three of its traps are errors here (database
//! dossier 6.4): a statement without result set in `execute_query`, whose effect was rolled back
//! silently; two columns of one name, of which the last won; and a placeholder inside a quoted
//! literal, which pasted text into text.
//!
//! ```no_run
//! # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
//! use nba_db::legacy::{LegacyParams, execute_query};
//! let games = execute_query(
//!     &db,
//!     "select * from games where season = %s and home_team like '%%Lakers'",
//!     &LegacyParams::Positional(&[2024_i64.into()]),
//! )
//! .await?;
//! # Ok(()) }
//! ```

use crate::database::Database;
use crate::error::{DbError, Result, statement_label};
use crate::param::{Param, params};
use crate::row::JsonRow;
use crate::writer::Writer;

/// The parameters of a legacy call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LegacyParams<'a> {
    /// None given: the statement is taken as it is, single `%` included.
    None,
    /// For `%s`, in order.
    Positional(&'a [Param]),
    /// For `%(name)s`.
    Named(&'a [(&'a str, Param)]),
}

/// Runs a query and returns its rows as maps with exact JSON values.
///
/// # Errors
/// As [`Database::query`]; a statement that gives no rows is refused **before** it runs.
pub async fn execute_query(
    db: &Database,
    sql: &str,
    given: &LegacyParams<'_>,
) -> Result<Vec<JsonRow>> {
    let (sql, list) = translate(sql, given)?;
    let session = db.session().await?;
    if session.prepare(&sql).await?.statement.columns().is_empty() {
        return Err(DbError::usage_with_hint(
            statement_label(&sql),
            "the statement gives no rows and was not run",
            "use `execute_write` with a writer",
        ));
    }
    session.query(&sql, &params(&list)).await
}

/// Runs a statement that writes and returns how many rows it touched.
///
/// # Errors
/// As [`Writer::execute`].
pub async fn execute_write(
    writer: &mut Writer,
    sql: &str,
    given: &LegacyParams<'_>,
) -> Result<u64> {
    let (sql, list) = translate(sql, given)?;
    writer.execute(&sql, &params(&list)).await
}

/// Rewrites placeholders to `$1`, `$2`, … and collects their values.
///
/// ```
/// use nba_db::Param;
/// use nba_db::legacy::{LegacyParams, translate};
/// let given = [("season", Param::Int(2024)), ("team", Param::from("O'Neal"))];
/// let (sql, values) = translate(
///     "select %(season)s, '%%', \"100%%\" from t where team = %(team)s or season = %(season)s",
///     &LegacyParams::Named(&given),
/// )?;
/// assert_eq!(sql, "select $1::int4, '%', \"100%\" from t where team = $2 or season = $1::int4");
/// assert_eq!(values, [Param::Int(2024), Param::from("O'Neal")]);
/// # Ok::<(), nba_db::DbError>(())
/// ```
///
/// # Errors
/// A placeholder inside a literal, quoted name or comment; another conversion than `s`; a single
/// `%`; a number of values other than of placeholders; an unknown name; a mixture of both styles.
pub fn translate(sql: &str, given: &LegacyParams<'_>) -> Result<(String, Vec<Param>)> {
    if *given == LegacyParams::None {
        return Ok((sql.to_owned(), Vec::new()));
    }
    let mut translation = Translation {
        label: statement_label(sql),
        given,
        out: String::with_capacity(sql.len() + 16),
        values: Vec::new(),
        names: Vec::new(),
        taken: 0,
    };
    translation.run(sql)?;
    if let LegacyParams::Positional(list) = given
        && translation.taken < list.len()
    {
        return Err(translation.problem(
            format!(
                "{} values for {} placeholders",
                list.len(),
                translation.taken
            ),
            "give one value for each `%s`",
        ));
    }
    Ok((translation.out, translation.values))
}

struct Translation<'a> {
    label: String,
    given: &'a LegacyParams<'a>,
    out: String,
    values: Vec<Param>,
    names: Vec<&'a str>,
    taken: usize,
}

impl<'a> Translation<'a> {
    fn problem(&self, problem: impl Into<String>, hint: &str) -> DbError {
        DbError::usage_with_hint(self.label.clone(), problem, hint)
    }

    fn run(&mut self, sql: &str) -> Result<()> {
        let mut rest = sql;
        while !rest.is_empty() {
            let (kind, length) = token(rest, self.out.chars().next_back());
            let (text, tail) = rest.split_at(length);
            match kind {
                Token::Code if text == "%" => {
                    rest = self.placeholder(tail)?;
                    continue;
                }
                Token::Code => self.out.push_str(text),
                Token::Quoted => self.quoted(text)?,
            }
            rest = tail;
        }
        Ok(())
    }

    /// `tail` follows a `%` in code; returns what follows the placeholder.
    fn placeholder<'s>(&mut self, tail: &'s str) -> Result<&'s str> {
        if let Some(tail) = tail.strip_prefix('%') {
            self.out.push('%');
            return Ok(tail);
        }
        match self.given {
            LegacyParams::Positional(list) => {
                let Some(tail) = tail.strip_prefix('s') else {
                    return Err(self.stray(tail));
                };
                let value = list.get(self.taken).ok_or_else(|| {
                    self.problem(
                        format!("only {} values", list.len()),
                        "give one value for each `%s`",
                    )
                })?;
                self.taken += 1;
                self.values.push(value.clone());
                self.push_parameter(self.values.len(), value);
                Ok(tail)
            }
            LegacyParams::Named(list) => {
                let Some((name, tail)) = tail
                    .strip_prefix('(')
                    .and_then(|tail| tail.split_once(")s"))
                else {
                    return Err(self.stray(tail));
                };
                let Some((name, value)) = list.iter().find(|(known, _)| *known == name) else {
                    return Err(self.problem(
                        format!("no value named `{name}`"),
                        "give every name a value",
                    ));
                };
                let at = match self.names.iter().position(|known| known == name) {
                    Some(at) => at,
                    None => {
                        self.names.push(name);
                        self.values.push(value.clone());
                        self.names.len() - 1
                    }
                };
                self.push_parameter(at + 1, value);
                Ok(tail)
            }
            LegacyParams::None => Err(self.stray(tail)),
        }
    }

    fn stray(&self, tail: &str) -> DbError {
        let shown: String = tail.chars().take_while(|c| *c != '\'').take(8).collect();
        self.problem(
            format!("`%{shown}` is not the kind of placeholder these values are for"),
            "use `%s` with a list, `%(name)s` with names, and `%%` for a percent sign",
        )
    }

    fn quoted(&mut self, text: &str) -> Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let (before, percent) = rest.split_at(at);
            self.out.push_str(before);
            let Some(tail) = percent.strip_prefix("%%") else {
                return Err(self.problem(
                    "a placeholder or single `%` inside a literal, quoted name or comment",
                    "write the value outside the quotes (`%s || ' days'`), and `%%` for a percent sign",
                ));
            };
            self.out.push('%');
            rest = tail;
        }
        self.out.push_str(rest);
        Ok(())
    }

    /// The type is the one PostgreSQL gives to the literal psycopg2 would have written.
    fn push_parameter(&mut self, number: usize, value: &Param) {
        let cast = match value {
            Param::Int(value) if i32::try_from(*value).is_ok() => "::int4",
            Param::Int(_) => "::int8",
            Param::Float(value) if value.is_finite() => "::numeric",
            Param::Float(_) => "::float8",
            Param::Bool(_) => "::bool",
            Param::Bytes(_) => "::bytea",
            Param::Text(_) | Param::Null => "",
        };
        self.out.push_str(&format!("${number}{cast}"));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Text in which a `%` is a placeholder; a `%` comes alone.
    Code,
    /// A literal, quoted identifier or comment, with its delimiters; unterminated ones reach to
    /// the end and are the server's to refuse.
    Quoted,
}

/// The token at the start of `sql`, and its length in bytes. `before` is the character before it.
fn token(sql: &str, before: Option<char>) -> (Token, usize) {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let after_name = before.is_some_and(is_name);
    let bytes = sql.as_bytes();
    match bytes {
        [b'%', ..] => (Token::Code, 1),
        [b'\'', ..] => (Token::Quoted, quoted_length(sql, 1, '\'', false)),
        [b'e' | b'E', b'\'', ..] if !after_name => {
            (Token::Quoted, quoted_length(sql, 2, '\'', true))
        }
        [b'"', ..] => (Token::Quoted, quoted_length(sql, 1, '"', false)),
        [b'-', b'-', ..] => (Token::Quoted, sql.find('\n').unwrap_or(sql.len())),
        [b'/', b'*', ..] => (Token::Quoted, comment_length(sql)),
        [b'$', ..] if !after_name => match dollar_length(sql) {
            Some(length) => (Token::Quoted, length),
            None => (Token::Code, 1),
        },
        _ => {
            // A whole word at once, so that `e` of `name'…` is not taken for an escape prefix.
            let word = sql.find(|c: char| !is_name(c)).unwrap_or(sql.len());
            let first = sql.chars().next().map_or(0, char::len_utf8);
            let starts_escape = word == 1 && matches!(bytes, [b'e' | b'E', b'\'', ..]);
            (
                Token::Code,
                if word == 0 || starts_escape {
                    first
                } else {
                    word
                },
            )
        }
    }
}

fn quoted_length(sql: &str, start: usize, quote: char, backslash: bool) -> usize {
    let mut chars = sql
        .char_indices()
        .skip_while(|(at, _)| *at < start)
        .peekable();
    while let Some((at, c)) = chars.next() {
        if backslash && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    sql.len()
}

/// Comments nest.
fn comment_length(sql: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = sql.as_bytes();
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    sql.len()
}

/// `$$…$$` or `$tag$…$tag$`; `None` for a parameter such as `$1`.
fn dollar_length(sql: &str) -> Option<usize> {
    let tag_end = sql[1..].find('$')? + 2;
    let tag = &sql[..tag_end];
    let inner = &tag[1..tag.len() - 1];
    let is_tag = inner.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !inner.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    Some(
        sql[tag_end..]
            .find(tag)
            .map_or(sql.len(), |end| tag_end + end + tag.len()),
    )
}

#[cfg(test)]
mod tests;
