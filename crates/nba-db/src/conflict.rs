//! Conflict clauses that can never meet a conflict.
//!
//! `on conflict do nothing` without a target is accepted by PostgreSQL on any table. On one without a unique key, or whose only
//! key is a serial number that the statement does not give, it is idle: a second run inserts every row again. The legacy
//! migration would have duplicated 14.1 million rows so, and was called safe to re-run (monitoring dossier F09, F29). A clause
//! *with* a target needs no guard: PostgreSQL itself refuses it without a matching key (SQLSTATE 42P10).

use tokio_postgres::Client;

use crate::error::{DbError, Result, statement_label};

/// An `insert` whose conflict clause names no target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Untargeted {
    /// The table as it is written.
    table: String,
    /// The columns given, as they are written; none means all of them.
    columns: Vec<String>,
}

/// The inserts of a text of SQL whose conflict clause names no target, in order.
///
/// It reads words, not grammar: an insert inside a function body or a string is not seen, and a table that the same text
/// creates is not there yet when it is asked for.
pub(crate) fn untargeted(sql: &str) -> Vec<Untargeted> {
    let tokens = tokens(sql);
    let word = |at: usize, text: &str| matches!(tokens.get(at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(text));
    let mut found = Vec::new();
    let mut insert: Option<Untargeted> = None;
    let mut at = 0;
    while at < tokens.len() {
        if word(at, "insert") && word(at + 1, "into") {
            let (next, read) = read_insert(&tokens, at + 2);
            insert = Some(read);
            at = next;
            continue;
        }
        if word(at, "on")
            && word(at + 1, "conflict")
            && word(at + 2, "do")
            && word(at + 3, "nothing")
        {
            found.extend(insert.take());
        }
        if tokens.get(at) == Some(&Token::Sign(';')) {
            insert = None;
        }
        at += 1;
    }
    found
}

/// Table and columns of an insert, from the word after `into`.
fn read_insert(tokens: &[Token<'_>], mut at: usize) -> (usize, Untargeted) {
    let mut read = Untargeted {
        table: String::new(),
        columns: Vec::new(),
    };
    while let Some(Token::Word(part)) = tokens.get(at) {
        read.table.push_str(part);
        at += 1;
        if tokens.get(at) != Some(&Token::Sign('.')) {
            break;
        }
        read.table.push('.');
        at += 1;
    }
    if matches!(tokens.get(at), Some(Token::Word(word)) if word.eq_ignore_ascii_case("as")) {
        at += 2;
    }
    if tokens.get(at) == Some(&Token::Sign('(')) {
        let mut inside = at + 1;
        while let Some(Token::Word(column)) = tokens.get(inside) {
            read.columns.push((*column).to_owned());
            inside += 1;
            if tokens.get(inside) != Some(&Token::Sign(',')) {
                break;
            }
            inside += 1;
        }
        if tokens.get(inside) == Some(&Token::Sign(')')) {
            return (inside + 1, read);
        }
        // `insert into t (select …)`: no list of columns.
        read.columns.clear();
    }
    (at, read)
}

/// What matters of SQL here; strings and comments do not.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A word, quoted where it is written quoted.
    Word(&'a str),
    /// Any other character.
    Sign(char),
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => comment(rest),
            '\'' => string(rest, false),
            'e' | 'E' if rest[1..].starts_with('\'') => 1 + string(&rest[1..], true),
            '"' => {
                let length = quoted(rest);
                tokens.push(Token::Word(&rest[..length]));
                length
            }
            '$' => dollar(rest).unwrap_or(1),
            _ if first.is_alphanumeric() || first == '_' => {
                let in_word =
                    |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
                let length = rest.find(|letter| !in_word(letter)).unwrap_or(rest.len());
                tokens.push(Token::Word(&rest[..length]));
                length
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(Token::Sign(first));
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// Length of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of a string; a doubled quote in it is read as two strings side by side.
fn string(text: &str, escapes: bool) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if escapes => {
                letters.next();
            }
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a quoted name with its doubled quotes.
fn quoted(text: &str) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].find('"') {
        at += next + 1;
        if !text[at..].starts_with('"') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Length of a dollar-quoted string, if it is one and no parameter.
fn dollar(text: &str) -> Option<usize> {
    let end = text[1..].find('$')? + 2;
    let tag = &text[..end];
    let name = &tag[1..end - 1];
    if !name
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_')
        || name.starts_with(|letter: char| letter.is_ascii_digit())
    {
        return None;
    }
    Some(
        text[end..]
            .find(tag)
            .map_or(text.len(), |at| end + at + end),
    )
}

/// Whether a conflict can happen: `$1` the table as written, `$2` the columns as written (all, where empty).
///
/// A key is met where every column of it is given or filled by something else than a sequence. Indexes over expressions and
/// exclusion constraints are taken for met. No row where there is no such table, or where it is a view: the statement itself
/// says what is wrong then.
pub(crate) const CAN_CONFLICT_SQL: &str = "\
select exists (select from pg_catalog.pg_index i where i.indrelid = c.oid and (i.indisunique or i.indisexclusion) and i.indisvalid \
  and i.indisready and i.indimmediate and not exists (select from pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) as k(n) \
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.n \
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum \
    where (a.attidentity <> '' or pg_catalog.pg_get_expr(d.adbin, d.adrelid) like 'nextval(%') \
      and pg_catalog.cardinality($2::text[]) > 0 and not exists (select from pg_catalog.unnest($2::text[]) as w(name) \
        where a.attname = (pg_catalog.parse_ident(w.name))[1]))) \
from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass($1) and c.relkind in ('r', 'p')";

/// Refuses an insert whose conflict clause can never meet a conflict.
pub(crate) async fn refuse_idle(client: &Client, sql: &str, insert: &Untargeted) -> Result<()> {
    let operation = || statement_label(sql);
    let row = client
        .query_opt(CAN_CONFLICT_SQL, &[&insert.table, &insert.columns])
        .await
        .map_err(|error| DbError::from_tokio(operation(), error))?;
    if row.is_none_or(|row| row.get(0)) {
        return Ok(());
    }
    let table = &insert.table;
    Err(DbError::usage_with_hint(
        operation(),
        format!(
            "`on conflict do nothing` on `{table}` has no unique key behind it, so a second run inserts every row again"
        ),
        format!(
            "add a unique index on the columns that tell rows of `{table}` apart and name them in the clause, `on conflict (…)`; a serial number that the statement does not give is no such key"
        ),
    ))
}

#[cfg(test)]
mod tests;
