//! Which tables a simple query reads, told from its text; nothing where there is the least doubt.
//!
//! A heartbeat's statement is its owner's, and asking the server what it would read costs as much as most of them cost. Most are a
//! count or a newest time of one table: for these the text says everything the answer depends on. What calls a function that is
//! not known here, asks for the time or the user, names a table without its schema, or is written in a way that is not understood, may
//! depend on anything, and is asked at each look.

use nba_db::ident::TableName;

/// Functions whose answer depends on their rows alone.
const FUNCTIONS: [&str; 7] = ["count", "min", "max", "sum", "abs", "lower", "upper"];

/// Words that may stand before a parenthesis without calling anything.
const BEFORE_PARENTHESIS: [&str; 12] = [
    "in", "and", "or", "not", "where", "on", "from", "join", "exists", "filter", "select", "by",
];

/// Words by which an answer comes to depend on more than rows, or tables are read in a form that is not looked for here.
const DOUBTFUL: [&str; 18] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_user",
    "current_role",
    "current_catalog",
    "current_schema",
    "session_user",
    "user",
    "table",
    "tablesample",
    "lateral",
    "only",
    "with",
    "operator",
    "into",
];

/// What a date or time literal may say that changes by itself.
const MOVING: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word, folded as the server folds it, or the inside of a quoted one.
    Name(String),
    /// A word that may be a keyword.
    Word(String),
    Value,
    Sign(char),
}

/// All tables the query reads, or nothing when that cannot be told for sure.
pub(super) fn tables(sql: &str) -> Option<Vec<TableName>> {
    let tokens = tokens(sql)?;
    let mut tables = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let Token::Word(word) = token else { continue };
        if DOUBTFUL.contains(&word.as_str()) {
            return None;
        }
        let opens = tokens.get(at) == Some(&Token::Sign('('));
        let known =
            FUNCTIONS.contains(&word.as_str()) || BEFORE_PARENTHESIS.contains(&word.as_str());
        if opens && !known {
            return None;
        }
        if matches!(word.as_str(), "from" | "join") && !opens {
            let [schema, Token::Sign('.'), name] = tokens.get(at..at + 3)? else {
                return None;
            };
            let (schema, name) = (schema.name()?, name.name()?);
            at += 3;
            // A call, a third part, or a sign that makes something else of it.
            if !matches!(
                tokens.get(at),
                None | Some(Token::Word(_) | Token::Name(_) | Token::Sign(')'))
            ) {
                return None;
            }
            tables.push(TableName::new(schema, name));
        }
    }
    (!tables.is_empty()).then_some(tables)
}

impl Token {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) | Self::Word(name) => Some(name),
            _ => None,
        }
    }
}

fn tokens(sql: &str) -> Option<Vec<Token>> {
    let sql = sql.trim().trim_end_matches(';');
    let mut letters = sql.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter.is_ascii_whitespace() => {}
            'a'..='z' | 'A'..='Z' | '_' => {
                let mut word = letter.to_ascii_lowercase().to_string();
                while let Some(next) =
                    letters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
                {
                    word.push(next.to_ascii_lowercase());
                }
                // Another kind of literal, or a letter that folds in ways of its own.
                if matches!(letters.peek(), Some('\'' | '"' | '$'))
                    || letters.peek().is_some_and(|next| !next.is_ascii())
                {
                    return None;
                }
                tokens.push(Token::Word(word));
            }
            '0'..='9' => {
                while letters
                    .next_if(|next| next.is_ascii_alphanumeric() || *next == '.')
                    .is_some()
                {}
                tokens.push(Token::Value);
            }
            '"' => tokens.push(Token::Name(quoted(&mut letters, '"')?)),
            '\'' => {
                let text = quoted(&mut letters, '\'')?.to_ascii_lowercase();
                if text.contains('\\') || MOVING.iter().any(|moving| text.contains(moving)) {
                    return None;
                }
                tokens.push(Token::Value);
            }
            '-' if letters.peek() == Some(&'-') => return None,
            '/' if letters.peek() == Some(&'*') => return None,
            '(' | ')' | '.' | '*' | '=' | '<' | '>' | '!' | '+' | '-' | '/' | '%' | ':' => {
                tokens.push(Token::Sign(letter));
            }
            // A comma makes a list of tables, among others; the rest is no part of a simple query.
            _ => return None,
        }
    }
    Some(tokens)
}

/// The inside of quotes; a doubled one is one of its letters.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, mark: char) -> Option<String> {
    let mut text = String::new();
    loop {
        let letter = letters.next()?;
        if letter != mark {
            text.push(letter);
        } else if letters.next_if_eq(&mark).is_some() {
            text.push(mark);
        } else {
            return Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sql: &str) -> Option<String> {
        let tables = tables(sql)?;
        let names = tables.iter().map(TableName::to_string);
        Some(names.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn simple_queries_say_what_they_read() {
        for (sql, expected) in [
            ("select count(*) from public.games", "public.games"),
            ("SELECT Max(created_at) FROM Public.Games;", "public.games"),
            (
                "select count(*) from public.games g join a.\"B c\" x on g.id = x.id where g.season = '2024-25'",
                "public.games a.B c",
            ),
            (
                "select count(*) from public.games where id in (select id from public.done) and n > 3.5",
                "public.games public.done",
            ),
            (
                "select sum(n)::float8 from (select count(*) as n from public.games) counts",
                "public.games",
            ),
            (
                "select count(*) filter (where done) from public.games",
                "public.games",
            ),
        ] {
            assert_eq!(said(sql).as_deref(), Some(expected), "{sql}");
        }
    }

    #[test]
    fn what_may_depend_on_anything_else_is_not_known() {
        for sql in [
            "",
            "select 1",
            "select count(*) from games",
            "select count(*) from db.public.games",
            "select count(*) from public.games, public.done",
            "select count(*) from public.rows_of('games')",
            "select mine(count(*)) from public.games",
            "select count(*) from public.games where at > now() - interval '1 day'",
            "select count(*) from public.games where at > current_date",
            "select count(*) from public.games where at > 'now'",
            "select count(*) from public.games where at > ' Yesterday '::date",
            "select count(*) from public.games where at > E'\\156ow'",
            "select count(*) from public.games where by = user",
            "select extract(epoch from max(at)) from public.games",
            "with g as (select 1) select count(*) from public.games",
            "select count(*) from public.games -- , public.done",
            "select count(*) from public.games /* */",
            "select count(*) from only public.games",
            "select count(*) from public.games where a operator(mine.=) b",
            "select count(*) from U&\"publi\\0063\".games",
            "select count(*) from public.games where a = $$x$$",
            "select count(*) from public.Übung",
            "select count(*) from public.games; delete from public.games",
            "select count(*) from public.games where a = 'x",
        ] {
            assert_eq!(said(sql), None, "{sql}");
        }
    }
}
