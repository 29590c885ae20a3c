//! The three documents of one game.

use serde_json::{Value, json};

use super::quirks::LakeQuirk;
use super::{LakeGame, page, summary};
use crate::sim::{Player, Side, StatLine, Team};

/// Bytes stored for play-by-play, box score and team stats, in this order.
pub(super) fn of(entry: &LakeGame<'_>) -> [Vec<u8>; 3] {
    if LakeQuirk::Summary.shown_by(entry) {
        let bytes = bytes(&summary::document(entry));
        return [bytes.clone(), bytes.clone(), bytes];
    }
    if LakeQuirk::Embedded.shown_by(entry) {
        let package = page::package(entry, page::Section::All).to_string();
        let html = format!(
            "<!DOCTYPE html>\n<html><head><title>NBA</title><script>window.espn = window.espn || {{}};\n\
             window.espn.gamepackageData = {package};\n</script></head><body></body></html>\n"
        );
        let bytes = html.into_bytes();
        return [bytes.clone(), bytes.clone(), bytes];
    }
    [
        page::Section::Plays,
        page::Section::Box,
        page::Section::Team,
    ]
    .map(|section| bytes(&page::document(entry, section)))
}

pub(super) fn bytes(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

pub(super) fn team(entry: &LakeGame<'_>, side: Side) -> &'static Team {
    match side {
        Side::Home => entry.game.header.home,
        Side::Away => entry.game.header.away,
    }
}

pub(super) fn team_name(team: &Team) -> String {
    format!("{} {}", team.location, team.name)
}

pub(super) fn logo(team: &Team) -> String {
    format!(
        "https://a.espncdn.com/i/teamlogos/nba/500/{}.png",
        team.abbrev.to_ascii_lowercase()
    )
}

pub(super) fn team_uid(team: &Team) -> String {
    format!("s:40~l:46~t:{}", team.espn_id)
}

/// `2024-01-15T18:00Z`.
pub(super) fn minute(entry: &LakeGame<'_>) -> String {
    entry
        .game
        .header
        .tipoff
        .format("%Y-%m-%dT%H:%MZ")
        .to_string()
}

pub(super) fn final_word(entry: &LakeGame<'_>) -> &'static str {
    if entry.game.periods > 4 {
        "Final/OT"
    } else {
        "Final"
    }
}

pub(super) fn linescores(entry: &LakeGame<'_>, side: Side) -> Value {
    entry.game.boxes[side.index()]
        .line_score
        .iter()
        .map(|points| json!({"displayValue": points.to_string()}))
        .collect()
}

pub(super) fn pair(made: u16, attempted: u16) -> String {
    format!("{made}-{attempted}")
}

pub(super) fn signed(value: i16) -> String {
    if value > 0 {
        format!("+{value}")
    } else {
        value.to_string()
    }
}

/// Percentage with one decimal, rounded half up as the database of the same plan has it.
pub(super) fn percent(made: u16, attempted: u16) -> String {
    let tenths = (u32::from(made) * 2_000 + u32::from(attempted))
        .checked_div(2 * u32::from(attempted))
        .unwrap_or(0);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A player's id, unless he is the one without.
pub(super) fn player_id(player: &Player, nameless: bool) -> Value {
    if nameless {
        Value::from("")
    } else {
        Value::from(player.espn_id.to_string())
    }
}

/// What ESPN prints for a team: its players' sum, without team rebounds and team turnovers.
pub(super) fn team_line(entry: &LakeGame<'_>, side: Side) -> StatLine {
    let team = &entry.game.boxes[side.index()];
    let mut line = team.total;
    line.oreb -= team.team_oreb;
    line.dreb -= team.team_dreb;
    line.tov -= team.team_tov;
    line
}
