use super::*;

#[test]
fn a_table_that_is_not_filled_is_named() {
    let mut options = JobOptions::new(Source::Hoopr, "state");
    options.tables = vec!["hoopr_odds".to_owned()];
    let error = chosen(&options).unwrap_err();
    assert!(error.to_string().contains("hoopr_play_by_play"), "{error}");
    options.tables = vec!["hoopr_team_box".to_owned()];
    assert_eq!(chosen(&options).unwrap(), ["hoopr_team_box"]);
    options.tables.clear();
    assert_eq!(chosen(&options).unwrap().len(), 4);
}

#[test]
fn a_lost_row_is_no_proof() {
    let mut report = JobReport {
        verdict: Verdict::Proven,
        source: Source::Espn,
        mode: Mode::Correct,
        documents: String::new(),
        dry_run: false,
        tables: BTreeMap::new(),
        total: Figures {
            documents: 1,
            read: 3,
            inserted: 2,
            unchanged: 1,
            ..Figures::default()
        },
        pieces: 1,
        resumed: 0,
        divergences: BTreeSet::new(),
        quarantined: 0,
        quarantine: None,
    };
    assert!(report.judge().is_proven());
    report.total.inserted = 1;
    assert!(report.judge().is_refuted());
    report.total.rejected = 1;
    assert_eq!(report.judge().reasons(), ["1 rows were put aside"]);
    report.total.repeated = 1;
    assert!(
        report.judge().is_proven(),
        "a row that came before is there"
    );
    report.total = Figures {
        documents: 2,
        missing: 2,
        ..Figures::default()
    };
    assert_eq!(report.judge().exit_code(), 2);
}

#[test]
fn files_are_found_in_the_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b.json", "a.json", "c.txt"] {
        std::fs::write(dir.path().join(name), "{}").unwrap();
    }
    let found = by_folder(&[dir.path().to_owned()]).unwrap();
    assert_eq!(found.into_values().next().unwrap(), ["a", "b"]);
    let error = by_folder(&[dir.path().join("none")]).unwrap_err();
    assert!(matches!(error, JobError::Io { .. }));
}
