use super::*;

fn identity(system: Option<&str>, database: &str, oid: u32) -> TargetIdentity {
    TargetIdentity {
        brief: Brief {
            system_identifier: system.map(str::to_owned),
            system_identifier_reason: system.is_none().then(|| "not permitted".to_owned()),
            database: database.to_owned(),
            database_oid: oid,
            role: "etl".to_owned(),
            is_superuser: false,
            server_addr: None,
            server_port: None,
            server_version_num: 150_014,
        },
        version: "PostgreSQL 15.14".to_owned(),
        encoding: "UTF8".to_owned(),
        collation: "C".to_owned(),
        started_at: DateTime::UNIX_EPOCH,
        in_recovery: false,
        read_only_proof: Verdict::Proven,
        database_bytes: 0,
        tables_per_schema: BTreeMap::from([("public".to_owned(), 40)]),
        table_set_fingerprint: "f".to_owned(),
        read_at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn two_databases_of_one_name_are_told_apart() {
    let rds = identity(Some("7001"), "nba_simulator", 16384);
    let mut local = identity(Some("7002"), "nba_simulator", 16384);
    local.table_set_fingerprint = "g".to_owned();
    local.tables_per_schema = BTreeMap::from([("master".to_owned(), 3)]);
    let verdict = rds.same_target(&local);
    assert!(verdict.is_refuted());
    let reasons = verdict.reasons().join("; ");
    assert!(
        reasons.contains("expected `7001`, actual `7002`")
            && reasons.contains("expected `public 40`, actual `master 3`"),
        "{reasons}"
    );
    assert!(rds.same_target(&rds.clone()).is_proven());
}

#[test]
fn a_recreated_database_and_another_name_are_other_targets() {
    let one = identity(Some("7001"), "nba_simulator", 16384);
    assert!(
        one.same_target(&identity(Some("7001"), "nba_simulator", 16999))
            .is_refuted()
    );
    assert!(
        one.same_target(&identity(Some("7001"), "nba_unified", 16384))
            .is_refuted()
    );
}

#[test]
fn a_changed_set_of_tables_is_the_same_target() {
    let one = identity(Some("7001"), "nba_simulator", 16384);
    let mut grown = one.clone();
    grown.table_set_fingerprint = "g".to_owned();
    assert!(one.same_target(&grown).is_proven());
    assert!(!one.same_tables(&grown));
}

#[test]
fn without_system_identifier_sameness_is_not_proven_but_difference_is() {
    let one = identity(None, "nba_simulator", 16384);
    let verdict = one.same_target(&identity(Some("7001"), "nba_simulator", 16384));
    assert!(!verdict.is_proven() && !verdict.is_refuted());
    assert!(verdict.reasons().join("").contains("not permitted"));
    assert!(
        one.same_target(&identity(None, "other", 16384))
            .is_refuted()
    );
}

#[test]
fn an_identity_survives_json() {
    let one = identity(Some("7001"), "nba_simulator", 16384);
    let json = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<TargetIdentity>(&json).unwrap(), one);
}

#[test]
fn an_accepted_write_refutes_and_another_error_proves_nothing() {
    assert!(judge_write(Ok(())).is_refuted());
    let lost = DbError::ConnectionLost {
        operation: "writing".to_owned(),
        source: None,
    };
    let verdict = judge_write(Err(lost));
    assert!(!verdict.is_proven() && !verdict.is_refuted());
}
