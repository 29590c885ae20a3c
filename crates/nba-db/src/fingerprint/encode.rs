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
//! Here each column is hashed by a function chosen by its type with a seed made from the column's *name*, that hash passes a
//! non-linear mixing step, the columns of a row are combined, and the combination is mixed again, so that values stay tied to
//! their row and column. Every function is named with its schema, so that no other of the same name takes its place.

use super::spec::{ColumnSpec, KeySpec, TableSpec};

/// The way values become hashes; digests of different versions cannot be compared, so a changed encoding gets a new one.
pub const ENCODING_VERSION: u32 = 2;

/// Bytes compared as they are, whatever the column's own collation.
const C_ORDER: &str = "collate pg_catalog.\"C\"";

/// The statement that gives one line per bucket: bucket, rows, digest and, per column, digest and non-null count.
pub(super) fn fingerprint_sql(table: &TableSpec) -> String {
    let columns = &table.columns;
    let hashes: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            format!(
                "{} as h{index}",
                value_hash(column, column_seed(&column.name, 0))
            )
        })
        .collect();
    let key = match &table.key {
        KeySpec::Columns(names) => format!("{} as k, ", key_hash(table, names)),
        KeySpec::WholeRow => String::new(),
    };
    let row = row_mix(columns, |index, _| format!("h{index}"));
    // Without a key the row itself decides, so equal rows share a bucket.
    let bucket = match &table.key {
        KeySpec::Columns(_) => bucket_of("k", table.buckets),
        KeySpec::WholeRow => bucket_of(&row, table.buckets),
    };
    let digests: String = (0..columns.len())
        .map(|index| {
            format!(", pg_catalog.sum(h{index})::pg_catalog.text, pg_catalog.count(h{index})")
        })
        .collect();
    if hashes.is_empty() {
        // Nothing but the number of rows, which may then come from the smallest index.
        return format!(
            "select 0::pg_catalog.int4, pg_catalog.count(*), (pg_catalog.count(*)::pg_catalog.numeric * {row})::pg_catalog.text from {relation}",
            relation = table.relation_sql(),
        );
    }
    // Without a volatile function in it the inner query would be merged into the outer one and every hash computed for each
    // of its uses; `offset 0` prevents that too, but forbids parallel plans (measured on PostgreSQL 15: 2.3 s against 1.5 s
    // for a million rows of 29 columns). `clock_timestamp()` is the cheapest volatile function that is parallel safe.
    format!(
        "select {bucket} as b, pg_catalog.count(*), pg_catalog.sum({row})::pg_catalog.text{digests} \
         from (select {key}{hashes}, pg_catalog.clock_timestamp() as barrier from {relation}) v group by 1",
        hashes = hashes.join(", "),
        relation = table.relation_sql(),
    )
}

/// The statement that gives one line per row: bucket, key as JSON text, row hash, values as JSON text (or null).
///
/// `$1` is the list of wanted buckets.
pub(super) fn rows_sql(table: &TableSpec, with_values: bool) -> String {
    let row = row_mix(&table.columns, |_, column| {
        value_hash(column, column_seed(&column.name, 0))
    });
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
    let values = if with_values {
        text_array(&names)
    } else {
        "null".to_owned()
    };
    format!(
        "select {bucket}, {key}::pg_catalog.text, {row}, {values}::pg_catalog.text from {relation} where {bucket} = any($1::pg_catalog.int4[])",
        relation = table.relation_sql(),
    )
}

/// The statement that gives the values of rows with one of the row hashes in `$1` inside the buckets in `$2`.
pub(super) fn values_sql(table: &TableSpec) -> String {
    format!(
        "select * from ({}) r(bucket, key, hash, vals) where hash = any($2::pg_catalog.int8[])",
        rows_sql(table, true)
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
        format!("pg_catalog.hashint4extended(1, {})", parts.join(" # "))
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
        format!("pg_catalog.hashint4extended(0, {})", parts.join(" # "))
    }
}

/// The 64-bit hash of one column's value, NULL for NULL.
///
/// The typed hash keeps values apart; the second step makes it non-linear, because some typed hashes end in a bare
/// exclusive-or of (part of) the value, which would cancel when columns of a row are combined or rows are summed.
fn value_hash(column: &ColumnSpec, seed: u64) -> String {
    let typed = typed_hash(column, seed);
    let word = mix(seed ^ 1).to_ne_bytes();
    let position = i32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
    format!("pg_catalog.hashint4extended('{position}'::pg_catalog.int4, {typed})")
}

/// A 64-bit hash that differs for different values of the type, but may be linear in them.
fn typed_hash(column: &ColumnSpec, seed: u64) -> String {
    let c = quote(&column.name);
    let s = literal(seed);
    let text = format!("pg_catalog.hashtextextended({c}::pg_catalog.text {C_ORDER}, {s})");
    match column.base_type.as_str() {
        "int2" => format!("pg_catalog.hashint2extended({c}, {s})"),
        "int4" => format!("pg_catalog.hashint4extended({c}, {s})"),
        // Exclusive-or with the value undoes the 32-bit folding.
        "int8" => format!("(pg_catalog.hashint8extended({c}, {s}) # {c}::pg_catalog.int8)"),
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
        // The sign is left out of the hash, and NaN and both infinities hash to the bare seed.
        "numeric" => format!(
            "(case when {c} < 0 then pg_catalog.hash_numeric_extended({c}, {}) \
             when {c} = 'NaN'::pg_catalog.numeric then {} \
             else pg_catalog.hash_numeric_extended({c}, {s}) end)",
            literal(mix(seed)),
            literal(mix(mix(seed)))
        ),
        // A double holds every microsecond of these centuries exactly; beyond them the text form does.
        "timestamp" | "timestamptz" => format!(
            "(case when {c} >= '1800-01-01 00:00:00+00'::pg_catalog.{kind} \
             and {c} < '2200-01-01 00:00:00+00'::pg_catalog.{kind} \
             then pg_catalog.hashfloat8extended(pg_catalog.date_part('epoch', {c}), {s}) else {text} end)",
            kind = column.base_type
        ),
        "uuid" => format!("pg_catalog.uuid_hash_extended({c}, {s})"),
        "bytea" => {
            format!("pg_catalog.hashtextextended(pg_catalog.encode({c}, 'hex') {C_ORDER}, {s})")
        }
        // Everything else by its exact text form: text, dates, times, json, jsonb, arrays, enums, ranges, composites …
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
