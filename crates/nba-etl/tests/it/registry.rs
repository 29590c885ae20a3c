//! The registry of the replica's checkout, whose scripts behave as the legacy ones are documented to.

use nba_etl::registry::{HazardKind, Registry, ScriptInfo, TableEffect};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};

struct Checkout {
    registry: Registry,
    _dir: tempfile::TempDir,
}

impl Checkout {
    fn new() -> Checkout {
        let dir = tempfile::tempdir().unwrap();
        let checkout = LegacyCheckout::build(dir.path(), &LegacyOptions::default()).unwrap();
        Checkout {
            registry: Registry::discover(&checkout.project()).unwrap(),
            _dir: dir,
        }
    }

    #[track_caller]
    fn script(&self, name: &str) -> &ScriptInfo {
        self.registry.find(name).unwrap()
    }

    fn problems(&self, name: &str, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        self.script(name)
            .flags
            .check(&arguments)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn has(&self, name: &str, kind: HazardKind) -> bool {
        self.script(name)
            .hazards
            .iter()
            .any(|hazard| hazard.kind == kind)
    }
}

#[test]
fn the_checkout_is_read_as_its_scripts_behave() {
    let checkout = Checkout::new();
    assert!(checkout.registry.unread.is_empty());
    assert!(checkout.registry.scripts.len() >= 35);

    // ETL dossier 1.1: options, tables, variables.
    let pbp = checkout.script("extract_pbp_local");
    assert_eq!(pbp.written_tables().collect::<Vec<_>>(), ["play_by_play"]);
    assert!(pbp.families.contains("DB_*"), "{:?}", pbp.families);
    assert!(pbp.prefixes.contains("espn_play_by_play/"));
    assert_eq!(
        checkout.problems("extract_pbp_local", &["--year", "2024"]),
        [""; 0]
    );
    assert_eq!(
        checkout
            .problems("extract_pbp_local", &["--year", "x"])
            .len(),
        1
    );

    // 5.2: a prefix is taken for an option and does nothing.
    let taken = checkout.problems("espn_async_scraper", &["--season", "2024"]);
    assert!(
        taken[0].contains("silently take it for `--seasons`"),
        "{taken:?}"
    );

    // 5.3: a script that is gone.
    let wrapper = checkout.script("run_espn_scraper");
    let missing: Vec<&str> = wrapper
        .missing()
        .map(|call| call.written.as_str())
        .collect();
    assert_eq!(missing, ["scrape_missing_espn_data.py"]);

    // 6: dangers.
    for (name, kind) in [
        ("run_espn_scraper", HazardKind::Prompt),
        ("run_espn_scraper", HazardKind::Destructive),
        ("overnight_hoopr_all_152", HazardKind::Prompt),
        ("overnight_hoopr_all_152", HazardKind::BackgroundChild),
        ("deploy_phase_9_2_hoopr_agent", HazardKind::BackgroundChild),
        ("phase_9_2_hoopr_agent", HazardKind::NeedsFolder),
        ("backfill_and_load_espn", HazardKind::MaskedFailure),
        ("run_etl_all_years", HazardKind::SecretOnCommandLine),
        ("load_hoopr_to_rds", HazardKind::Prompt),
        ("load_hoopr_to_rds", HazardKind::DefaultServer),
        ("create_db_backup", HazardKind::ReadsCredentials),
        ("load_espn_pbp_to_rds", HazardKind::NeedsFolder),
        ("auto_update_espn_data", HazardKind::Prompt),
    ] {
        assert!(
            checkout.has(name, kind),
            "{name}: {kind:?} in {:?}",
            checkout.script(name).hazards
        );
    }
    for (name, kind) in [
        ("extract_pbp_local", HazardKind::Prompt),
        ("extract_pbp_local", HazardKind::BackgroundChild),
        ("espn_incremental_async", HazardKind::Destructive),
    ] {
        assert!(!checkout.has(name, kind), "{name}: {kind:?}");
    }
    let destroyed = checkout
        .script("load_hoopr_to_rds")
        .tables
        .iter()
        .any(|table| table.effect == TableEffect::Destroys);
    assert!(destroyed);

    // 5.4: what the schedules lead to, and what is wrong with them.
    let scheduled = checkout.script("espn_incremental_async");
    assert!(scheduled.schedules.len() >= 2, "{:?}", scheduled.schedules);
    let flag = checkout.script("basketball_reference_incremental_scraper");
    assert!(flag.flags.option("--upload-to-s3").is_none());
    let problems: Vec<&str> = checkout
        .registry
        .schedules
        .iter()
        .flat_map(|schedule| &schedule.problems)
        .map(String::as_str)
        .collect();
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("run_data_audit.sh")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("home folder")),
        "{problems:?}"
    );
}

#[test]
fn every_argument_a_schedule_passes_is_judged() {
    let checkout = Checkout::new();
    // The weekly line passes two words where the script takes one for both (5.4).
    assert!(
        !checkout
            .problems("run_scheduled_bbref", &["--days", "7"])
            .is_empty()
    );
    assert_eq!(
        checkout.problems("run_scheduled_bbref", &["--days 7"]),
        [""; 0]
    );
    // The nightly workflow passes an option that does not exist there.
    let unknown = checkout.problems(
        "basketball_reference_incremental_scraper",
        &["--upload-to-s3"],
    );
    assert!(unknown[0].contains("not an option"), "{unknown:?}");
}
