//! Everything that exists in a database: schemas, tables, views, columns, keys, indexes,
//! sequences, triggers, extensions, with sizes and estimates.
//!
//! Nothing about the production database may be assumed: the committed schema files do not
//! describe it (database dossier 0, fact 3). System schemas, temporary tables and the schemas of
//! TOAST are left out; everything else is in, including what the role may not read.

use std::collections::BTreeMap;
use std::future::Future;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::error::{DbError, Result};
use crate::ident::{Ident, TableName};
use crate::session::Session;
use crate::snapshot::{CATALOG_ONLY_SQL, Snapshot};

/// What kind of relation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table, or a partition of one.
    Table,
    /// A table split into partitions.
    PartitionedTable,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A table of another server.
    ForeignTable,
}

/// How an identity column behaves when a value is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A given value is refused.
    Always,
    /// A given value is taken.
    ByDefault,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// Name.
    pub name: String,
    /// Position in the table, from 1; dropped columns leave gaps.
    pub position: i16,
    /// Type with its modifier, such as `numeric(5,2)`.
    pub data_type: String,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Default or generation expression.
    pub default: Option<String>,
    /// Whether it is an identity column.
    pub identity: Option<IdentityKind>,
    /// Whether its value is computed from others.
    pub generated: bool,
    /// Comment.
    pub comment: Option<String>,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// Primary key.
    PrimaryKey,
    /// Unique columns.
    Unique,
    /// Reference to another table.
    ForeignKey,
    /// Condition on a row.
    Check,
    /// Exclusion of overlapping rows.
    Exclusion,
    /// A trigger that acts as a constraint.
    Trigger,
    /// Another kind, of a newer server.
    Other,
}

/// One constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Constraint {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: ConstraintKind,
    /// Columns of this table, in the constraint's order.
    pub columns: Vec<String>,
    /// The table referred to by a foreign key.
    pub references: Option<TableName>,
    /// As SQL.
    pub definition: String,
    /// Whether existing rows were checked.
    pub validated: bool,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Index {
    /// Name.
    pub name: String,
    /// As SQL.
    pub definition: String,
    /// Access method, such as `btree`.
    pub method: String,
    /// Key columns and expressions, in order.
    pub columns: Vec<String>,
    /// Whether it forbids duplicates.
    pub is_unique: bool,
    /// Whether it belongs to the primary key.
    pub is_primary: bool,
    /// Whether it covers only some rows.
    pub is_partial: bool,
    /// Whether queries may use it; an interrupted concurrent build leaves an invalid one.
    pub is_valid: bool,
    /// Size in bytes.
    pub bytes: i64,
}

/// One trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trigger {
    /// Name.
    pub name: String,
    /// As SQL.
    pub definition: String,
    /// Whether it fires.
    pub enabled: bool,
}

/// One table, view or the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Relation {
    /// Schema and name.
    pub table: TableName,
    /// Kind.
    pub kind: RelationKind,
    /// Owner.
    pub owner: String,
    /// The partitioned table it is a part of.
    pub partition_of: Option<TableName>,
    /// The planner's row estimate; `None` where the table was never analysed.
    pub estimated_rows: Option<i64>,
    /// Table with TOAST and maps, in bytes.
    pub table_bytes: i64,
    /// All its indexes, in bytes.
    pub index_bytes: i64,
    /// Whether its content is lost at a crash.
    pub unlogged: bool,
    /// Whether row-level security restricts what is seen.
    pub row_security: bool,
    /// Whether the current role may read all of it.
    pub readable: bool,
    /// The query of a view.
    pub definition: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Columns, in order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Constraints, by kind and name.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Indexes, by name.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Triggers, by name.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
}

impl Relation {
    /// Whether it holds rows of its own: a table, a partition or a partitioned table's whole.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        )
    }

    /// The columns of the primary key; `None` where there is none, which the legacy database has
    /// many of.
    #[must_use]
    pub fn primary_key(&self) -> Option<&[String]> {
        let key = self
            .constraints
            .iter()
            .find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)?;
        Some(&key.columns)
    }
}

/// One sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sequence {
    /// Schema and name.
    pub sequence: TableName,
    /// Type of its values.
    pub data_type: String,
    /// The last value given out; `None` if none was, or the role may not see it.
    pub last_value: Option<i64>,
    /// Step.
    pub increment: i64,
    /// Largest value.
    pub maximum: i64,
    /// The table whose column it numbers.
    pub owner_table: Option<TableName>,
    /// The column it numbers.
    pub owner_column: Option<String>,
}

/// A sequence compared with the column it numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SequencePosition {
    /// The sequence.
    pub sequence: TableName,
    /// The column, as `schema.table.column`.
    pub column: String,
    /// The last value given out.
    pub last_value: Option<i64>,
    /// The largest value in the column; `None` for an empty table.
    pub largest: Option<i64>,
}

impl SequencePosition {
    /// Whether the next value could collide with a row: what a load that brings its own numbers
    /// leaves behind.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.largest
            .is_some_and(|largest| self.last_value.is_none_or(|last| last < largest))
    }
}

/// One schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Schema {
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: String,
    /// Whether the current role may use it.
    pub usable: bool,
}

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Extension {
    /// Name.
    pub name: String,
    /// Installed version.
    pub version: String,
    /// Schema of its objects.
    pub schema: String,
}

/// All that was found, of one moment and in a stable order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Catalog {
    /// The server's clock when it was read.
    pub taken_at: DateTime<Utc>,
    /// Schemas, by name.
    pub schemas: Vec<Schema>,
    /// Tables, views and the like, by schema and name.
    pub relations: Vec<Relation>,
    /// Sequences, by schema and name.
    pub sequences: Vec<Sequence>,
    /// Extensions, by name.
    pub extensions: Vec<Extension>,
}

impl Catalog {
    /// The tables that hold rows, partitions left out as their parent contains them.
    pub fn tables(&self) -> impl Iterator<Item = &Relation> {
        self.relations
            .iter()
            .filter(|relation| relation.is_table() && relation.partition_of.is_none())
    }

    /// A relation by name.
    #[must_use]
    pub fn relation(&self, name: &TableName) -> Option<&Relation> {
        self.relations
            .iter()
            .find(|relation| relation.table == *name)
    }
}

// Each query gives one JSON array whose objects have the fields of the types above, so that the
// names are written once. "schema.name" splits at its first dot; a schema with a dot in its name
// is the price.
pub(crate) const SCHEMAS_SQL: &str = "select coalesce(json_agg(s order by s.name), '[]')::text from (
    select n.nspname::text collate \"C\" as name, pg_get_userbyid(n.nspowner)::text as owner,
           has_schema_privilege(n.oid, 'usage') as usable
    from pg_namespace n
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)') s";

pub(crate) const RELATIONS_SQL: &str = "select coalesce(json_agg(r order by r.schema, r.name), '[]')::text from (
    select n.nspname::text collate \"C\" as schema, c.relname::text collate \"C\" as name,
           n.nspname || '.' || c.relname as table,
           case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view'
                when 'm' then 'materialized_view' else 'foreign_table' end as kind,
           pg_get_userbyid(c.relowner)::text as owner,
           (select pn.nspname || '.' || p.relname from pg_inherits i
            join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
            where i.inhrelid = c.oid and c.relispartition) as partition_of,
           case when c.reltuples >= 0 and c.relkind in ('r', 'p', 'm') then c.reltuples::int8 end as estimated_rows,
           coalesce(pg_table_size(c.oid), 0) as table_bytes, coalesce(pg_indexes_size(c.oid), 0) as index_bytes,
           c.relpersistence = 'u' as unlogged, c.relrowsecurity as row_security,
           has_table_privilege(c.oid, 'select') as readable,
           case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
           obj_description(c.oid, 'pg_class') as comment
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)') r";

pub(crate) const COLUMNS_SQL: &str = "select coalesce(json_agg(a order by a.table, a.position), '[]')::text from (
    select n.nspname || '.' || c.relname as table, a.attname::text as name, a.attnum as position,
           format_type(a.atttypid, a.atttypmod) as data_type, not a.attnotnull as nullable,
           pg_get_expr(d.adbin, d.adrelid) as \"default\",
           case a.attidentity when 'a' then 'always' when 'd' then 'by_default' end as identity,
           a.attgenerated <> '' as generated, col_description(c.oid, a.attnum) as comment
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)') a";

pub(crate) const CONSTRAINTS_SQL: &str = "select coalesce(json_agg(x order by x.table, x.kind, x.name), '[]')::text from (
    select n.nspname || '.' || c.relname as table, o.conname::text collate \"C\" as name,
           case o.contype when 'p' then 'primary_key' when 'u' then 'unique' when 'f' then 'foreign_key'
                when 'c' then 'check' when 'x' then 'exclusion' when 't' then 'trigger' else 'other' end as kind,
           array(select a.attname::text from unnest(o.conkey) with ordinality k(attnum, at)
                 join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.attnum order by k.at) as columns,
           (select fn.nspname || '.' || f.relname from pg_class f join pg_namespace fn on fn.oid = f.relnamespace
            where f.oid = o.confrelid) as references,
           pg_get_constraintdef(o.oid) as definition, o.convalidated as validated
    from pg_constraint o join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace
    where o.contype <> 'n' and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)') x";

pub(crate) const INDEXES_SQL: &str = "select coalesce(json_agg(i order by i.table, i.name), '[]')::text from (
    select n.nspname || '.' || c.relname as table, x.relname::text collate \"C\" as name,
           pg_get_indexdef(i.indexrelid) as definition, m.amname::text as method,
           array(select pg_get_indexdef(i.indexrelid, k, true) from generate_series(1, i.indnkeyatts) k) as columns,
           i.indisunique as is_unique, i.indisprimary as is_primary, i.indpred is not null as is_partial,
           i.indisvalid and i.indisready as is_valid, coalesce(pg_relation_size(x.oid), 0) as bytes
    from pg_index i join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
    join pg_am m on m.oid = x.relam join pg_namespace n on n.oid = c.relnamespace
    where c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema')
      and n.nspname !~ '^pg_(toast|temp)') i";

pub(crate) const TRIGGERS_SQL: &str = "select coalesce(json_agg(t order by t.table, t.name), '[]')::text from (
    select n.nspname || '.' || c.relname as table, g.tgname::text collate \"C\" as name,
           pg_get_triggerdef(g.oid) as definition, g.tgenabled <> 'D' as enabled
    from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where not g.tgisinternal and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)') t";

pub(crate) const SEQUENCES_SQL: &str = "select coalesce(json_agg(s order by s.sequence), '[]')::text from (
    select (n.nspname || '.' || c.relname) collate \"C\" as sequence, format_type(q.seqtypid, null) as data_type,
           case when has_sequence_privilege(c.oid, 'select,usage') then pg_sequence_last_value(c.oid) end as last_value,
           q.seqincrement as increment, q.seqmax as maximum,
           (select tn.nspname || '.' || t.relname from pg_class t join pg_namespace tn on tn.oid = t.relnamespace
            where t.oid = d.refobjid) as owner_table,
           (select a.attname::text from pg_attribute a where a.attrelid = d.refobjid and a.attnum = d.refobjsubid)
             as owner_column
    from pg_sequence q join pg_class c on c.oid = q.seqrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refobjsubid > 0
         and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    where c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema')
      and n.nspname !~ '^pg_(toast|temp)') s";

pub(crate) const EXTENSIONS_SQL: &str =
    "select coalesce(json_agg(e order by e.name), '[]')::text from (
    select e.extname::text collate \"C\" as name, e.extversion as version, n.nspname::text as schema
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace) e";

/// A part with the table it belongs to.
#[derive(Deserialize)]
struct Of<T> {
    table: TableName,
    #[serde(flatten)]
    part: T,
}

impl Database {
    /// Discovers everything in the database, in one snapshot and one round trip.
    ///
    /// # Errors
    /// As [`Database::snapshot`] and [`Session::query_rows`].
    #[track_caller]
    pub fn catalog(&self) -> impl Future<Output = Result<Catalog>> + Send + use<> {
        let snapshot = self.snapshot();
        // Boxed: eight queries in flight make a large future.
        async move {
            let snapshot = snapshot.await?;
            Box::pin(snapshot.catalog()).await
        }
    }

    /// Compares each sequence that numbers a column with the largest value of that column.
    ///
    /// # Errors
    /// As [`Session::query_rows`]: a column without an index is read in full, which
    /// `statement_timeout` bounds.
    pub async fn sequence_positions(&self, catalog: &Catalog) -> Result<Vec<SequencePosition>> {
        let session = self.session().await?;
        let mut positions = Vec::new();
        for sequence in &catalog.sequences {
            let (Some(table), Some(column)) = (&sequence.owner_table, &sequence.owner_column)
            else {
                continue;
            };
            let sql = format!(
                "select pg_catalog.max({})::pg_catalog.int8 from {}",
                Ident::new(column.as_str()),
                table.sql()
            );
            let largest = session.query_scalar(&sql, &[]).await?;
            positions.push(SequencePosition {
                sequence: sequence.sequence.clone(),
                column: format!("{table}.{column}"),
                last_value: sequence.last_value,
                largest,
            });
        }
        Ok(positions)
    }
}

impl Snapshot {
    /// Everything in the database as this snapshot sees it; resolves names in `pg_catalog` only from then on.
    ///
    /// # Errors
    /// As [`Session::query_rows`].
    pub async fn catalog(&self) -> Result<Catalog> {
        self.batch_execute(CATALOG_ONLY_SQL).await?;
        read(self).await
    }
}

async fn read(snapshot: &Snapshot) -> Result<Catalog> {
    // In flight together: one round trip.
    let (schemas, relations, columns, constraints, indexes, triggers, sequences, extensions) = futures::try_join!(
        list::<Schema>(snapshot, SCHEMAS_SQL),
        list::<Relation>(snapshot, RELATIONS_SQL),
        list::<Of<Column>>(snapshot, COLUMNS_SQL),
        list::<Of<Constraint>>(snapshot, CONSTRAINTS_SQL),
        list::<Of<Index>>(snapshot, INDEXES_SQL),
        list::<Of<Trigger>>(snapshot, TRIGGERS_SQL),
        list::<Sequence>(snapshot, SEQUENCES_SQL),
        list::<Extension>(snapshot, EXTENSIONS_SQL),
    )?;
    let mut columns = group(columns);
    let mut constraints = group(constraints);
    let mut indexes = group(indexes);
    let mut triggers = group(triggers);
    let relations = relations
        .into_iter()
        .map(|mut relation| {
            let table = &relation.table;
            relation.columns = columns.remove(table).unwrap_or_default();
            relation.constraints = constraints.remove(table).unwrap_or_default();
            relation.indexes = indexes.remove(table).unwrap_or_default();
            relation.triggers = triggers.remove(table).unwrap_or_default();
            relation
        })
        .collect();
    Ok(Catalog {
        taken_at: snapshot.taken_at(),
        schemas,
        relations,
        sequences,
        extensions,
    })
}

async fn list<T: DeserializeOwned>(session: &Session, sql: &str) -> Result<Vec<T>> {
    let json: String = session.query_scalar(sql, &[]).await?;
    serde_json::from_str(&json).map_err(|error| DbError::Decode {
        operation: "reading the catalogue".to_owned(),
        what: format!("the list of {}", std::any::type_name::<T>()),
        source: Some(Box::new(error)),
    })
}

fn group<T>(parts: Vec<Of<T>>) -> BTreeMap<TableName, Vec<T>> {
    let mut groups: BTreeMap<TableName, Vec<T>> = BTreeMap::new();
    for Of { table, part } in parts {
        groups.entry(table).or_default().push(part);
    }
    groups
}
