use std::collections::BTreeMap;

use super::*;

#[test]
fn fifty_four_tables_in_four_schemas() {
    let mut per_schema = BTreeMap::new();
    for table in tables() {
        *per_schema
            .entry(table.name.split_once('.').unwrap().0)
            .or_insert(0) += 1;
    }
    assert_eq!(
        per_schema,
        BTreeMap::from([("odds", 5), ("public", 40), ("rag", 4), ("raw_data", 5)])
    );
}

#[test]
fn column_counts_are_the_documented_ones() {
    for (name, columns) in [
        ("public.games", 58),
        ("public.play_by_play", 12),
        ("public.hoopr_play_by_play", 63),
        ("public.hoopr_player_box", 56),
        ("public.hoopr_team_box", 56),
        ("public.hoopr_schedule", 77),
        ("public.box_score_players", 19 + 2),
        ("public.box_score_teams", 44 + 2),
        ("public.possession_panel", 104),
        ("public.teams", 7),
    ] {
        assert_eq!(table(name).unwrap().columns().count(), columns, "{name}");
    }
}

#[test]
fn hoopr_and_append_only_tables_have_no_unique_key() {
    for name in [
        "public.hoopr_play_by_play",
        "public.hoopr_player_box",
        "public.hoopr_team_box",
        "public.hoopr_schedule",
    ] {
        let table = table(name).unwrap();
        assert!(!table.create.contains("NOT NULL"), "{name}");
        assert!(
            table.keys_sql().all(|sql| sql.starts_with("CREATE INDEX")),
            "{name}"
        );
        assert!(table.keys_sql().count() > 0, "{name}");
    }
    for name in [
        "public.temporal_events",
        "odds.odds_snapshots",
        "raw_data.nba_misc",
    ] {
        assert!(
            table(name)
                .unwrap()
                .keys_sql()
                .all(|sql| !sql.contains("UNIQUE")),
            "{name}"
        );
    }
}

#[test]
fn every_key_statement_belongs_to_a_table() {
    for (name, statement) in KEY_STATEMENTS.iter() {
        assert!(table(name).is_some(), "{statement}");
    }
    assert_eq!(KEY_STATEMENTS.len(), KEYS.matches(";\n").count());
    assert_eq!(
        foreign_keys_sql().count(),
        FOREIGN_KEYS.matches(";\n").count()
    );
}

#[test]
fn shapes_are_read() {
    assert_eq!(table("public.games").unwrap().shape, Shape::Ddl);
    assert_eq!(table("public.play_by_play").unwrap().shape, Shape::Loader);
    assert_eq!(
        table("public.hoopr_schedule").unwrap().shape,
        Shape::Partial
    );
    assert_eq!(table("public.team_seasons").unwrap().shape, Shape::Assumed);
}
