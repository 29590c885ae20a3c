//! One table of the baseline: looked at, and judged by its rule. Health and verify share it.

use nba_db::fingerprint::{
    Detail, FingerprintError, KeySpec, TableFingerprint, TableSpec, fingerprint_gently,
};
use nba_db::gentle::Governor;
use nba_db::tokio_postgres::Client;
use nba_utils::Verdict;
use serde_json::{Value, json};

use super::judge::{Judgement, judge_count, judge_rows, rows};
use super::locate::{Limits, Located};
use super::report::CheckRecord;
use crate::baseline::{Baseline, Content, RowEvidence, TableBaseline};
use crate::rules::Rule;

/// What all tables of a run share.
pub(crate) struct Looker<'a> {
    pub(crate) baseline: &'a Baseline,
    pub(crate) governor: &'a Governor,
    pub(crate) limits: Limits,
}

/// A table as it is now, and the rows that differ.
pub(crate) struct Seen {
    pub(crate) now: TableFingerprint,
    pub(crate) located: Located,
}

impl Looker<'_> {
    /// Looks at a table in the snapshot the client is in: as closely as its rule needs.
    pub(crate) async fn look(
        &self,
        client: &Client,
        table: &TableBaseline,
        present: &Present,
    ) -> Result<Seen, FingerprintError> {
        let comparable = present.removed.is_empty() && present.retyped.is_empty();
        let before = table.content.fingerprint();
        if !comparable || !table.rule.rule.needs_rows() || before.is_none() {
            let spec = count_only(&table.spec);
            let now = fingerprint_gently(client, &spec, Detail::Rows, self.governor).await?;
            return Ok(Seen {
                now,
                located: Located::default(),
            });
        }
        let now = fingerprint_gently(client, &table.spec, Detail::Columns, self.governor).await?;
        let located = match before {
            Some(before) if before.rows > 0 && !before.differing_buckets(&now).is_empty() => {
                let evidence = self.baseline.rows(&table.spec.table);
                self.locate(client, &table.spec, evidence, before, &now)
                    .await?
            }
            _ => Located::default(),
        };
        Ok(Seen { now, located })
    }

    /// Looks for the rows that differ. A search that fails leaves what the fingerprints already say.
    async fn locate(
        &self,
        client: &Client,
        table: &TableSpec,
        evidence: Option<RowEvidence>,
        before: &TableFingerprint,
        now: &TableFingerprint,
    ) -> Result<Located, FingerprintError> {
        let savepoint = |sql: &'static str| async move {
            let failed = |source| FingerprintError::query("set a savepoint", source);
            client.batch_execute(sql).await.map_err(failed)
        };
        savepoint("savepoint search").await?;
        let search = Located::search(
            client,
            table,
            evidence,
            before,
            now,
            self.limits,
            self.governor,
        );
        match search.await {
            Err(error) if error.is_connection_lost() => Err(error),
            Err(error) => {
                savepoint("rollback to savepoint search").await?;
                Ok(Located::blocked(error.reason()))
            }
            Ok(located) => Ok(located),
        }
    }
}

/// Enough for rules about numbers, and all that is possible when columns are gone.
fn count_only(spec: &TableSpec) -> TableSpec {
    TableSpec {
        encoding: nba_db::fingerprint::ENCODING_VERSION,
        table: spec.table.clone(),
        columns: Vec::new(),
        key: KeySpec::WholeRow,
        buckets: 1,
    }
}

/// A table of the baseline as it is now.
#[derive(Default)]
pub(crate) struct Present {
    removed: Vec<String>,
    retyped: Vec<String>,
}

impl Present {
    pub(crate) fn new(before: &TableSpec, now: &TableSpec) -> Self {
        let (mut removed, mut retyped) = (Vec::new(), Vec::new());
        for column in &before.columns {
            match now.columns.iter().find(|other| other.name == column.name) {
                None => removed.push(column.name.clone()),
                Some(other) if other.base_type != column.base_type => {
                    retyped.push(format!(
                        "{} from {} to {}",
                        column.name, column.declared, other.declared
                    ));
                }
                Some(_) => {}
            }
        }
        Self { removed, retyped }
    }

    pub(crate) fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if !self.removed.is_empty() {
            findings.push(format!("column removed: {}", self.removed.join(", ")));
        }
        if !self.retyped.is_empty() {
            findings.push(format!("column type changed: {}", self.retyped.join(", ")));
        }
        findings
    }
}

pub(crate) fn missing_table(table: &TableBaseline) -> CheckRecord {
    let before = table.content.fingerprint().map(|content| content.rows);
    let lost = before.map_or_else(String::new, |before| format!(", {} lost", rows(before)));
    let message = format!("the table is gone{lost}");
    let expected = before.map_or(Value::Null, |before| json!(before));
    let mut record = CheckRecord::new(
        Verdict::refuted(message.clone()),
        table.rule.criticality,
        expected,
        Value::Null,
        message,
    );
    record.rule = Some(table.rule.clone());
    record
}

pub(crate) fn table_record(
    table: &TableBaseline,
    present: &Present,
    result: Result<Seen, FingerprintError>,
    listed: usize,
) -> CheckRecord {
    let rule = &table.rule.rule;
    let before = table.content.fingerprint();
    let expected = match (rule, before) {
        (Rule::ExpectedEmpty, _) => json!(0),
        (_, Some(before)) => json!(before.rows),
        (_, None) => Value::Null,
    };
    let (now, located) = match result {
        Ok(Seen { now, located }) => (Some(now), located),
        Err(error) => (None, Located::blocked(error.reason())),
    };
    let judgement = match (&now, before, &table.content) {
        (None, ..) => {
            let reason = located.obstacle.clone().unwrap_or_default();
            Judgement {
                verdict: Verdict::not_proven(reason.clone()),
                message: reason,
            }
        }
        (Some(now), ..) if !present.findings().is_empty() => {
            let message = format!("{}; {} now", present.findings().join("; "), rows(now.rows));
            Judgement {
                verdict: Verdict::from_findings(present.findings()),
                message,
            }
        }
        (Some(_), None, Content::NotMeasured(reason)) => {
            let message = format!("not measured when the baseline was taken: {reason}");
            Judgement {
                verdict: Verdict::not_proven(message.clone()),
                message,
            }
        }
        (Some(now), Some(before), _) if rule.needs_rows() => {
            judge_rows(rule, before, now, &located)
        }
        (Some(now), before, _) => {
            judge_count(rule, before.map_or(0, |before| before.rows), now.rows)
        }
    };
    let actual = now.as_ref().map_or(Value::Null, |now| json!(now.rows));
    let mut record = CheckRecord::new(
        judgement.verdict,
        table.rule.criticality,
        expected,
        actual,
        judgement.message,
    );
    record.rule = Some(table.rule.clone());
    let suspects = before
        .zip(now.as_ref())
        .map(|(before, now)| before.differing_columns(now))
        .unwrap_or_default();
    record.differences = located.differences(listed, &suspects);
    record
}
