//! `nba db explain`: where the difference lies.

use super::watch::{Outputs, Watch};
use super::{Sides, code, entry, painted, record, spec};
use crate::cli::compare::ExplainArgs;
use crate::commands::Code;
use crate::context::Context;
use anyhow::{Context as _, bail};
use nba_db::compare::report::{Report, render_text};
use nba_db::compare::{Relation, compare};
use nba_db::ident::TableName;
use nba_utils::exit_code;

pub(crate) async fn run(context: &Context, args: &ExplainArgs) -> anyhow::Result<Code> {
    let rules = &args.rules;
    if rules.query_left.is_some() || rules.query_right.is_some() {
        bail!(
            "`nba db explain` takes tables; `nba db compare` takes queries, and explains them too"
        );
    }
    if rules.resume.is_some() && args.tables.len() > 1 {
        bail!("one file holds the progress of one table: give --resume with a single table");
    }
    let pairs: Vec<(Relation, Relation)> = args.tables.iter().map(|name| pair(name)).collect();
    if let Some((left, _)) = pairs.iter().find(|(left, right)| left == right)
        && rules.left_target == rules.right_target
        && !rules.same_relation
    {
        bail!(
            "`{left}` of one database has nothing to be compared with: give two targets, or `LEFT=RIGHT`"
        );
    }
    let config = context.config()?;
    let sides = Sides::connect(context, rules, "db-explain").await?;
    let mut documents = Vec::with_capacity(pairs.len());
    let mut worst = exit_code::PROVEN;
    for (left, right) in &pairs {
        let mut watch = Watch::new(context.out, Outputs::default(), &sides.right, right).await?;
        let spec = spec(rules, 0);
        let comparison = compare(&sides.left, left, &sides.right, right, &spec, &mut watch)
            .await
            .with_context(|| format!("explaining `{left}`"))?;
        let seen = watch.finish()?;
        let report = Report {
            comparison: &comparison,
            explanation: &seen.explanation,
            repair: None,
        };
        context
            .out
            .line(&painted(&comparison.verdict, &render_text(&report, 0)));
        documents.push(serde_json::to_value(&report)?);
        record(
            context,
            &config,
            &entry("db explain", &comparison, &seen.explanation),
        )?;
        worst = worse(worst, code(&comparison, rules.as_declared));
    }
    context.out.json(&documents)?;
    Ok(worst)
}

/// A refuted table outweighs one that could not be judged: something is known to be wrong.
fn worse(one: Code, other: Code) -> Code {
    if [one, other].contains(&exit_code::REFUTED) {
        exit_code::REFUTED
    } else {
        one.max(other)
    }
}

fn pair(text: &str) -> (Relation, Relation) {
    let (left, right) = text.split_once('=').unwrap_or((text, text));
    (
        Relation::Table(TableName::parse(left)),
        Relation::Table(TableName::parse(right)),
    )
}
