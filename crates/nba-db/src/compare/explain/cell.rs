//! Which kind of difference one value has.

use super::kind::{Blank, Kind};
use super::{json, moment, number, text};
use crate::compare::{CellChange, ComparedAs, ComparedColumn};

/// Words that programs write where there is nothing.
const WORDS: [&str; 11] = [
    "none",
    "null",
    "nan",
    "na",
    "n/a",
    "nil",
    "nat",
    "undefined",
    "<null>",
    "\\n",
    "-",
];

/// What the values of a column are, as far as kinds of difference go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Number {
        float: bool,
    },
    Boolean,
    Time,
    Json,
    Text,
    /// Arrays, bytes and what else has no inside to look at.
    Whole,
}

impl Family {
    /// The family of a pair of columns.
    pub(super) fn of(column: &ComparedColumn) -> Self {
        let (left, right) = (
            Self::of_type(&column.left_type),
            Self::of_type(&column.right_type),
        );
        if left == right {
            return left;
        }
        match (column.compared_as, left, right) {
            (_, Self::Number { .. }, Self::Number { .. }) | (ComparedAs::Number, ..) => {
                Self::Number { float: true }
            }
            // Two spellings of something: their texts tell.
            _ => Self::Text,
        }
    }

    fn of_type(declared: &str) -> Self {
        let lower = declared.to_ascii_lowercase();
        if lower.ends_with("[]") {
            return Self::Whole;
        }
        let name = lower.split('(').next().unwrap_or_default().trim();
        match name {
            "smallint" | "integer" | "bigint" | "int2" | "int4" | "int8" | "oid" | "numeric"
            | "decimal" | "money" => Self::Number { float: false },
            "real" | "double precision" | "float4" | "float8" => Self::Number { float: true },
            "boolean" | "bool" => Self::Boolean,
            "json" | "jsonb" => Self::Json,
            "bytea" | "uuid" | "inet" | "cidr" | "macaddr" | "interval" | "bit" | "point" => {
                Self::Whole
            }
            _ if name == "date" || name.starts_with("time") => Self::Time,
            _ => Self::Text,
        }
    }
}

/// The kind of one changed value, seen alone.
pub(super) fn classify(family: Family, cell: &CellChange) -> Kind {
    let (old, new) = (cell.old.as_deref(), cell.new.as_deref());
    let (before, after) = (blank(family, old), blank(family, new));
    match (before, after) {
        // Zero and false are values, unless they stand in for NULL.
        (Some(old), Some(new)) if is_nothing(&old) || is_nothing(&new) => {
            return Kind::Blank { old, new };
        }
        (Some(from), None) if is_nothing(&from) => return Kind::Filled { from },
        (None, Some(to)) if is_nothing(&to) => return Kind::Lost { to },
        _ => {}
    }
    let (Some(old), Some(new)) = (old, new) else {
        // NULL is always nothing, see above.
        return Kind::Replaced;
    };
    if old == new {
        return Kind::Replaced;
    }
    match family {
        Family::Number { float } => number::classify(old, new, float),
        Family::Boolean => match (text::boolean(old), text::boolean(new)) {
            (Some(before), Some(after)) if before != after => Kind::Boolean { to: after },
            _ => Kind::SameBoolean,
        },
        Family::Time => moment::classify(old, new).unwrap_or(Kind::Replaced),
        Family::Json => json::classify(old, new),
        Family::Text => text::classify(old, new),
        Family::Whole => Kind::Replaced,
    }
}

fn is_nothing(blank: &Blank) -> bool {
    !matches!(blank, Blank::Zero | Blank::False)
}

/// The form of nothing a value is, if it is one.
fn blank(family: Family, value: Option<&str>) -> Option<Blank> {
    let Some(value) = value else {
        return Some(Blank::Null);
    };
    match family {
        Family::Number { .. } if number::is_nan(value) => Some(Blank::NotANumber),
        Family::Number { .. } => number::Number::parse(value)
            .is_some_and(number::Number::is_zero)
            .then_some(Blank::Zero),
        Family::Boolean => (text::boolean(value) == Some(false)).then_some(Blank::False),
        Family::Json => (value == "null").then(|| Blank::Word(value.to_owned())),
        Family::Text if value.is_empty() => Some(Blank::Empty),
        Family::Text if value.trim().is_empty() => Some(Blank::Spaces),
        Family::Text => WORDS
            .contains(&value.trim().to_ascii_lowercase().as_str())
            .then(|| Blank::Word(value.trim().to_owned())),
        Family::Time | Family::Whole => None,
    }
}

/// The kinds of all changed values of a row: values that only changed their column are told as that.
pub(super) fn classify_row(families: &[Family], cells: &[CellChange]) -> Vec<Kind> {
    let family = |at: usize| families.get(at).copied().unwrap_or(Family::Text);
    (0..cells.len())
        .map(|at| moved(&family, cells, at).unwrap_or_else(|| classify(family(at), &cells[at])))
        .collect()
}

/// Whether the value of this cell went to, came from or was exchanged with another changed cell.
fn moved(family: &impl Fn(usize) -> Family, cells: &[CellChange], at: usize) -> Option<Kind> {
    let cell = &cells[at];
    let others = || {
        cells
            .iter()
            .enumerate()
            .filter(move |(other, _)| *other != at)
    };
    let telling = |value: &Option<String>| {
        // Short values are equal by chance.
        value
            .as_ref()
            .is_some_and(|value| value.chars().count() > 1 && family(at) != Family::Boolean)
    };
    let swapped = others().find(|(_, other)| {
        other.old == cell.new
            && other.new == cell.old
            && (telling(&cell.old) || telling(&cell.new))
            && cell.old.is_some()
            && cell.new.is_some()
    });
    if let Some((_, other)) = swapped {
        return Some(Kind::Swapped {
            with: other.column.clone(),
        });
    }
    if telling(&cell.new)
        && let Some((_, other)) = others().find(|(_, other)| other.old == cell.new)
    {
        return Some(Kind::CameFrom {
            column: other.column.clone(),
        });
    }
    if telling(&cell.old)
        && let Some((_, other)) = others().find(|(_, other)| other.new == cell.old)
    {
        return Some(Kind::MovedTo {
            column: other.column.clone(),
        });
    }
    None
}
