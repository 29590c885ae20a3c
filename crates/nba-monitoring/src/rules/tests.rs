use super::*;

fn rule(book: &RuleBook, table: &str, rows: u64) -> TableRule {
    book.rule_for(&TableName::try_from(table.to_owned()).unwrap(), Some(rows))
}

#[test]
fn documented_roles() {
    let book = RuleBook::default();
    for (table, rows, word, criticality, origin) in [
        (
            "public.games",
            44_828,
            "append_only",
            Criticality::Critical,
            RuleOrigin::Documented,
        ),
        (
            "public.temporal_events",
            1,
            "append_only",
            Criticality::Critical,
            RuleOrigin::Documented,
        ),
        (
            "odds.odds_snapshots",
            21_309,
            "external",
            Criticality::Warning,
            RuleOrigin::Documented,
        ),
        (
            "rag.play_embeddings",
            0,
            "expected_empty",
            Criticality::Warning,
            RuleOrigin::Documented,
        ),
        (
            "public.players",
            0,
            "expected_empty",
            Criticality::Warning,
            RuleOrigin::Documented,
        ),
        (
            "public.players",
            5_000,
            "append_only",
            Criticality::Warning,
            RuleOrigin::Observed,
        ),
        (
            "public.dims_config",
            4,
            "growing",
            Criticality::Warning,
            RuleOrigin::Documented,
        ),
        (
            "public.shot_charts",
            9,
            "append_only",
            Criticality::Warning,
            RuleOrigin::Unknown,
        ),
    ] {
        let found = rule(&book, table, rows);
        assert_eq!(
            (found.rule.as_str(), found.criticality, found.origin),
            (word, criticality, origin),
            "{table}"
        );
    }
}

#[test]
fn a_user_rule_wins_and_keeps_the_documented_weight() {
    let text = r#"{"public.games": "frozen", "public.teams": {"rule": "growing", "max_percent": 200, "criticality": "warning"},
                   "public.gmaes": "external"}"#;
    let book = RuleBook::with_overrides(serde_json::from_str(text).unwrap());
    let games = rule(&book, "public.games", 1);
    assert_eq!(
        (games.rule, games.criticality, games.origin),
        (Rule::Frozen, Criticality::Critical, RuleOrigin::Configured)
    );
    assert_eq!(
        rule(&book, "public.teams", 1).rule,
        Rule::Growing {
            min_percent: 100,
            max_percent: Some(200)
        }
    );
    let known = [
        TableName::new("public", "games"),
        TableName::new("public", "teams"),
    ];
    assert_eq!(
        book.unused(&known)
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["public.gmaes"]
    );
}

#[test]
fn misspelt_rules_are_refused_by_name() {
    for (text, part) in [
        (r#""forzen""#, "unknown rule `forzen`"),
        (
            r#"{"rule": "frozen", "max_growth_percent": 3}"#,
            "does not take this limit",
        ),
        (
            r#"{"rule": "growing", "max_growth_percent": 3}"#,
            "does not take this limit",
        ),
    ] {
        let error = serde_json::from_str::<RuleOverride>(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(serde_json::from_str::<RuleOverride>(r#"{"rule": "frozen", "colour": 1}"#).is_err());
}

#[test]
fn rules_survive_their_json_form() {
    for rule in [
        Rule::Frozen,
        Rule::AppendOnly {
            max_growth_percent: Some(10),
        },
        Rule::AppendOnly {
            max_growth_percent: None,
        },
        Rule::Growing {
            min_percent: 90,
            max_percent: None,
        },
        Rule::External,
        Rule::ExpectedEmpty,
    ] {
        let whole = TableRule {
            rule,
            criticality: Criticality::Critical,
            origin: RuleOrigin::Unknown,
        };
        let json = serde_json::to_string(&whole).unwrap();
        assert!(
            json.contains(&format!("\"rule\":\"{}\"", rule.as_str())),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<TableRule>(&json).unwrap(), whole);
    }
}

#[test]
fn a_rules_file_is_read_or_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    assert_eq!(RuleBook::load(&path).unwrap(), RuleBook::default());
    std::fs::write(&path, r#"{"public.games": "frozen"}"#).unwrap();
    assert_eq!(
        rule(&RuleBook::load(&path).unwrap(), "public.games", 1).rule,
        Rule::Frozen
    );
    for text in [
        "{\n\"public.games\": \"forzen\"}",
        "{\n\"games\": \"frozen\"}",
        "{\n\"public.games\": ",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = RuleBook::load(&path).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            error.to_string().contains("rules.json") && source.contains("line 2"),
            "{text}: {source}"
        );
        assert!(error.hint().is_some());
    }
}
