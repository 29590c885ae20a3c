//! A project with a database of its own, in which something goes wrong.

use crate::program::{Place, Ran};
use crate::world::World;
use nba_testkit::migration;
use serde_json::Value;

/// Where a failure is replayed.
pub(super) struct Scene<'a> {
    world: &'a World,
    pub(super) place: Place,
    name: &'static str,
}

impl<'a> Scene<'a> {
    /// A copy of the replica.
    pub(super) fn new(world: &'a World, name: &'static str) -> Self {
        let place = world.own_database(name);
        Self { world, place, name }
    }

    /// The same after the migration into the schema `espn`, done right.
    pub(super) fn migrated(world: &'a World, name: &'static str) -> Self {
        let scene = Self::new(world, name);
        scene.run(&migration::STEPS.join(";\n"));
        scene
    }

    /// Runs statements as the legacy platform would: outside our guarded sessions.
    #[track_caller]
    pub(super) fn run(&self, sql: &str) {
        self.world.sql(self.name, sql);
    }

    /// One value.
    #[track_caller]
    pub(super) fn one(&self, sql: &str) -> String {
        self.world
            .sql(self.name, sql)
            .pop()
            .unwrap_or_else(|| panic!("no row: {sql}"))
    }

    /// A database of the same server, for `--target` and its kin.
    pub(super) fn url(&self, database: &str, user: &str) -> String {
        format!(
            "postgres:///{database}?host={}&user={user}",
            self.world.socket()
        )
    }

    /// Another copy of this database as it is now.
    pub(super) fn copy(&self, name: &str) {
        self.world.sql(
            "postgres",
            &format!("create database {name} template {}", self.name),
        );
    }

    /// Runs statements in another database.
    pub(super) fn run_in(&self, database: &str, sql: &str) {
        self.world.sql(database, sql);
    }

    /// Fails unless `nba check ID` is green.
    #[track_caller]
    pub(super) fn holds(&self, id: &str) {
        let report = self.place.nba(&["check", id, "--json"]).exits(0).json();
        assert_eq!(report["invariants"][id]["verdict"], "proven", "{report:#}");
    }

    /// Fails unless `nba check ID` is red for the row that these columns name, and tells a person so.
    #[track_caller]
    pub(super) fn finds(&self, id: &str, key: &[(&str, &str)], says: &str) -> Value {
        let words = ["check", id, "--limit", "10000"];
        let report = self
            .place
            .nba(&[&words[..], &["--json"]].concat())
            .exits(1)
            .json();
        let record = &report["invariants"][id];
        assert_eq!(record["verdict"], "refuted", "{record:#}");
        let violations = record["violations"].as_array().unwrap();
        let named = violations
            .iter()
            .find(|row| {
                key.iter()
                    .all(|(name, value)| row["values"][name] == *value)
            })
            .unwrap_or_else(|| panic!("{id} does not name {key:?}: {record:#}"));
        let message = named["message"].as_str().unwrap();
        assert!(message.contains(says), "`{says}` is missing in `{message}`");
        let text = self.place.nba(&words).exits(1);
        let remedy = record["remedy"].as_str().unwrap();
        assert!(
            text.out.contains(message) && text.out.contains(remedy),
            "{text}"
        );
        record.clone()
    }

    /// `nba db compare` in JSON.
    #[track_caller]
    pub(super) fn compare(&self, words: &[&str], code: i32) -> Value {
        let ran: Ran = self
            .place
            .nba(&[&["db", "compare", "--json"], words].concat());
        ran.exits(code).json()
    }

    /// The record of one check of `nba health`, which has to be refuted.
    #[track_caller]
    pub(super) fn health_refutes(&self, check: &str) -> String {
        let report = self.place.nba(&["health", "--json"]).exits(1).json();
        let record = &report["checks"][check];
        assert_eq!(
            record["verdict"]["verdict"], "refuted",
            "{check}: {record:#}"
        );
        record.to_string()
    }
}

/// Totals of a comparison: missing, added, changed.
#[track_caller]
pub(super) fn totals(comparison: &Value) -> [u64; 3] {
    ["missing", "added", "changed"].map(|kind| comparison["totals"][kind].as_u64().unwrap())
}
