//! The files of the checkout, as they stand in this crate's `legacy/` folder, by the commit that brought them.

/// One file: path in the checkout and text.
pub(super) type File = (&'static str, &'static str);

/// One commit of the made-up history.
pub(super) struct Commit {
    pub(super) subject: &'static str,
    /// As git takes it, with zone.
    pub(super) date: &'static str,
    pub(super) files: &'static [File],
}

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../legacy/", $path)))),+]
    };
}

/// Oldest first. Paths beginning with `dot-` lose that for a real dot, so that they do nothing in this repository.
pub(super) const HISTORY: &[Commit] = &[
    Commit {
        subject: "Collect ESPN data into S3 and PostgreSQL",
        date: "2025-10-01T09:00:00-0500",
        files: files![
            "README.md",
            "dot-env.example",
            "dot-gitignore",
            "requirements.txt",
            "scripts/etl/auto_update_espn_data.sh",
            "scripts/etl/backfill_and_load_espn.sh",
            "scripts/etl/basketball_reference_incremental_scraper.py",
            "scripts/etl/deploy_phase_9_2_hoopr_agent.sh",
            "scripts/etl/espn_async_scraper.py",
            "scripts/etl/espn_incremental_async.py",
            "scripts/etl/espn_incremental_simple.py",
            "scripts/etl/espn_web_scraper.py",
            "scripts/etl/extract_boxscores_local.py",
            "scripts/etl/extract_pbp_local.py",
            "scripts/etl/extract_schedule_local.py",
            "scripts/etl/hoopr_incremental_simple.py",
            "scripts/etl/load_espn_pbp_to_rds.py",
            "scripts/etl/load_from_local_espn.py",
            "scripts/etl/overnight_hoopr_all_152.sh",
            "scripts/etl/phase_9_2_hoopr_agent.py",
            "scripts/etl/run_espn_scraper.sh",
            "scripts/etl/run_etl_all_years.sh",
            "scripts/etl/scrape_hoopr_phase1_foundation.R",
            "scripts/etl/scrape_missing_games.py",
            "scripts/shared/__init__.py",
            "scripts/shared/miniyaml.py",
            "scripts/shared/pg.py",
            "scripts/shared/store.py",
            "sql/create_games_table.sql",
            "sql/create_tables.sql",
            "sql/dims_schema.sql",
        ],
    },
    Commit {
        subject: "Add hoopR and the data inventory",
        date: "2025-10-15T21:30:00-0500",
        files: files![
            "inventory/config.yaml",
            "inventory/data_inventory.yaml",
            "inventory/metrics.yaml",
            "scripts/db/create_unified_espn_hoopr_view.py",
            "scripts/db/load_hoopr_to_local_postgres.py",
            "scripts/db/load_hoopr_to_rds.py",
            "scripts/monitoring/dims_cli.py",
            "scripts/monitoring/scraper_health_monitor.py",
        ],
    },
    Commit {
        subject: "Add backups and validation",
        date: "2025-10-30T14:50:00-0500",
        files: files![
            "scripts/backup/create_db_backup.sh",
            "scripts/backup/generate_s3_manifest.sh",
            "scripts/backup/verify_backups.sh",
            "scripts/validation/phase1_health_check.py",
            "scripts/validation/verify_game_coverage.py",
        ],
    },
    Commit {
        subject: "Move code into a package",
        date: "2025-11-05T09:50:00-0600",
        files: files![
            "config/autonomous_config.yaml",
            "config/aws_config.yaml",
            "config/cloudwatch_config.yaml",
            "config/launchd/com.nba-simulator.adce-autonomous.plist",
            "config/possession_extraction_local.yaml",
            "config/prms_config.yaml",
            "config/rag_llm_config.yaml",
            "config/reconciliation_config.yaml",
            "config/scraper_config.yaml",
            "config/systemd/adce-autonomous.service",
            "deployment/cron/crontab.installed",
            "deployment/cron/crontab.template",
            "deployment/docker-compose.yml",
            "deployment/systemd/nba-daily-update.service",
            "deployment/systemd/nba-daily-update.timer",
            "nba_simulator/__init__.py",
            "nba_simulator/config/__init__.py",
            "pytest.ini",
            "tests/test_database.py",
            "tests/unit/test_config.py",
            "tests/unit/test_helpers.py",
        ],
    },
    Commit {
        subject: "Automate the collection",
        date: "2025-11-08T16:37:00-0600",
        files: files![
            "docs/DATA_CATALOG.md",
            "scripts/autonomous/autonomous_loop.py",
            "scripts/autonomous/run_scheduled_bbref.sh",
            "scripts/autonomous/run_scheduled_espn.sh",
            "scripts/autonomous/run_scheduled_hoopr.sh",
            "scripts/reconciliation/run_reconciliation.py",
            "scripts/workflows/daily_update_cli.py",
            "scripts/workflows/overnight_unified_cli.py",
        ],
    },
];
