//! SQL that turns one value, one key or one row into 64 bits.
//!
//! The stock `hash_record_extended(t, seed)` is not used, because four harmless-looking properties make it miss real
//! damage (each has a test in `tests/it/fingerprint.rs`):
//!
//! * it is *linear* in the column hashes modulo 2^64, so a sum over rows does not change when two rows swap a value;
//! * `hash_numeric` leaves the sign out: `5` and `-5` are one value to it, also inside `jsonb`;
//! * `hashint8` folds 64 bits into 32 before hashing, and the timestamp hashes are `hashint8`;
//! * array hashes leave the dimensions out, and `json`, `xml` and `money` have no hash at all.
//!
//! Here each column is hashed by a function chosen by its type with a seed made from the column's *name*, in a form that is
//! not linear in the value; the columns of a row are combined, and the combination is mixed again, so that values stay tied to
//! their row and column. Every function is named with its schema, so that no other of the same name takes its place.

use super::spec::{ColumnSpec, KeySpec, TableSpec};
use super::{Detail, RowDetail};

/// The way values become hashes; digests of different versions cannot be compared, so a changed encoding gets a new one.
pub const ENCODING_VERSION: u32 = 3;

/// Bytes compared as they are, whatever the column's own collation.
const C_ORDER: &str = "collate pg_catalog.\"C\"";

/// What a statement reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// Everything the name stands for.
    Whole,
    /// The pages from `$1` up to, not including, `$2` of one relation with files of its own, named in quoted form.
    Pages(&'a str),
}

impl Source<'_> {
    /// What follows `from`; a range of pages ends in a condition.
    fn sql(self, table: &TableSpec) -> String {
        match self {
            Self::Whole => table.relation_sql(),
            // Partitions and children are read one by one.
            Self::Pages(relation) => format!(
                "only {relation} where ctid >= $1::pg_catalog.text::pg_catalog.tid and ctid < $2::pg_catalog.text::pg_catalog.tid"
            ),
        }
    }
}

/// The statement behind a fingerprint. Each line has a bucket, its rows and its digest, and, with columns, arrays of their
/// digests, non-null counts and empty-string counts; a line may have either half only.
pub(super) fn fingerprint_sql(table: &TableSpec, source: Source<'_>, detail: Detail) -> String {
    let from = source.sql(table);
    if table.columns.is_empty() {
        // Nothing but the number of rows, which may then come from the smallest index.
        return format!(
            "select 0::pg_catalog.int4, pg_catalog.count(*), (pg_catalog.count(*)::pg_catalog.numeric * {})::pg_catalog.text, \
             {NO_COLUMNS} from {from}",
            row_mix(&[], |_, _| String::new()),
        );
    }
    match (detail, source) {
        (Detail::Rows, _) => rows_only(table, &from),
        (Detail::Columns, Source::Whole) => grouped(table, &from),
        (Detail::Columns, Source::Pages(_)) => ungrouped(table, &from),
    }
}

const NO_COLUMNS: &str =
    "null::pg_catalog.text[], null::pg_catalog.int8[], null::pg_catalog.int8[]";

/// Buckets without columns.
fn rows_only(table: &TableSpec, from: &str) -> String {
    let row = row_hash(table);
    match &table.key {
        KeySpec::Columns(names) => format!(
            "select {bucket} as b, pg_catalog.count(*), pg_catalog.sum({row})::pg_catalog.text, {NO_COLUMNS} from {from} group by 1",
            bucket = bucket_of(&key_hash(table, names), table.buckets),
        ),
        // Without a key the row itself decides, so equal rows share a bucket. `offset 0` keeps the row from being hashed twice.
        KeySpec::WholeRow => format!(
            "select {bucket} as b, pg_catalog.count(*), pg_catalog.sum(r)::pg_catalog.text, {NO_COLUMNS} \
             from (select {row} as r from {from} offset 0) v group by 1",
            bucket = bucket_of("r", table.buckets),
        ),
    }
}

/// Columns added up per bucket, which takes little memory however many rows there are.
fn grouped(table: &TableSpec, from: &str) -> String {
    let (hashes, row, columns) = hashed_columns(table);
    let bucket = match &table.key {
        KeySpec::Columns(_) => bucket_of("k", table.buckets),
        KeySpec::WholeRow => bucket_of(&row, table.buckets),
    };
    format!(
        "select {bucket} as b, pg_catalog.count(*), pg_catalog.sum({row})::pg_catalog.text, {columns} \
         from (select {hashes} from {from} offset 0) v group by 1"
    )
}

/// Columns added up over all rows, buckets from a list of row hashes: for a bounded number of rows.
///
/// One set of sums stays in the processor's cache; a set per bucket does not, and takes twice as long (measured on PostgreSQL
/// 15, 63 columns and 1,024 buckets: 0.83 s against 0.46 s). The list takes 18 bytes a row while the statement runs.
fn ungrouped(table: &TableSpec, from: &str) -> String {
    let (hashes, row, columns) = hashed_columns(table);
    let (keys, lists, lines, bucket) = match &table.key {
        KeySpec::Columns(_) => (
            ", pg_catalog.array_agg(k) as ks",
            "rows from (pg_catalog.unnest(p.rs), pg_catalog.unnest(p.ks))",
            "u(r, k)",
            bucket_of("k", table.buckets),
        ),
        KeySpec::WholeRow => (
            "",
            "pg_catalog.unnest(p.rs)",
            "u(r)",
            bucket_of("r", table.buckets),
        ),
    };
    format!(
        "with p(rs{ks}, sums, filled, empty) as materialized ( \
           select pg_catalog.array_agg({row}) as rs{keys}, {columns} from (select {hashes} from {from} offset 0) v) \
         select null::pg_catalog.int4, null::pg_catalog.int8, null::pg_catalog.text, p.sums, p.filled, p.empty from p \
         union all select {bucket}, pg_catalog.count(*), pg_catalog.sum(r)::pg_catalog.text, {NO_COLUMNS} \
         from p, {lists} as {lines} group by 1",
        ks = if keys.is_empty() { "" } else { ", ks" },
    )
}

/// The hashes of key and columns under names, the row hash made of them, and three arrays with the sums over the columns.
fn hashed_columns(table: &TableSpec) -> (String, String, String) {
    let columns = &table.columns;
    let key = match &table.key {
        KeySpec::Columns(names) => Some(format!("{} as k", key_hash(table, names))),
        KeySpec::WholeRow => None,
    };
    let hashes: Vec<String> = key
        .into_iter()
        .chain(columns.iter().enumerate().map(|(index, column)| {
            let seed = column_seed(&column.name, 0);
            format!("{} as h{index}", value_hash(column, seed))
        }))
        .collect();
    let row = row_mix(columns, |index, _| format!("h{index}"));
    let list = |of: &dyn Fn(usize, &ColumnSpec) -> String| {
        let parts: Vec<String> = columns.iter().enumerate().map(|(i, c)| of(i, c)).collect();
        parts.join(", ")
    };
    // Arrays: a result has at most 1,664 columns, a table may have 1,600.
    let sums = format!(
        "array[{}], array[{}], array[{}]::pg_catalog.int8[]",
        list(&|index, _| format!("pg_catalog.sum(h{index})::pg_catalog.text")),
        list(&|index, _| format!("pg_catalog.count(h{index})")),
        list(&|index, column| empty_count(index, column)),
    );
    (hashes.join(", "), row, sums)
}

/// The number of empty strings in a column of text; its hash is compared, the text is not at hand any more.
fn empty_count(index: usize, column: &ColumnSpec) -> String {
    if !column.is_text() {
        return "null".to_owned();
    }
    let seed = literal(column_seed(&column.name, 0));
    format!(
        "pg_catalog.count(*) filter (where h{index} = pg_catalog.hashtextextended('' {C_ORDER}, {seed}))"
    )
}

fn row_hash(table: &TableSpec) -> String {
    row_mix(&table.columns, |_, column| {
        value_hash(column, column_seed(&column.name, 0))
    })
}

/// The statement that gives one line per row of `buckets`, or of all: bucket, key as JSON text, row hash, values as JSON text
/// (or null).
///
/// The buckets stand in the text: PostgreSQL looks a constant list up by hash, and searches a parameter from end to end.
pub(super) fn rows_sql(
    table: &TableSpec,
    detail: RowDetail,
    source: Source<'_>,
    buckets: Option<&[u32]>,
) -> String {
    let row = row_hash(table);
    let (bucket, key) = match &table.key {
        KeySpec::Columns(names) => (
            bucket_of(&key_hash(table, names), table.buckets),
            text_array(names),
        ),
        KeySpec::WholeRow => (bucket_of(&row, table.buckets), "null".to_owned()),
    };
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let key = match detail {
        RowDetail::Bare => "null".to_owned(),
        RowDetail::Hash | RowDetail::Values => key,
    };
    let values = match detail {
        RowDetail::Values => text_array(&names),
        RowDetail::Bare | RowDetail::Hash => "null".to_owned(),
    };
    let (from, joint) = (
        source.sql(table),
        match source {
            Source::Whole => "where",
            Source::Pages(_) => "and",
        },
    );
    let wanted = buckets.map_or_else(String::new, |buckets| {
        let numbers: Vec<String> = buckets.iter().map(ToString::to_string).collect();
        format!(
            " {joint} {bucket} = any('{{{}}}'::pg_catalog.int4[])",
            numbers.join(",")
        )
    });
    format!(
        "select {bucket}, {key}::pg_catalog.text, {row}, {values}::pg_catalog.text from {from}{wanted}"
    )
}

/// The statement that gives the rows with one of the row hashes in `$1` inside the buckets.
pub(super) fn matching_sql(table: &TableSpec, detail: RowDetail, buckets: &[u32]) -> String {
    format!(
        "select * from ({}) r(bucket, key, hash, vals) where hash = any($1::pg_catalog.int8[])",
        rows_sql(table, detail, Source::Whole, Some(buckets))
    )
}

/// A JSON array of the columns' exact text forms, nulls kept.
fn text_array(names: &[String]) -> String {
    if names.is_empty() {
        return "'[]'".to_owned();
    }
    let texts: Vec<String> = names
        .iter()
        .map(|name| format!("{}::pg_catalog.text", quote(name)))
        .collect();
    format!("pg_catalog.to_json(array[{}])", texts.join(", "))
}

fn bucket_of(hash: &str, buckets: u32) -> String {
    let mask = buckets.max(1).next_power_of_two() - 1;
    format!("(({hash}) & {mask})::pg_catalog.int4")
}

fn key_hash(table: &TableSpec, names: &[String]) -> String {
    let parts: Vec<String> = table
        .columns
        .iter()
        .filter(|column| names.contains(&column.name))
        .map(|column| {
            let seed = column_seed(&column.name, 1);
            format!(
                "coalesce({}, {})",
                value_hash(column, seed),
                literal(mix(seed))
            )
        })
        .collect();
    if parts.is_empty() {
        "0::pg_catalog.int8".to_owned()
    } else {
        format!("pg_catalog.hashint4extended(1, {})", combined(&parts))
    }
}

/// Combines column hashes into the row hash; the seed argument of `hashint4extended` is its 64-bit mixing input.
fn row_mix(columns: &[ColumnSpec], hash: impl Fn(usize, &ColumnSpec) -> String) -> String {
    let parts: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            // The stand-in for NULL differs per column, so a NULL that moves is seen, and equals no real value's hash.
            let null = literal(mix(column_seed(&column.name, 2)));
            format!("coalesce({}, {null})", hash(index, column))
        })
        .collect();
    if parts.is_empty() {
        "pg_catalog.hashint4extended(0, 0)".to_owned()
    } else {
        format!("pg_catalog.hashint4extended(0, {})", combined(&parts))
    }
}

/// The exclusive-or of all parts as a tree of brackets: the nesting of a thousand in a row would exhaust the parser's stack.
fn combined(parts: &[String]) -> String {
    match parts {
        [part] => part.clone(),
        parts => {
            let (left, right) = parts.split_at(parts.len() / 2);
            format!("({} # {})", combined(left), combined(right))
        }
    }
}

/// The 64-bit hash of one column's value, NULL for NULL.
///
/// Never linear in the value: hashes of a row's columns are combined by exclusive-or and those of a column's rows added up, so
/// whatever ends in a bare exclusive-or with a part of the value could cancel (`hash_numeric` does, with the weight). The seed
/// argument of an `…extended` hash goes through its mixing, so there a second hash or the value itself may be handed in.
fn value_hash(column: &ColumnSpec, seed: u64) -> String {
    let c = quote(&column.name);
    let s = literal(seed);
    let text = format!("pg_catalog.hashtextextended({c}::pg_catalog.text {C_ORDER}, {s})");
    match column.base_type.as_str() {
        "int2" => format!("pg_catalog.hashint2extended({c}, {s})"),
        "int4" => format!("pg_catalog.hashint4extended({c}, {s})"),
        // `hashint8` folds 64 bits into 32; as the seed, all of them count.
        "int8" => {
            let word = mix(seed ^ 1).to_ne_bytes();
            let word = i32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
            format!(
                "pg_catalog.hashint4extended('{word}'::pg_catalog.int4, {c}::pg_catalog.int8 # {s})"
            )
        }
        "bool" => format!(
            "(case when {c} then {} when not {c} then {} end)",
            literal(mix(seed)),
            literal(mix(mix(seed)))
        ),
        // Both zeros hash alike; their text forms differ.
        "float4" => format!(
            "(case when {c} = 0 then {text} else pg_catalog.hashfloat4extended({c}, {s}) end)"
        ),
        "float8" => format!(
            "(case when {c} = 0 then {text} else pg_catalog.hashfloat8extended({c}, {s}) end)"
        ),
        "numeric" => {
            // The hash leaves the sign out …
            let sign = format!("pg_catalog.numeric_cmp({c}, '0'::pg_catalog.numeric)");
            let sign = if column.declared.starts_with("numeric(") {
                sign
            } else {
                // … and takes infinities and NaN for one value; with a precision there is only NaN.
                format!(
                    "({sign} # (4 * pg_catalog.numeric_cmp({c}, 'Infinity'::pg_catalog.numeric)))"
                )
            };
            format!(
                "pg_catalog.hashint4extended({sign}, pg_catalog.hash_numeric_extended({c}, {s}))"
            )
        }
        // A double holds every microsecond of these centuries exactly enough to tell them apart; beyond, the text form does.
        "timestamp" | "timestamptz" => {
            let (kind, difference) = match column.base_type.as_str() {
                "timestamp" => ("timestamp", "tsrange_subdiff"),
                _ => ("timestamptz", "tstzrange_subdiff"),
            };
            let moment = |text: &str| format!("'{text}-01-01 00:00:00+00'::pg_catalog.{kind}");
            format!(
                "(case when {c} >= {} and {c} < {} then pg_catalog.hashfloat8extended(pg_catalog.{difference}({c}, {}), {s}) \
                 else {text} end)",
                moment("1800"),
                moment("2200"),
                moment("2000"),
            )
        }
        "date" => format!(
            "pg_catalog.hashfloat8extended(pg_catalog.daterange_subdiff({c}, '2000-01-01'::pg_catalog.date), {s})"
        ),
        "uuid" => format!("pg_catalog.uuid_hash_extended({c}, {s})"),
        "bytea" => {
            format!("pg_catalog.hashtextextended(pg_catalog.encode({c}, 'hex') {C_ORDER}, {s})")
        }
        // Everything else by its exact text form: text, times, intervals, json, jsonb, arrays, enums, ranges, composites …
        _ => text,
    }
}

/// The seed of a column: its name, what the hash is for, and the encoding version.
fn column_seed(name: &str, purpose: u64) -> u64 {
    // FNV-1a, then a finaliser: names that differ in one letter get unrelated seeds.
    let folded = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(folded ^ mix(purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(ENCODING_VERSION)))
}

/// The splitmix64 finaliser.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn literal(value: u64) -> String {
    format!(
        "'{}'::pg_catalog.int8",
        i64::from_ne_bytes(value.to_ne_bytes())
    )
}

/// A quoted SQL identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
