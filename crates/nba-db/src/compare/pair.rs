//! A pair of columns: what counts as equal, in which form values travel, and in which order keys come.

use super::decimal::Decimal;
use super::describe::{Column, Kind};
use super::form::{Form, Order, signed};
use super::outcome::{ComparedAs, ComparedColumn};
use super::spec::Tolerance;
use crate::ident::{self, Ident};

const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const OID: u32 = 26;
const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const CHAR: u32 = 18;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const BPCHAR: u32 = 1042;
const DATE: u32 = 1082;
const TIME: u32 = 1083;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const NUMERIC: u32 = 1700;
const UUID: u32 = 2950;

const WHOLE: [u32; 3] = [INT2, INT4, INT8];
const NUMBERS: [u32; 7] = [INT2, INT4, INT8, OID, NUMERIC, FLOAT4, FLOAT8];
const MOMENTS: [u32; 3] = [DATE, TIMESTAMP, TIMESTAMPTZ];

/// In which form the server sends a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// As it is.
    Plain,
    /// Its text form.
    Text,
    /// Its text form with the blanks that `character` otherwise loses.
    Padded,
    /// As a value of one of PostgreSQL's own types.
    Cast(&'static str),
}

impl Wire {
    pub(super) fn sql(self, column: &str) -> String {
        match self {
            Self::Plain => column.to_owned(),
            Self::Text => format!("{column}::pg_catalog.text"),
            Self::Padded => format!("pg_catalog.textin(pg_catalog.bpcharout({column}))"),
            Self::Cast(to) => format!("{column}::pg_catalog.{to}"),
        }
    }
}

/// How bytes become the exact text of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextOf {
    /// They are it.
    Utf8,
    /// They are it, after a byte with the version.
    Jsonb,
    /// One byte.
    Bool,
    /// A whole number.
    Whole,
    /// The server that sent them tells; the type is given by its quoted name.
    Server(String),
}

impl TextOf {
    /// The text, where the server is not needed for it.
    pub(super) fn here(&self, value: &[u8]) -> Option<String> {
        let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        match self {
            Self::Utf8 => utf8(value),
            Self::Jsonb => utf8(value.strip_prefix(&[1])?),
            Self::Bool => Some(if value == [0] { "false" } else { "true" }.to_owned()),
            Self::Whole => signed(value).map(|number| number.to_string()),
            Self::Server(_) => None,
        }
    }
}

/// How two columns are told apart inside the server; it may take equal values for different ones, never the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Differs {
    /// By the type's own equality, which is exact.
    Value,
    /// Byte by byte.
    Bytes,
    /// By value, and both zeros apart.
    Float,
    /// By what is sent.
    Wire,
}

/// What the server orders a key column by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OrderBy {
    /// The column itself.
    Column,
    /// Text that is a column of a text type, byte by byte.
    Text,
    /// What is sent, byte by byte.
    Wire,
}

/// What a tolerance in seconds needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Days,
    Microseconds,
}

/// A pair of columns.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) compared: ComparedColumn,
    /// Left and right.
    pub(super) wire: [Wire; 2],
    pub(super) text: [TextOf; 2],
    pub(super) form: Form,
    pub(super) order: Order,
    /// Whether NULL is possible on either side.
    pub(super) nullable: bool,
    /// Whether an index on each side has the order in which rows are joined; the reason if not.
    pub(super) joinable: Result<(), &'static str>,
    order_by: OrderBy,
    differs: Differs,
    // The type of bounds.
    bound: String,
    // The text order of a server's encoding is not that of UTF-8.
    recode: bool,
    // A text column whose own equality is that of its bytes, so that its index finds a key.
    findable: bool,
    clock: Option<Clock>,
}

impl Pair {
    /// `recode` where a server's encoding has another order than UTF-8.
    pub(super) fn new(left: &Column, right: &Column, recode: bool) -> Self {
        let (l, r) = (&left.kind, &right.kind);
        let both = |set: &[u32]| set.contains(&l.oid) && set.contains(&r.oid);
        let same = l.signature == r.signature;
        let text = |wire| ([wire; 2], [TextOf::Utf8, TextOf::Utf8], Form::Bytes);
        let (wire, texts, form) = match (&l.form, &r.form) {
            (Some(form), Some(_)) if same && l.oid != BPCHAR => (
                [Wire::Plain; 2],
                [text_of(l, form), text_of(r, form)],
                form.clone(),
            ),
            // A declared length pads both sides alike; without one, blanks at the end are kept, and count.
            _ if l.oid == BPCHAR && r.oid == BPCHAR && left.modifier == right.modifier => {
                text(Wire::Padded)
            }
            _ if both(&WHOLE) => (
                [Wire::Cast("int8"); 2],
                [TextOf::Whole, TextOf::Whole],
                Form::Bytes,
            ),
            _ if both(&NUMBERS) => (
                [Wire::Text; 2],
                [TextOf::Utf8, TextOf::Utf8],
                Form::NumberText,
            ),
            _ if both(&MOMENTS) => {
                let to = if [l.oid, r.oid].contains(&TIMESTAMPTZ) {
                    "timestamptz"
                } else {
                    "timestamp"
                };
                let text = TextOf::Server(format!("pg_catalog.{to}"));
                ([Wire::Cast(to); 2], [text.clone(), text], Form::Bytes)
            }
            _ if is_json(l) && is_json(r) => (
                [Wire::Cast("jsonb"); 2],
                [TextOf::Jsonb, TextOf::Jsonb],
                Form::Jsonb,
            ),
            _ => text(Wire::Text),
        };
        let is_number = both(&NUMBERS) && !matches!(form, Form::Float);
        let clock = match (l.oid, r.oid) {
            (DATE, DATE) => Some(Clock::Days),
            (TIME, TIME) => Some(Clock::Microseconds),
            _ if both(&MOMENTS) => Some(Clock::Microseconds),
            _ => None,
        };
        let mut pair = Self {
            compared: ComparedColumn {
                left: left.name.clone(),
                right: right.name.clone(),
                left_type: left.declared.clone(),
                right_type: right.declared.clone(),
                compared_as: if is_number {
                    ComparedAs::Number
                } else {
                    ComparedAs::Exact
                },
                tolerance: None,
            },
            differs: differs(l.oid, wire[0], &form, both(&WHOLE), same),
            wire,
            text: texts,
            form,
            order: Order::Bytes,
            nullable: !(left.not_null && right.not_null),
            joinable: Err("its order is not that of an index"),
            order_by: OrderBy::Wire,
            bound: "pg_catalog.text".to_owned(),
            recode,
            findable: l.signature == "text" && same && left.deterministic && right.deterministic,
            clock,
        };
        pair.find_order(left, right);
        pair
    }

    fn find_order(&mut self, left: &Column, right: &Column) {
        let oids = [left.kind.oid, right.kind.oid];
        let all = |set: &[u32]| oids.iter().all(|oid| set.contains(oid));
        let (order, order_by, bound) = match self.wire[0] {
            Wire::Plain if all(&[INT2, INT4, INT8, DATE, TIME, TIMESTAMP, TIMESTAMPTZ]) => {
                (Order::Signed, OrderBy::Column, left.kind.sql.clone())
            }
            Wire::Plain if all(&[BOOL, BYTEA, CHAR, UUID]) => {
                (Order::Bytes, OrderBy::Column, left.kind.sql.clone())
            }
            Wire::Plain if all(&[NUMERIC]) => {
                (Order::Numeric, OrderBy::Column, left.kind.sql.clone())
            }
            Wire::Plain if all(&[FLOAT4, FLOAT8]) => {
                (Order::Float, OrderBy::Column, left.kind.sql.clone())
            }
            Wire::Cast(to @ ("int8" | "timestamp" | "timestamptz")) => {
                (Order::Signed, OrderBy::Column, format!("pg_catalog.{to}"))
            }
            Wire::Text if self.form == Form::NumberText => (
                Order::NumberText,
                OrderBy::Column,
                "pg_catalog.numeric".to_owned(),
            ),
            Wire::Plain if left.kind.signature == "text" => {
                (Order::Bytes, OrderBy::Text, "pg_catalog.text".to_owned())
            }
            _ => return,
        };
        (self.order, self.order_by, self.bound) = (order, order_by, bound);
        let is_text = order_by == OrderBy::Text;
        self.joinable = if order == Order::Float {
            Err("floating-point numbers are no exact keys")
        } else if is_text && left.collation != right.collation {
            Err("it is sorted differently on the two sides")
        } else if is_text && !self.findable {
            Err("its collation takes different texts for equal")
        } else {
            Ok(())
        };
    }

    /// Makes this pair part of the key: what has no order that both servers share is compared by its text.
    pub(super) fn into_key(mut self) -> Self {
        if self.order_by == OrderBy::Wire && self.wire[0] == Wire::Plain {
            self.wire = [Wire::Text; 2];
            self.text = [TextOf::Utf8, TextOf::Utf8];
            self.form = Form::Bytes;
            self.differs = Differs::Wire;
        }
        self
    }

    /// Allows a deviation; the reason if that means nothing for these columns.
    pub(super) fn allow(&mut self, tolerance: &Tolerance) -> Result<(), &'static str> {
        let is_number = self.compared.compared_as == ComparedAs::Number
            || matches!(self.form, Form::Numeric | Form::NumberText | Form::Float);
        if !is_number && self.clock.is_none() {
            return Err("is neither a number nor a date or time");
        }
        self.compared.tolerance = Some(tolerance.clone());
        Ok(())
    }

    /// Whether two different values are close enough to count as equal.
    pub(super) fn tolerates(&self, bytes: [Option<&[u8]>; 2], texts: [Option<&str>; 2]) -> bool {
        let Some(tolerance) = &self.compared.tolerance else {
            return false;
        };
        let number = |at: usize| match self.clock {
            None => Decimal::parse(texts[at]?),
            Some(clock) => seconds(clock, bytes[at]?),
        };
        match (number(0), number(1)) {
            (Some(left), Some(right)) => left.is_within(&right, &tolerance.0),
            _ => false,
        }
    }

    /// A condition on a joined pair of rows that holds for every two values that are not the same.
    pub(super) fn differs_sql(&self, left: &str, right: &str) -> String {
        match self.differs {
            Differs::Value => format!("{left} is distinct from {right}"),
            Differs::Bytes => {
                format!("{left} collate pg_catalog.\"C\" is distinct from {right}")
            }
            Differs::Float => format!(
                "({left} is distinct from {right} or ({left} = 0 and {left}::pg_catalog.text is distinct from {right}::pg_catalog.text))"
            ),
            Differs::Wire => format!(
                "{} collate pg_catalog.\"C\" is distinct from {}",
                self.text_sql(0, left),
                self.text_sql(1, right)
            ),
        }
    }

    /// Whether bounds on this column divide the rows of both sides in the same way. Where a column of one side is converted to be
    /// compared with a bound, rounding could put equal keys on different sides of it.
    pub(super) fn is_divisible(&self) -> bool {
        !matches!(self.order, Order::Float | Order::NumberText)
    }

    fn text_sql(&self, side: usize, column: &str) -> String {
        match self.wire[side] {
            Wire::Padded => Wire::Padded.sql(column),
            Wire::Plain | Wire::Text => Wire::Text.sql(column),
            Wire::Cast(_) => Wire::Text.sql(&self.wire[side].sql(column)),
        }
    }

    /// What rows are ordered by on a side.
    pub(super) fn order_sql(&self, side: usize, column: &str) -> String {
        let text = match self.order_by {
            OrderBy::Column => return column.to_owned(),
            OrderBy::Text => column.to_owned(),
            OrderBy::Wire => self.wire_text(side, column),
        };
        if self.recode {
            format!("pg_catalog.convert_to({text}::pg_catalog.text, 'UTF8')")
        } else {
            format!("{text} collate pg_catalog.\"C\"")
        }
    }

    fn wire_text(&self, side: usize, column: &str) -> String {
        match self.wire[side] {
            Wire::Cast(_) => self.text_sql(side, column),
            wire => wire.sql(column),
        }
    }

    /// A value of the key, to be compared with [`Pair::order_sql`].
    pub(super) fn bound_sql(&self, text: &str) -> String {
        let literal = ident::literal(text);
        if self.recode && self.order_by != OrderBy::Column {
            format!("pg_catalog.convert_to({literal}, 'UTF8')")
        } else {
            format!("{literal}::{}", self.bound)
        }
    }

    /// The rows in which this key column has a value, found by an index where there is one.
    pub(super) fn is_sql(&self, side: usize, column: &str, value: Option<&str>) -> String {
        match value {
            None => format!("{column} is null"),
            Some(value) if self.findable && !self.recode => {
                format!("{column} = {}", self.bound_sql(value))
            }
            Some(value) => format!(
                "{} = {}",
                self.order_sql(side, column),
                self.bound_sql(value)
            ),
        }
    }

    /// What is put into the hash by which rows without a key are ordered: the same for the same value. `None` where nothing
    /// can be said that is the same on all servers; such columns are compared all the same.
    pub(super) fn hash_sql(&self, side: usize, column: &str) -> Option<String> {
        match (&self.form, self.wire[side]) {
            (Form::Numeric, _) => Some(format!("pg_catalog.trim_scale({column})::pg_catalog.text")),
            (Form::NumberText, _) => Some(format!(
                "pg_catalog.trim_scale({column}::pg_catalog.text::pg_catalog.numeric)::pg_catalog.text"
            )),
            (
                Form::Jsonb
                | Form::Array(_)
                | Form::Composite(_)
                | Form::Range(_)
                | Form::Multirange(_),
                _,
            ) => None,
            (Form::Bytes | Form::Float, Wire::Plain) => Some(format!("{column}::pg_catalog.text")),
            (Form::Bytes | Form::Float, wire) => Some(wire.sql(column)),
        }
    }
}

fn is_json(kind: &Kind) -> bool {
    matches!(kind.signature.as_str(), "json" | "jsonb")
}

fn text_of(kind: &Kind, form: &Form) -> TextOf {
    match (kind.oid, form) {
        (_, Form::Jsonb) => TextOf::Jsonb,
        _ if kind.signature == "enum" => TextOf::Utf8,
        (BOOL, _) => TextOf::Bool,
        (INT2 | INT4 | INT8, _) => TextOf::Whole,
        // text, varchar, name, json and those of PostgreSQL's types that are text.
        (25 | 19 | 1043 | 114, _) => TextOf::Utf8,
        _ => TextOf::Server(kind.sql.clone()),
    }
}

fn differs(oid: u32, wire: Wire, form: &Form, whole: bool, same: bool) -> Differs {
    const EXACT: [u32; 13] = [
        BOOL,
        BYTEA,
        CHAR,
        INT8,
        INT2,
        INT4,
        OID,
        DATE,
        TIME,
        TIMESTAMP,
        TIMESTAMPTZ,
        NUMERIC,
        UUID,
    ];
    if wire == Wire::Plain && same {
        if *form == Form::Float {
            return Differs::Float;
        }
        if *form == Form::Jsonb || EXACT.contains(&oid) {
            return Differs::Value;
        }
        if matches!(oid, 19 | 25 | 1043) {
            return Differs::Bytes;
        }
    }
    if whole || matches!(wire, Wire::Cast(to) if to.starts_with("timestamp")) {
        return Differs::Value;
    }
    Differs::Wire
}

/// A date or time as seconds; infinity is none.
fn seconds(clock: Clock, bytes: &[u8]) -> Option<Decimal> {
    let number = signed(bytes)?;
    match clock {
        Clock::Days if bytes.len() == 4 => {
            let finite = number != i64::from(i32::MAX) && number != i64::from(i32::MIN);
            finite.then(|| Decimal::parse(&(number * 86_400).to_string()))?
        }
        Clock::Microseconds if bytes.len() == 8 => {
            let finite = number != i64::MAX && number != i64::MIN;
            finite.then(|| Decimal::parse(&format!("{number}e-6")))?
        }
        _ => None,
    }
}

/// The column `name` of the relation called `alias`.
pub(super) fn column_sql(alias: &str, name: &str) -> String {
    format!("{alias}.{}", Ident::new(name))
}
