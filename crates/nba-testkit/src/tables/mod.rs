//! The rows themselves, encoded for `COPY`.
//!
//! [`GameTables`] turns one simulated game into the rows of every table it appears in; [`mod@reference`] makes the rows that belong to no
//! game. Both depend on the seed alone, so two replicas of one seed and scale are equal byte for byte.

mod espn;
mod hoopr;
pub mod reference;
mod row;

pub use row::Rows;

use crate::{
    plan::{Feeds, PlannedGame, Temporal},
    sim::{Game, Side, Team},
};

/// Tables whose rows come from games.
pub const GAME_TABLES: [&str; 9] = [
    "public.games",
    "public.play_by_play",
    "public.temporal_events",
    "public.box_score_players",
    "public.box_score_teams",
    "public.hoopr_play_by_play",
    "public.hoopr_player_box",
    "public.hoopr_team_box",
    "public.hoopr_schedule",
];

/// One appearance of a game in the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// What happened.
    pub(crate) game: &'a Game,
    /// The id it has here.
    pub(crate) id: &'a str,
    /// Where it appears.
    pub(crate) planned: &'a PlannedGame,
}

impl Entry<'_> {
    fn team(&self, side: Side) -> &'static Team {
        match side {
            Side::Home => self.game.header.home,
            Side::Away => self.game.header.away,
        }
    }
}

/// Encoded rows of [`GAME_TABLES`], in that order.
#[derive(Debug, Default)]
pub struct GameTables {
    tables: [Rows; GAME_TABLES.len()],
}

impl GameTables {
    /// Adds a game to every table its plan names. `first_event_id` is the key of its first row in `temporal_events`.
    pub fn add(
        &mut self,
        game: &Game,
        planned: &PlannedGame,
        temporal: Temporal,
        first_event_id: u64,
    ) {
        let other_id = planned.other_id.map(|id| id.to_string());
        let entry = Entry {
            game,
            id: other_id.as_deref().unwrap_or(&game.header.game_id),
            planned,
        };
        let [
            games,
            play_by_play,
            temporal_events,
            box_players,
            box_teams,
            hoopr_plays,
            hoopr_players,
            hoopr_teams,
            hoopr_schedule,
        ] = &mut self.tables;
        let has = |feed| planned.feeds.has(feed);
        if has(Feeds::GAMES) {
            espn::games(games, &entry);
        }
        if has(Feeds::PLAY_BY_PLAY) {
            espn::play_by_play(play_by_play, &entry);
        }
        if has(Feeds::ESPN_PLAYS) && temporal == Temporal::Filled {
            espn::temporal_events(temporal_events, &entry, first_event_id);
        }
        if has(Feeds::BOX_PLAYERS) {
            espn::box_score_players(box_players, &entry);
        }
        if has(Feeds::BOX_TEAMS) {
            espn::box_score_teams(box_teams, &entry);
        }
        if has(Feeds::HOOPR_PLAYS) {
            hoopr::play_by_play(hoopr_plays, &entry);
        }
        if has(Feeds::HOOPR_BOX) {
            hoopr::player_box(hoopr_players, &entry);
            hoopr::team_box(hoopr_teams, &entry);
        }
        if has(Feeds::HOOPR_SCHEDULE) {
            hoopr::schedule(hoopr_schedule, &entry);
        }
    }

    /// The rows so far, table by table.
    pub fn tables(&mut self) -> impl Iterator<Item = (&'static str, &mut Rows)> {
        GAME_TABLES.into_iter().zip(&mut self.tables)
    }
}
