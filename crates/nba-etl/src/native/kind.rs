//! What a column of the target takes, so that a row that does not fit is put aside before it can stop all others.

use std::borrow::Cow;

use nba_db::ident::TableName;
use nba_db::{Database, DbError, TextRows};

/// The type of a column, as far as it decides what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number of so many bits.
    Whole(u32),
    /// A binary fraction.
    Double,
    /// With the digits before the point, where they are limited.
    Numeric(Option<u32>),
    /// True or false.
    Truth,
    /// A day.
    Date,
    /// A day and a time.
    Moment,
    /// With the characters it takes, where they are limited.
    Text(Option<usize>),
}

impl Kind {
    /// From PostgreSQL's `format_type`.
    pub(super) fn of(name: &str) -> Kind {
        let inner = name
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(inner, _)| inner);
        match name.split('(').next().unwrap_or(name) {
            "smallint" => Kind::Whole(16),
            "integer" => Kind::Whole(32),
            "bigint" => Kind::Whole(64),
            "real" | "double precision" => Kind::Double,
            "numeric" => Kind::Numeric(inner.and_then(|inner| {
                let (precision, scale) = inner.split_once(',')?;
                let precision: u32 = precision.trim().parse().ok()?;
                precision.checked_sub(scale.trim().parse().ok()?)
            })),
            "boolean" => Kind::Truth,
            "date" => Kind::Date,
            _ if name.starts_with("timestamp") => Kind::Moment,
            "character varying" | "character" => {
                Kind::Text(inner.and_then(|inner| inner.parse().ok()))
            }
            _ => Kind::Text(None),
        }
    }

    /// In words, for the reason why something does not fit.
    pub(super) fn says(self) -> Cow<'static, str> {
        match self {
            Kind::Whole(bits) => Cow::Owned(format!("a whole number of {bits} bits")),
            Kind::Double | Kind::Numeric(None) => Cow::Borrowed("a number"),
            Kind::Numeric(Some(digits)) => {
                Cow::Owned(format!("a number with {digits} digits before the point"))
            }
            Kind::Truth => Cow::Borrowed("a truth value"),
            Kind::Date => Cow::Borrowed("a date"),
            Kind::Moment => Cow::Borrowed("a moment"),
            Kind::Text(None) => Cow::Borrowed("a text"),
            Kind::Text(Some(limit)) => Cow::Owned(format!("a text of at most {limit} characters")),
        }
    }

    /// Whether the server is sure to refuse this text. Where that is not known here, as with dates, it is left to the server.
    fn refuses(self, text: &str) -> bool {
        let trimmed = text.trim();
        match self {
            Kind::Whole(bits) => match trimmed.parse::<i64>() {
                Ok(value) => match bits {
                    16 => i16::try_from(value).is_err(),
                    32 => i32::try_from(value).is_err(),
                    _ => false,
                },
                Err(_) => true,
            },
            Kind::Double | Kind::Numeric(_) => trimmed.parse::<f64>().is_err(),
            Kind::Truth => {
                let lower = trimmed.to_ascii_lowercase();
                let words = ["true", "false", "yes", "no", "on", "off", "1", "0"];
                lower.is_empty() || !words.iter().any(|word| word.starts_with(&lower))
            }
            // What is too long only by spaces is cut by the server.
            Kind::Text(Some(limit)) => text.trim_end_matches(' ').chars().count() > limit,
            Kind::Text(None) | Kind::Date | Kind::Moment => false,
        }
    }
}

const COLUMNS_SQL: &str = "select attname::text, format_type(atttypid, atttypmod) from pg_attribute \
     where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum";

/// The columns of a table that can be written, in its order.
pub(super) async fn columns_of(
    db: &Database,
    table: &TableName,
) -> Result<Vec<(String, Kind)>, DbError> {
    let rows = db.query_rows(COLUMNS_SQL, &[&table.sql()]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (name, kind): (String, String) = (row.get(0), row.get(1));
            (name, Kind::of(&kind))
        })
        .collect())
}

/// Takes out rows that the server is sure to refuse, with their number (from 1) and the reason; `kinds` are those of the rows' cells.
pub(super) fn sift(rows: &mut TextRows, kinds: &[(String, Kind)]) -> Vec<(usize, String)> {
    let refused: Vec<(usize, String)> = lines(rows.as_bytes())
        .enumerate()
        .filter_map(|(at, line)| problem(line, kinds).map(|reason| (at, reason)))
        .collect();
    if refused.is_empty() {
        return refused;
    }
    let mut kept = TextRows::default();
    for (at, line) in lines(rows.as_bytes()).enumerate() {
        if refused.binary_search_by_key(&at, |(at, _)| *at).is_ok() {
            continue;
        }
        for cell in line.split(|byte| *byte == b'\t') {
            match unescaped(cell) {
                Some(text) => kept.text(&text),
                None => kept.null(),
            };
        }
        kept.end_row();
    }
    *rows = kept;
    refused
        .into_iter()
        .map(|(at, reason)| (at + 1, reason))
        .collect()
}

/// A line feed of a text is escaped: one as it is ends a row.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

fn problem(line: &[u8], kinds: &[(String, Kind)]) -> Option<String> {
    line.split(|byte| *byte == b'\t')
        .zip(kinds)
        .find_map(|(cell, (name, kind))| {
            let text = unescaped(cell)?;
            if text.contains('\0') {
                return Some(format!(
                    "`{name}` holds a NUL character, which PostgreSQL does not take"
                ));
            }
            kind.refuses(&text)
                .then(|| format!("`{name}` is `{text}`, not {}", kind.says()))
        })
}

/// The text of a cell; `None` is NULL.
fn unescaped(cell: &[u8]) -> Option<Cow<'_, str>> {
    if cell == b"\\N" {
        return None;
    }
    // Rows are made of texts.
    let text = String::from_utf8_lossy(cell);
    if !text.contains('\\') {
        return Some(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            letter => letter,
        });
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_fit_goes() {
        let kinds = [
            ("id".to_owned(), Kind::Text(Some(3))),
            ("score".to_owned(), Kind::Whole(16)),
            ("text".to_owned(), Kind::Text(None)),
            ("made".to_owned(), Kind::Truth),
        ];
        let mut rows = TextRows::default();
        let mut add = |cells: [Option<&str>; 4]| {
            for cell in cells {
                rows.optional(cell);
            }
            rows.end_row();
        };
        add([Some("a\tb"), Some("-7"), Some("x\\N\n"), Some("t")]);
        add([Some("abcd"), Some("1"), None, None]);
        add([Some("a"), Some("32768"), None, None]);
        add([Some("a"), Some("1.0"), None, None]);
        add([Some("a"), Some("1"), Some("\0"), None]);
        add([Some("a"), Some("1"), None, Some("maybe")]);
        add([Some("abc "), None, Some(""), Some("FALSE")]);
        let refused = sift(&mut rows, &kinds);
        assert_eq!(
            refused,
            [
                (
                    2,
                    "`id` is `abcd`, not a text of at most 3 characters".to_owned()
                ),
                (
                    3,
                    "`score` is `32768`, not a whole number of 16 bits".to_owned()
                ),
                (
                    4,
                    "`score` is `1.0`, not a whole number of 16 bits".to_owned()
                ),
                (
                    5,
                    "`text` holds a NUL character, which PostgreSQL does not take".to_owned()
                ),
                (6, "`made` is `maybe`, not a truth value".to_owned()),
            ]
        );
        let mut expected = TextRows::default();
        expected
            .text("a\tb")
            .text("-7")
            .text("x\\N\n")
            .text("t")
            .end_row();
        expected
            .text("abc ")
            .null()
            .text("")
            .text("FALSE")
            .end_row();
        assert_eq!(rows.as_bytes(), expected.as_bytes());
        assert_eq!(rows.rows(), 2);
        assert!(sift(&mut rows, &kinds).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn a_cell_comes_back_as_it_was(text in proptest::collection::vec(proptest::char::any(), 0..20)) {
            let text: String = text.into_iter().collect();
            let mut rows = TextRows::default();
            rows.text(&text).end_row();
            let line = lines(rows.as_bytes()).next().unwrap();
            let back = unescaped(line);
            proptest::prop_assert_eq!(back.as_deref(), Some(text.as_str()));
        }
    }
}
