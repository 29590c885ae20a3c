//! Row-exact comparison of two relations, on one server or on two.

mod checkpoint;
mod decimal;
mod describe;
mod divide;
mod error;
pub mod explain;
mod form;
mod found;
mod merge;
mod outcome;
mod pair;
mod plan;
mod reader;
mod recheck;
pub mod repair;
pub mod report;
mod run;
mod schedule;
mod spec;
mod statements;
mod work;

pub use self::error::CompareError;
pub use self::outcome::{
    Assembly, CellChange, Change, ColumnCount, ComparedAs, ComparedColumn, Comparison, Difference,
    IgnoredColumn, Observer, PlanView, Progress, RecheckReport, Repeated, SchemaDifference, Side,
    SideReport, Totals,
};
pub use self::spec::{CompareSpec, Mode, Recheck, Relation, Tolerance};

pub(crate) use self::describe::{
    ATTRIBUTES_SQL, MODIFIER_SQL, PLACE_SQL, RELATION_SQL, TYPES_SQL, UNIQUE_SQL,
};

use crate::database::Database;

/// Compares every row of two relations.
///
/// # Errors
/// [`CompareError`] where the comparison cannot begin.
pub async fn compare(
    left: &Database,
    left_relation: &Relation,
    right: &Database,
    right_relation: &Relation,
    spec: &CompareSpec,
    observer: &mut dyn Observer,
) -> Result<Comparison, CompareError> {
    // On the heap: it holds the state of both sides.
    Box::pin(run::compare(
        [left, right],
        [left_relation, right_relation],
        spec,
        observer,
    ))
    .await
}
