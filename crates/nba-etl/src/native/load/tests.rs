use super::*;

const SHAPE: Shape = Shape {
    table: "public.t",
    columns: &["a", "b", "c"],
    key: &["a", "b"],
    updates: &["c"],
    stamp: Some("seen"),
};

#[test]
fn the_merge_writes_only_what_changed_in_correct_mode() {
    let table = TableName::parse(SHAPE.table);
    let correct = merge_sql(&table, &SHAPE, Mode::Correct, false);
    assert!(correct.contains(
        "on conflict (\"a\", \"b\") do update set \"c\" = excluded.\"c\", \"seen\" = current_timestamp \
         where row(target.\"c\") is distinct from row(excluded.\"c\")"
    ), "{correct}");
    let compat = merge_sql(&table, &SHAPE, Mode::Compat, false);
    assert!(!compat.contains(" where row(target"), "{compat}");
    let keeps = merge_sql(&table, &SHAPE, Mode::Correct, true);
    assert!(
        keeps.contains("set \"c\" = coalesce(excluded.\"c\", target.\"c\")")
            && keeps.contains("is distinct from row(coalesce(excluded.\"c\", target.\"c\"))"),
        "{keeps}"
    );
    let kept = Shape {
        updates: &[],
        ..SHAPE
    };
    assert!(
        merge_sql(&table, &kept, Mode::Compat, false)
            .contains("on conflict (\"a\", \"b\") do nothing")
    );
}

#[test]
fn an_account_that_lost_a_row_does_not_balance() {
    let mut account = LoadAccount {
        games: 1,
        loaded_games: 1,
        attempted: 3,
        inserted: 1,
        unchanged: 1,
        repeated: 1,
        ..LoadAccount::default()
    };
    assert!(account.is_balanced());
    account.inserted = 0;
    assert!(!account.is_balanced());
    account.inserted = 1;
    account.loaded_games = 0;
    assert!(!account.is_balanced());
}
