//! What the two relations are: their columns, types and unique indexes, and where they live.

use std::collections::HashMap;

use tokio_postgres::{Client, Row};

use super::error::CompareError;
use super::form::Form;
use super::outcome::Side;
use super::spec::Relation;
use crate::database::Database;
use crate::error::DbError;
use crate::ident::{Ident, TableName};
use crate::identity::Brief;
use crate::snapshot::CATALOG_ONLY_SQL;

const OPERATION: &str = "describing what is to be compared";

pub(crate) const PLACE_SQL: &str = "\
select pg_catalog.pg_postmaster_start_time(), pg_catalog.getdatabaseencoding()::pg_catalog.text";

pub(crate) const RELATION_SQL: &str = "\
select c.oid, c.relkind::pg_catalog.text, c.relhassubclass, e.bytes, e.rows \
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace, \
lateral (select pg_catalog.sum(pg_catalog.pg_relation_size(p.oid))::int8 as bytes, \
         pg_catalog.sum(case when p.relpages > 0 and p.reltuples >= 0 then p.reltuples::float8 / p.relpages else 20 end \
                        * (pg_catalog.pg_relation_size(p.oid) / 8192))::float8 as rows \
         from pg_catalog.pg_class p where p.relkind in ('r', 'm') \
         and (p.oid = c.oid or p.oid in (select relid from pg_catalog.pg_partition_tree(c.oid)))) e \
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')";

pub(crate) const ATTRIBUTES_SQL: &str = "\
select a.attname::text, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, \
       a.attcollation, coalesce(l.collisdeterministic, true) \
from pg_catalog.pg_attribute a left join pg_catalog.pg_collation l on l.oid = a.attcollation \
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum";

pub(crate) const UNIQUE_SQL: &str = "\
select array(select a.attname::text from pg_catalog.unnest(i.indkey::int2[]) with ordinality k(number, at) \
             join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number \
             where k.at <= i.indnkeyatts order by k.at) \
from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid join pg_catalog.pg_am m on m.oid = x.relam \
where i.indrelid = $1 and i.indisunique and i.indisvalid and i.indisready and i.indpred is null and i.indexprs is null \
and m.amname = 'btree' order by i.indisprimary desc, i.indnkeyatts, x.relname";

/// The types with these numbers and everything they are made of.
pub(crate) const TYPES_SQL: &str = "\
with recursive wanted(oid) as ( \
  select pg_catalog.unnest($1::oid[]) \
  union select part.oid from wanted w join pg_catalog.pg_type t on t.oid = w.oid, lateral ( \
    select t.typbasetype as oid where t.typtype = 'd' \
    union all select t.typelem where t.typlen = -1 and t.typelem <> 0 \
    union all select a.atttypid from pg_catalog.pg_attribute a \
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped \
    union all select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid \
    union all select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid) part) \
select t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typbasetype, \
       case when t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc then t.typelem else 0::oid end, \
       array(select a.atttypid from pg_catalog.pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid \
             and a.attnum > 0 and not a.attisdropped order by a.attnum), \
       coalesce((select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid), \
                (select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid), 0::oid) \
from wanted w join pg_catalog.pg_type t on t.oid = w.oid join pg_catalog.pg_namespace n on n.oid = t.typnamespace";

pub(crate) const MODIFIER_SQL: &str = "select pg_catalog.format_type(t.oid, t.modifier) from rows from (pg_catalog.unnest($1::oid[]), \
     pg_catalog.unnest($2::int4[])) with ordinality as t(oid, modifier, at) order by t.at";

/// Types of PostgreSQL itself whose binary form tells the value.
mod oids {
    pub(super) const BOOL: u32 = 16;
    pub(super) const NAME: u32 = 19;
    pub(super) const TEXT: u32 = 25;
    pub(super) const JSON: u32 = 114;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const JSONB: u32 = 3802;
    pub(super) const FLOATS: [u32; 2] = [700, 701];
    /// bytea, char, int8, int2, int4, oid, money, times and dates, uuid and others.
    pub(super) const PLAIN: [u32; 30] = [
        17, 18, 20, 21, 23, 26, 27, 28, 600, 601, 602, 603, 604, 628, 650, 718, 774, 790, 829, 869,
        1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 2950, 3220,
    ];
}

/// A type, as far as comparing needs it.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// The type below all domains.
    pub(super) oid: u32,
    /// Its quoted name.
    pub(super) sql: String,
    /// What it is made of; the same text on two servers is the same type.
    pub(super) signature: String,
    /// How its binary form is read; `None` where only its text tells the value.
    pub(super) form: Option<Form>,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) modifier: i32,
    pub(super) not_null: bool,
    pub(super) collation: u32,
    pub(super) deterministic: bool,
    pub(super) kind: Kind,
}

/// A table, view or query.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) columns: Vec<Column>,
    /// What stands behind `from`, without an alias.
    pub(super) from: String,
    /// Number and kind of a table.
    pub(super) table: Option<TableFacts>,
    /// Columns of unique indexes, the best first.
    pub(super) unique: Vec<Vec<String>>,
}

/// What the catalogue says of a table.
#[derive(Debug, Clone)]
pub(super) struct TableFacts {
    pub(super) oid: u32,
    pub(super) kind: String,
    pub(super) has_children: bool,
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

impl Described {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether all rows lie in one relation with pages of its own.
    pub(super) fn is_plain_table(&self) -> bool {
        self.table
            .as_ref()
            .is_some_and(|table| matches!(table.kind.as_str(), "r" | "m") && !table.has_children)
    }

    /// Whether a unique index proves that these columns tell rows apart.
    pub(super) fn proves(&self, key: &[&str]) -> bool {
        let never_null = |name: &String| self.column(name).is_some_and(|column| column.not_null);
        self.unique.iter().any(|index| {
            index
                .iter()
                .all(|name| key.contains(&name.as_str()) && never_null(name))
        })
    }
}

/// The server and database of a side.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) identity: Brief,
    pub(super) target: String,
    pub(super) started: chrono::DateTime<chrono::Utc>,
    pub(super) encoding: String,
}

impl Place {
    /// Whether both are one database of one running server, as far as can be told without sharing a snapshot.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.identity.system_identifier == other.identity.system_identifier
            && self.identity.database_oid == other.identity.database_oid
            && self.started == other.started
    }

    /// Whether text in the server's order of bytes is in the order of its UTF-8 bytes, too.
    pub(super) fn keeps_byte_order(&self) -> bool {
        matches!(self.encoding.as_str(), "UTF8" | "SQL_ASCII" | "LATIN1")
    }
}

/// Describes one side.
pub(super) async fn describe(
    side: Side,
    db: &Database,
    relation: &Relation,
) -> Result<(Place, Described), CompareError> {
    let failed = |source| CompareError::Database { side, source };
    let session = db.session().await.map_err(failed)?;
    let identity = Brief::of(&session).await.map_err(failed)?;
    let guard = session.arm(OPERATION).map_err(failed)?;
    let outcome = read(side, session.client(), relation).await;
    guard.disarm();
    let (started, encoding, described) = outcome?;
    let place = Place {
        identity,
        target: session.target().to_owned(),
        started,
        encoding,
    };
    Ok((place, described))
}

type Facts = (chrono::DateTime<chrono::Utc>, String, Described);

async fn read(side: Side, client: &Client, relation: &Relation) -> Result<Facts, CompareError> {
    let failed = |error| CompareError::Database {
        side,
        source: DbError::from_tokio(OPERATION, error),
    };
    client
        .batch_execute(
            "begin transaction isolation level repeatable read, read only; set local jit = off",
        )
        .await
        .map_err(failed)?;
    // Prepared with the role's own search path.
    let query = match relation {
        Relation::Table(_) => None,
        Relation::Query(sql) => {
            let from = query_sql(sql);
            let statement = client.prepare(&format!("select * from {from} as q")).await;
            Some((from, statement.map_err(failed)?))
        }
    };
    client
        .batch_execute(CATALOG_ONLY_SQL)
        .await
        .map_err(failed)?;
    let place = client.query_one(PLACE_SQL, &[]).await.map_err(failed)?;
    let described = match (relation, query) {
        (Relation::Table(table), _) => of_table(side, client, table).await?,
        (Relation::Query(_), Some((from, statement))) => {
            of_query(client, from, &statement).await.map_err(failed)?
        }
        (Relation::Query(_), None) => unreachable!("it was prepared above"),
    };
    client.batch_execute("rollback").await.map_err(failed)?;
    let get = || Ok((place.try_get(0)?, place.try_get(1)?));
    let (started, encoding) = get().map_err(failed)?;
    let mut names: Vec<&str> = described.columns.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CompareError::Spec {
            problem: format!("the query on the {side} has two columns `{}`", twice[0]),
            hint: "give each column a name of its own",
        });
    }
    if described.columns.is_empty() {
        return Err(CompareError::Spec {
            problem: format!("{relation} on the {side} has no columns"),
            hint: "there is nothing to compare but the number of rows",
        });
    }
    Ok((started, encoding, described))
}

/// A query as it stands behind `from`; the line breaks keep a comment at its end from swallowing the bracket.
fn query_sql(sql: &str) -> String {
    let sql = sql.trim_end().trim_end_matches(';');
    format!("(\n{sql}\n)")
}

async fn of_table(
    side: Side,
    client: &Client,
    table: &TableName,
) -> Result<Described, CompareError> {
    let failed = |error| CompareError::Database {
        side,
        source: DbError::from_tokio(format!("describing `{table}`"), error),
    };
    let found = client
        .query_opt(RELATION_SQL, &[&table.schema, &table.name])
        .await
        .map_err(failed)?;
    let Some(found) = found else {
        return Err(CompareError::Spec {
            problem: format!("there is no table or view `{table}` on the {side}"),
            hint: "`nba db catalog` lists what there is; names are case-sensitive",
        });
    };
    let oid: u32 = found.try_get(0).map_err(failed)?;
    let bytes: Option<i64> = found.try_get(3).map_err(failed)?;
    let rows: Option<f64> = found.try_get(4).map_err(failed)?;
    let facts = TableFacts {
        oid,
        kind: found.try_get(1).map_err(failed)?,
        has_children: found.try_get(2).map_err(failed)?,
        bytes: bytes
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(0),
        rows: whole(rows.unwrap_or(0.0)),
    };
    let attributes = client
        .query(ATTRIBUTES_SQL, &[&oid])
        .await
        .map_err(failed)?;
    let read = |row: &Row| -> Result<Raw, tokio_postgres::Error> {
        Ok(Raw {
            name: row.try_get(0)?,
            type_oid: row.try_get(1)?,
            modifier: row.try_get(2)?,
            declared: row.try_get(3)?,
            not_null: row.try_get(4)?,
            collation: row.try_get(5)?,
            deterministic: row.try_get(6)?,
        })
    };
    let raw: Result<Vec<Raw>, _> = attributes.iter().map(read).collect();
    let columns = with_kinds(client, raw.map_err(failed)?)
        .await
        .map_err(failed)?;
    let indexes = client.query(UNIQUE_SQL, &[&oid]).await.map_err(failed)?;
    let unique: Result<Vec<Vec<String>>, _> = indexes.iter().map(|row| row.try_get(0)).collect();
    Ok(Described {
        columns,
        from: table.sql(),
        table: Some(facts),
        unique: unique.map_err(failed)?,
    })
}

/// A planner's estimate as a whole number.
fn whole(estimate: f64) -> u64 {
    // Through text: the only conversion that is neither undefined nor silent about what does not fit.
    format!("{:.0}", estimate.clamp(0.0, 1e15))
        .parse()
        .unwrap_or(0)
}

async fn of_query(
    client: &Client,
    from: String,
    statement: &tokio_postgres::Statement,
) -> Result<Described, tokio_postgres::Error> {
    let columns = statement.columns();
    let oids: Vec<u32> = columns.iter().map(|column| column.type_().oid()).collect();
    let modifiers: Vec<i32> = columns
        .iter()
        .map(|column| column.type_modifier())
        .collect();
    let declared = client.query(MODIFIER_SQL, &[&oids, &modifiers]).await?;
    let mut raw = Vec::with_capacity(columns.len());
    for ((column, modifier), row) in columns.iter().zip(modifiers).zip(&declared) {
        raw.push(Raw {
            name: column.name().to_owned(),
            type_oid: column.type_().oid(),
            modifier,
            declared: row.try_get(0)?,
            not_null: false,
            collation: 0,
            deterministic: false,
        });
    }
    Ok(Described {
        columns: with_kinds(client, raw).await?,
        from,
        table: None,
        unique: Vec::new(),
    })
}

/// A column whose type is only a number yet.
struct Raw {
    name: String,
    type_oid: u32,
    modifier: i32,
    declared: String,
    not_null: bool,
    collation: u32,
    deterministic: bool,
}

struct TypeRow {
    schema: String,
    name: String,
    kind: String,
    base: u32,
    element: u32,
    fields: Vec<u32>,
    range_of: u32,
}

async fn with_kinds(client: &Client, raw: Vec<Raw>) -> Result<Vec<Column>, tokio_postgres::Error> {
    let wanted: Vec<u32> = raw.iter().map(|column| column.type_oid).collect();
    let rows = client.query(TYPES_SQL, &[&wanted]).await?;
    let mut types = HashMap::new();
    for row in &rows {
        types.insert(
            row.try_get(0)?,
            TypeRow {
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                kind: row.try_get(3)?,
                base: row.try_get(4)?,
                element: row.try_get(5)?,
                fields: row.try_get(6)?,
                range_of: row.try_get(7)?,
            },
        );
    }
    Ok(raw
        .into_iter()
        .map(|column| Column {
            kind: kind(&types, column.type_oid),
            name: column.name,
            declared: column.declared,
            modifier: column.modifier,
            not_null: column.not_null,
            collation: column.collation,
            deterministic: column.deterministic,
        })
        .collect())
}

/// Depth of types inside types that is followed; PostgreSQL has none that contains itself.
const DEEPEST: u8 = 16;

fn kind(types: &HashMap<u32, TypeRow>, oid: u32) -> Kind {
    let mut oid = oid;
    for _ in 0..DEEPEST {
        match types.get(&oid) {
            Some(row) if row.kind == "d" => oid = row.base,
            _ => break,
        }
    }
    let sql = types.get(&oid).map_or_else(
        || "pg_catalog.text".to_owned(),
        |row| {
            format!(
                "{}.{}",
                Ident::new(row.schema.as_str()),
                Ident::new(row.name.as_str())
            )
        },
    );
    let (signature, form) = match form(types, oid, DEEPEST) {
        Some((signature, form)) => (signature, Some(form)),
        None => (format!("text of {sql}"), None),
    };
    Kind {
        oid,
        sql,
        signature,
        form,
    }
}

fn form(types: &HashMap<u32, TypeRow>, oid: u32, depth: u8) -> Option<(String, Form)> {
    use oids::{BOOL, BPCHAR, FLOATS, JSON, JSONB, NAME, NUMERIC, PLAIN, TEXT, VARCHAR};
    let depth = depth.checked_sub(1)?;
    let simple = |name: &str, form| Some((name.to_owned(), form));
    match oid {
        NUMERIC => return simple("numeric", Form::Numeric),
        JSONB => return simple("jsonb", Form::Jsonb),
        JSON => return simple("json", Form::Bytes),
        TEXT | VARCHAR | NAME => return simple("text", Form::Bytes),
        BPCHAR => return simple("bpchar", Form::Bytes),
        oid if FLOATS.contains(&oid) => return Some((oid.to_string(), Form::Float)),
        oid if oid == BOOL || PLAIN.contains(&oid) => return Some((oid.to_string(), Form::Bytes)),
        _ => {}
    }
    let row = types.get(&oid)?;
    match row.kind.as_str() {
        "d" => form(types, row.base, depth),
        // Its binary form is its label.
        "e" => simple("enum", Form::Bytes),
        "c" => {
            let fields: Option<Vec<(String, Form)>> = row
                .fields
                .iter()
                .map(|&field| form(types, field, depth))
                .collect();
            let (signatures, forms): (Vec<String>, Vec<Form>) = fields?.into_iter().unzip();
            Some((
                format!("({})", signatures.join(",")),
                Form::Composite(forms),
            ))
        }
        "r" => {
            let (signature, form) = form(types, row.range_of, depth)?;
            Some((format!("range {signature}"), Form::Range(Box::new(form))))
        }
        "m" => {
            let (signature, form) = form(types, row.range_of, depth)?;
            Some((
                format!("ranges {signature}"),
                Form::Multirange(Box::new(form)),
            ))
        }
        _ if row.element != 0 => {
            let (signature, form) = form(types, row.element, depth)?;
            Some((format!("{signature}[]"), Form::Array(Box::new(form))))
        }
        _ => None,
    }
}
