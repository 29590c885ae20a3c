//! `nba db`: identity, queries, counts, catalogue.

use super::Code;
use crate::cli::DbCommand;
use crate::context::Context;
use crate::render::{Tone, cells};
use nba_db::Database;
use nba_db::catalog::{Relation, RelationKind};
use nba_db::counts::CountOptions;
use nba_db::ident::TableName;
use nba_utils::format::{bytes, thousands};
use nba_utils::{Verdict, exit_code};

pub(crate) async fn run(context: &Context, command: &DbCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    match command {
        DbCommand::Identity => {
            identity(context, &context.connect(&config, "db-identity").await?).await
        }
        DbCommand::Query { sql, limit } => {
            let db = context.connect(&config, "db-query").await?;
            query(context, &db, sql, *limit).await
        }
        DbCommand::Counts { filter } => {
            let db = context.connect(&config, "db-counts").await?;
            counts(context, &db, filter.as_deref()).await
        }
        DbCommand::Catalog { filter } => {
            let db = context.connect(&config, "db-catalog").await?;
            catalog(context, &db, filter.as_deref()).await
        }
        DbCommand::Fingerprint(args) => super::fingerprint::run(context, args).await,
        DbCommand::Compare(args) => super::compare::run(context, args).await,
        DbCommand::Explain(args) => super::compare::explain::run(context, args).await,
    }
}

/// Which server and database this is.
pub(crate) async fn identity(context: &Context, db: &Database) -> anyhow::Result<Code> {
    let identity = db.identity().await?;
    context.out.json(&identity)?;
    let brief = &identity.brief;
    let unknown = || {
        format!(
            "unknown: {}",
            brief
                .system_identifier_reason
                .as_deref()
                .unwrap_or("not told")
        )
    };
    let system = brief.system_identifier.clone().unwrap_or_else(unknown);
    let address = match (&brief.server_addr, brief.server_port) {
        (Some(address), Some(port)) => format!("{address}:{port}"),
        _ => "unix socket".to_owned(),
    };
    let schemas: Vec<String> = identity
        .tables_per_schema
        .iter()
        .map(|(schema, tables)| format!("{schema} {tables}"))
        .collect();
    let proof = &identity.read_only_proof;
    let read_only = if proof.is_proven() {
        "proven: a write was refused".to_owned()
    } else {
        proof.to_string()
    };
    for (name, value) in [
        ("database", brief.database.clone()),
        (
            "role",
            format!(
                "{}{}",
                brief.role,
                if brief.is_superuser {
                    " (superuser)"
                } else {
                    ""
                }
            ),
        ),
        (
            "server",
            format!(
                "{} at {address}",
                identity.version.split(" on ").next().unwrap_or_default()
            ),
        ),
        ("system identifier", system),
        (
            "started",
            identity
                .started_at
                .format("%Y-%m-%d %H:%M:%S UTC")
                .to_string(),
        ),
        (
            "tables",
            format!("{} ({})", identity.tables(), schemas.join(", ")),
        ),
        (
            "size",
            bytes(u64::try_from(identity.database_bytes).unwrap_or(0)),
        ),
        ("read-only", Tone::of(proof).paint(&read_only)),
    ] {
        context.out.line(&format!("{name:<18} {value}"));
    }
    Ok(identity.read_only_proof.exit_code())
}

async fn query(context: &Context, db: &Database, sql: &str, limit: usize) -> anyhow::Result<Code> {
    if first_word(sql).eq_ignore_ascii_case("copy") {
        anyhow::bail!(
            "`COPY` is refused: a read-only session protects tables, but `COPY … TO` a file or a program writes on the server's machine"
        );
    }
    let rows = db.query(sql, &[]).await?;
    let shown = rows.get(..limit).unwrap_or(&rows);
    context.out.json(&shown)?;
    if let Some(first) = shown.first() {
        let header: Vec<&str> = first.columns().iter().map(String::as_str).collect();
        context.out.table(
            &header,
            shown
                .iter()
                .map(|row| row.iter().map(|(_, text)| plain(text).into()).collect()),
        );
    }
    if shown.len() < rows.len() {
        context.out.note(&format!(
            "{} of {} rows shown: raise --limit for more",
            shown.len(),
            rows.len()
        ));
    }
    Ok(exit_code::PROVEN)
}

/// The first word of a statement, comments before it left out.
fn first_word(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment
                .split_once('\n')
                .map_or("", |(_, after)| after)
                .trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = block_comment_end(comment).trim_start();
        } else if let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_start();
        } else {
            break;
        }
    }
    let end = rest
        .find(|letter: char| !letter.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    &rest[..end]
}

/// What follows a block comment whose opening was taken off already; they nest.
fn block_comment_end(mut rest: &str) -> &str {
    let mut depth = 1_u32;
    while depth > 0 {
        match (rest.find("/*"), rest.find("*/")) {
            (Some(open), Some(close)) if open < close => {
                depth += 1;
                rest = &rest[open + 2..];
            }
            (_, Some(close)) => {
                depth -= 1;
                rest = &rest[close + 2..];
            }
            (_, None) => return "",
        }
    }
    rest
}

/// A JSON value as a person reads it in a table; control characters are escaped, they could imitate our own lines.
fn plain(json: &str) -> String {
    let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    if text.chars().any(char::is_control) {
        text.escape_debug().to_string()
    } else {
        text
    }
}

fn selected(filter: Option<&str>, table: &TableName) -> bool {
    filter.is_none_or(|filter| table.to_string().contains(filter))
}

async fn counts(context: &Context, db: &Database, filter: Option<&str>) -> anyhow::Result<Code> {
    let catalog = db.catalog().await?;
    let tables: Vec<TableName> = catalog
        .tables()
        .map(|relation| relation.table.clone())
        .filter(|table| selected(filter, table))
        .collect();
    if tables.is_empty() {
        anyhow::bail!(
            "no table of the database has `{}` in its name",
            filter.unwrap_or_default()
        );
    }
    let counts = db.counts(&tables, &CountOptions::default()).await?;
    context.out.json(&counts)?;
    let rows = counts.tables.iter().map(|count| {
        let shown = count.rows.map_or_else(
            || Tone::Unsure.paint(&count.verdict.reasons().join("; ")),
            thousands,
        );
        vec![count.table.to_string().into(), cells::right(shown)]
    });
    context.out.table(&["table", "rows"], rows);
    let total: u64 = counts.tables.iter().filter_map(|count| count.rows).sum();
    context.out.note(&format!(
        "{} rows in {} tables, one snapshot at {}",
        thousands(total),
        tables.len(),
        counts.taken_at.format("%H:%M:%S UTC")
    ));
    Ok(counts.verdict().exit_code())
}

async fn catalog(context: &Context, db: &Database, filter: Option<&str>) -> anyhow::Result<Code> {
    let mut catalog = db.catalog().await?;
    catalog
        .relations
        .retain(|relation| selected(filter, &relation.table));
    catalog
        .sequences
        .retain(|sequence| selected(filter, &sequence.sequence));
    if filter.is_some() && catalog.relations.is_empty() {
        anyhow::bail!(
            "no relation of the database has `{}` in its name",
            filter.unwrap_or_default()
        );
    }
    context.out.json(&catalog)?;
    let rows = catalog.relations.iter().map(|relation| {
        vec![
            relation.table.to_string().into(),
            kind(relation.kind).into(),
            cells::right(relation.columns.len().to_string()),
            relation
                .primary_key()
                .map_or_else(|| "-".to_owned(), |key| key.join(", "))
                .into(),
            cells::right(relation.indexes.len().to_string()),
            cells::right(relation.estimated_rows.map_or_else(
                || "-".to_owned(),
                |rows| thousands(u64::try_from(rows).unwrap_or(0)),
            )),
            cells::right(bytes(u64::try_from(relation.table_bytes).unwrap_or(0))),
        ]
    });
    context.out.table(
        &[
            "relation",
            "kind",
            "columns",
            "primary key",
            "indexes",
            "rows (estimate)",
            "size",
        ],
        rows,
    );
    if filter.is_some() {
        for relation in &catalog.relations {
            details(context, relation);
        }
    }
    Ok(Verdict::Proven.exit_code())
}

fn details(context: &Context, relation: &Relation) {
    context.out.line("");
    context
        .out
        .line(&Tone::Strong.paint(&relation.table.to_string()));
    let columns = relation.columns.iter().map(|column| {
        let null = if column.nullable { "" } else { "not null" };
        let default = column.default.as_deref().unwrap_or("");
        vec![
            format!("  {}", column.name).into(),
            column.data_type.clone().into(),
            null.into(),
            default.into(),
        ]
    });
    context
        .out
        .table(&["  column", "type", "", "default"], columns);
    for constraint in &relation.constraints {
        context
            .out
            .line(&format!("  {}: {}", constraint.name, constraint.definition));
    }
    for index in &relation.indexes {
        context.out.line(&format!("  {}", index.definition));
    }
}

fn kind(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "table",
        RelationKind::PartitionedTable => "partitioned table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::ForeignTable => "foreign table",
    }
}

#[cfg(test)]
mod tests {
    use super::{first_word, plain};

    #[test]
    fn a_copy_is_seen_behind_comments() {
        for sql in [
            "copy (select 1) to program 'x'",
            " -- a\n COPY t to '/tmp/x'",
            "/* /* a */ b */ ;Copy t to stdout",
        ] {
            assert!(first_word(sql).eq_ignore_ascii_case("copy"), "{sql}");
        }
        for sql in [
            "select 'copy'",
            "/* copy */ select 1",
            "with copy as (select 1) select * from copy",
            "/* open",
            "",
        ] {
            assert!(!first_word(sql).eq_ignore_ascii_case("copy"), "{sql}");
        }
    }

    #[test]
    fn a_value_cannot_imitate_a_line_of_ours() {
        assert_eq!(plain("\"a\\nhealth: healthy\""), "a\\nhealth: healthy");
        assert_eq!(plain("\"O'Neal\""), "O'Neal");
    }
}
