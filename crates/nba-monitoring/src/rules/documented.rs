//! The documented role of each table of the production database (database dossier 1.2, 1.3, 2, 7.10 and 8.3).

use nba_db::fingerprint::TableName;

use super::{Criticality, Rule, USUAL_GROWTH_PERCENT};

/// Loaded by hand now and then; rows already there are not touched.
const LOADED: Rule = Rule::AppendOnly {
    max_growth_percent: Some(USUAL_GROWTH_PERCENT),
};
/// A log: it only ever gets longer.
const LOG: Rule = Rule::AppendOnly {
    max_growth_percent: None,
};
/// Rows are rewritten in place, none should vanish.
const REWRITTEN: Rule = Rule::Growing {
    min_percent: 100,
    max_percent: None,
};

use Criticality::{Critical, Warning};

/// Table, rule and weight. The seed protects five tables by name; `temporal_events`, the largest, it forgets
/// (monitoring dossier 0.3), so it stands here too. The legacy dashboard calls lost box scores a warning; rows that nobody
/// can scrape again are critical here (monitoring dossier 7.1 rule 9).
const ROLES: &[(&str, &str, Rule, Criticality)] = &[
    ("public", "games", LOADED, Critical),
    ("public", "play_by_play", LOADED, Critical),
    ("public", "hoopr_play_by_play", LOADED, Critical),
    ("public", "temporal_events", LOADED, Critical),
    ("public", "box_score_players", LOADED, Critical),
    ("public", "box_score_teams", LOADED, Critical),
    ("public", "hoopr_player_box", LOADED, Critical),
    ("public", "hoopr_team_box", LOADED, Critical),
    ("public", "hoopr_schedule", LOADED, Critical),
    ("public", "teams", LOADED, Critical),
    ("public", "player_biographical", LOADED, Warning),
    ("public", "team_seasons", LOADED, Warning),
    ("public", "possession_panel", LOADED, Warning),
    ("public", "possession_panel_pbpstats", LOADED, Warning),
    ("public", "possession_metadata", LOADED, Warning),
    ("public", "player_snapshots", LOADED, Warning),
    ("public", "games_summary", REWRITTEN, Warning),
    ("public", "nba_api_comprehensive", LOADED, Warning),
    ("public", "nba_api_player_dashboards", LOADED, Warning),
    ("public", "nba_api_team_dashboards", LOADED, Warning),
    ("public", "nba_api_player_tracking", LOADED, Warning),
    ("public", "nba_api_game_advanced", LOADED, Warning),
    // Box-score snapshots ("phase 8"): paused with one test row; when it runs again it only adds.
    ("public", "box_score_snapshots", LOG, Warning),
    ("public", "box_score_verification", LOG, Warning),
    ("public", "game_state_snapshots", LOG, Warning),
    ("public", "player_snapshot_stats", LOG, Warning),
    ("public", "player_plus_minus_snapshots", LOG, Warning),
    ("public", "lineup_snapshots", LOG, Warning),
    ("public", "quarter_box_scores", LOG, Warning),
    // Critical in the legacy audit, and empty in it.
    ("public", "players", Rule::ExpectedEmpty, Warning),
    ("public", "plays", Rule::ExpectedEmpty, Warning),
    ("public", "player_game_stats", Rule::ExpectedEmpty, Warning),
    ("public", "team_game_stats", Rule::ExpectedEmpty, Warning),
    ("public", "game_states", Rule::ExpectedEmpty, Warning),
    // DIMS keeps adding; approvals and configuration are rewritten, one snapshot a day is replaced in place.
    ("public", "dims_metrics_history", LOG, Warning),
    ("public", "dims_verification_runs", LOG, Warning),
    ("public", "dims_event_log", LOG, Warning),
    ("public", "dims_metrics_snapshots", REWRITTEN, Warning),
    ("public", "dims_approval_log", REWRITTEN, Warning),
    ("public", "dims_config", REWRITTEN, Warning),
    // Staging of the package; re-loads rewrite rows.
    ("raw_data", "nba_games", REWRITTEN, Warning),
    ("raw_data", "nba_players", REWRITTEN, Warning),
    ("raw_data", "nba_teams", REWRITTEN, Warning),
    ("raw_data", "nba_misc", LOG, Warning),
    ("raw_data", "schema_version", LOG, Warning),
];

/// The documented rule and weight, if the table is documented.
pub(super) fn role(table: &TableName) -> Option<(Rule, Criticality)> {
    match table.schema.as_str() {
        // Written by another project, whatever tables it has today.
        "odds" => Some((Rule::External, Warning)),
        // Prepared and never filled.
        "rag" => Some((Rule::ExpectedEmpty, Warning)),
        schema => ROLES
            .iter()
            .find(|(role_schema, name, ..)| *role_schema == schema && *name == table.name)
            .map(|&(_, _, rule, criticality)| (rule, criticality)),
    }
}
