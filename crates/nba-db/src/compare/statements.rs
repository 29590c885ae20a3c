//! The statements of a comparison. All of them read only.

use super::plan::Plan;

/// Settings of every session: text forms must not depend on it, and no plan may surprise.
pub(super) const SETTINGS: &str = "\
set local timezone = 'UTC'; set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres'; \
set local extra_float_digits = 1; set local bytea_output = 'hex'; set local xmloption = 'content'; set local row_security = off; \
set local jit = off; set local max_parallel_workers_per_gather = 0; set local enable_hashjoin = off; \
set local enable_sort = off; set local enable_incremental_sort = off; set local enable_bitmapscan = off";

/// Only where two indexes are joined: reading a whole table in its own order is the best a stream without a key can do.
pub(super) const JOIN_SETTINGS: &str = "set local enable_seqscan = off";

/// The rows of a part of the key: from a bound on, up to another, and, in the last part, those with NULL in the key.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// Texts of the key columns of the first row; none begins at the start.
    pub(super) from: Option<Vec<String>>,
    /// Texts of the first key that is no more in it; none goes to the end.
    pub(super) to: Option<Vec<String>>,
}

/// Which rows a stream reads.
#[derive(Debug, Clone)]
pub(super) enum Wanted<'a> {
    /// A part of the key, or of the hash.
    Part(&'a Part),
    /// The rows with these keys.
    Keys(&'a [Vec<Option<String>>]),
}

impl Plan {
    fn key_columns(&self, side: usize, alias: &str) -> Vec<String> {
        (0..self.key)
            .map(|at| self.column(side, at, alias))
            .collect()
    }

    fn order_columns(&self, side: usize, alias: &str) -> Vec<String> {
        (0..self.key)
            .map(|at| self.pairs[at].order_sql(side, &self.column(side, at, alias)))
            .collect()
    }

    /// The columns of a side as they are sent.
    fn wires(&self, side: usize, alias: &str) -> Vec<String> {
        self.pairs
            .iter()
            .enumerate()
            .map(|(at, pair)| pair.wire[side].sql(&self.column(side, at, alias)))
            .collect()
    }

    fn bounds(&self, texts: &[String]) -> Vec<String> {
        self.pairs
            .iter()
            .zip(texts)
            .map(|(pair, text)| pair.bound_sql(text))
            .collect()
    }

    /// Conditions on a part of the key, given the expressions that rows are ordered by.
    fn part_sql(&self, part: &Part, side: usize, order: &[String], alias: &str) -> Vec<String> {
        let row = |parts: &[String]| match parts {
            [one] => one.clone(),
            parts => format!("({})", parts.join(", ")),
        };
        let mut conditions = Vec::new();
        if let Some(from) = &part.from {
            conditions.push(format!("{} >= {}", row(order), row(&self.bounds(from))));
        }
        if let Some(to) = &part.to {
            conditions.push(format!("{} < {}", row(order), row(&self.bounds(to))));
        }
        let nullable: Vec<String> = (0..self.key)
            .filter(|&at| self.pairs[at].nullable)
            .map(|at| self.column(side, at, alias))
            .collect();
        if nullable.is_empty() || (part.from.is_none() && part.to.is_none()) {
            return conditions;
        }
        // A row with NULL in its key may or may not fulfil a condition on the whole row, so it is told where it belongs.
        if part.to.is_some() {
            conditions.extend(
                nullable
                    .iter()
                    .map(|column| format!("{column} is not null")),
            );
            return conditions;
        }
        let nulls: Vec<String> = nullable
            .iter()
            .map(|column| format!("{column} is null"))
            .collect();
        vec![format!(
            "(({}) or {})",
            conditions.join(" and "),
            nulls.join(" or ")
        )]
    }

    /// How many rows two parts have together, and where those are that differ.
    ///
    /// One row: a count of joined rows, and an array of pairs of row addresses. The condition is evaluated once per row, and
    /// nothing but addresses is kept of the rows that fulfil it.
    pub(super) fn join_sql(&self, part: &Part) -> String {
        let side = |side: usize| {
            let alias = "x";
            let mut columns: Vec<String> = (0..self.pairs.len())
                .map(|at| format!("{} as c{at}", self.column(side, at, alias)))
                .collect();
            columns.push("x.ctid as t".to_owned());
            let key = self.key_columns(side, alias);
            let conditions = self.part_sql(part, side, &key, alias);
            format!(
                "(select {} from {} as x{})",
                columns.join(", "),
                self.from[side],
                where_sql(&conditions)
            )
        };
        let on: Vec<String> = (0..self.key)
            .map(|at| format!("l.c{at} = r.c{at}"))
            .collect();
        let differs: Vec<String> = self
            .pairs
            .iter()
            .enumerate()
            .skip(self.key)
            .map(|(at, pair)| pair.differs_sql(&format!("l.c{at}"), &format!("r.c{at}")))
            .collect();
        let differs = if differs.is_empty() {
            String::new()
        } else {
            format!(" or {}", differs.join(" or "))
        };
        // The key is never NULL here, so that its first column tells whether a side has the row.
        format!(
            "select pg_catalog.count(*), pg_catalog.array_agg(array[l.t, r.t]) filter (where l.c0 is null or r.c0 is null{differs}) \
             from {} as l full join {} as r on {}",
            side(0),
            side(1),
            on.join(" and ")
        )
    }

    /// The rows at these addresses: two flags that say which sides have it, then the columns of the left, then of the right.
    pub(super) fn fetch_sql(&self, left: &str, right: &str) -> String {
        let wires: Vec<String> = self
            .wires(0, "l")
            .into_iter()
            .chain(self.wires(1, "r"))
            .collect();
        format!(
            "copy (select l.ctid is not null, r.ctid is not null, {} \
             from rows from (pg_catalog.unnest('{{{left}}}'::pg_catalog.tid[]), pg_catalog.unnest('{{{right}}}'::pg_catalog.tid[])) \
             with ordinality as a(l, r, n) left join {} as l on l.ctid = a.l left join {} as r on r.ctid = a.r order by a.n) \
             to stdout (format binary)",
            wires.join(", "),
            self.from[0],
            self.from[1]
        )
    }

    /// The rows of a side in the order of the key.
    pub(super) fn stream_query(&self, side: usize, wanted: &Wanted<'_>) -> String {
        let alias = "x";
        let order = self.order_columns(side, alias);
        let conditions = match wanted {
            Wanted::Part(part) => self.part_sql(part, side, &order, alias),
            Wanted::Keys(keys) => vec![self.keys_sql(side, alias, keys)],
        };
        format!(
            "select {} from {} as x{} order by {}",
            self.wires(side, alias).join(", "),
            self.from[side],
            where_sql(&conditions),
            order.join(", ")
        )
    }

    fn keys_sql(&self, side: usize, alias: &str, keys: &[Vec<Option<String>>]) -> String {
        let alternatives: Vec<String> = keys
            .iter()
            .map(|key| {
                let parts: Vec<String> = key
                    .iter()
                    .enumerate()
                    .map(|(at, value)| {
                        let column = self.column(side, at, alias);
                        self.pairs[at].is_sql(side, &column, value.as_deref())
                    })
                    .collect();
                format!("({})", parts.join(" and "))
            })
            .collect();
        format!("({})", alternatives.join(" or "))
    }

    /// The rows of a side in the order of a hash, which comes first.
    pub(super) fn multiset_query(&self, side: usize, part: &HashPart) -> String {
        let alias = "x";
        let hashed: Vec<String> = self
            .pairs
            .iter()
            .enumerate()
            .filter_map(|(at, pair)| pair.hash_sql(side, &self.column(side, at, alias)))
            .collect();
        let text = format!("row({})::pg_catalog.text", hashed.join(", "));
        let text = if self.recode_hash {
            format!("pg_catalog.encode(pg_catalog.convert_to({text}, 'UTF8'), 'hex')")
        } else {
            text
        };
        let mut conditions = Vec::new();
        if let Some(from) = part.from {
            conditions.push(format!("h >= '{from}'::pg_catalog.int8"));
        }
        if let Some(to) = part.to {
            conditions.push(format!("h < '{to}'::pg_catalog.int8"));
        }
        let wires: Vec<String> = self
            .wires(side, alias)
            .into_iter()
            .enumerate()
            .map(|(at, wire)| format!("{wire} as c{at}"))
            .collect();
        let names: Vec<String> = (0..self.pairs.len()).map(|at| format!("c{at}")).collect();
        format!(
            "select h, {} from (select pg_catalog.hashtextextended({text} collate pg_catalog.\"C\", 0) as h, {} \
             from {} as x offset 0) as y{} order by h",
            names.join(", "),
            wires.join(", "),
            self.from[side],
            where_sql(&conditions)
        )
    }

    /// Keys that divide the rows of a side into about `parts` parts of the same number of rows: their texts, in order. Only a
    /// sample of pages is read.
    pub(super) fn sample_sql(&self, side: usize, percent: f64, parts: u64) -> String {
        let alias = "x";
        let order = match self.mode {
            super::spec::Mode::Join => self.key_columns(side, alias),
            _ => self.order_columns(side, alias),
        };
        let texts: Vec<String> = (0..self.key)
            .map(|at| {
                let wire = self.pairs[at].wire[side].sql(&self.column(side, at, alias));
                format!("({wire})::pg_catalog.text as k{at}")
            })
            .collect();
        let names: Vec<String> = (0..self.key).map(|at| format!("k{at}")).collect();
        let nulls: Vec<String> = self
            .key_columns(side, alias)
            .iter()
            .map(|column| format!("{column} is not null"))
            .collect();
        format!(
            "select {} from (select {}, pg_catalog.row_number() over (order by {order}) as n, pg_catalog.count(*) over () as s \
             from {} as x tablesample system ({percent:.6}) repeatable (0) where {}) as y \
             where (n * {parts}) / s <> ((n - 1) * {parts}) / s and n < s order by n",
            names.join(", "),
            texts.join(", "),
            self.from[side],
            nulls.join(" and "),
            order = order.join(", "),
        )
    }

    /// Turns binary values of a side into their texts.
    pub(super) fn texts_sql(&self, side: usize) -> String {
        let texts: Vec<String> = self
            .told_by_server(side)
            .iter()
            .enumerate()
            .map(|(at, (_, sql))| format!("(${}::{sql})::pg_catalog.text", at + 1))
            .collect();
        format!("select {}", texts.join(", "))
    }
}

/// A part of the hashes.
#[derive(Debug, Clone, Copy)]
pub(super) struct HashPart {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

fn where_sql(conditions: &[String]) -> String {
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    }
}
