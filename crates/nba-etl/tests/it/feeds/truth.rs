//! What was played, beside what was counted.

use std::collections::BTreeMap;

use nba_boxscore::{GameLog, LogPlayer, Side, Stat, Verification, count, verify};
use nba_testkit::sim::{self, Game};

/// By what a form names its players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// An id; the name of whom a form only ever names.
    Id,
    /// The whole name.
    Name,
    /// An initial and a surname.
    Short,
}

/// The 14 counts by side and player; who has none is left out. Players of one name are one line, and that is all that can be known of them.
pub(super) type Counts = BTreeMap<(Side, String), [u16; 14]>;

impl Key {
    fn of(self, game: &Game, side: Side, slot: usize) -> String {
        let player = &game.rosters[side.index()][slot];
        match self {
            Key::Id => player.espn_id.to_string(),
            Key::Name => player.name.clone(),
            Key::Short => player.short_name.clone(),
        }
    }

    fn in_log(self, player: &LogPlayer) -> String {
        match (self, player.id) {
            (Key::Id, Some(id)) => id.to_string(),
            _ => player.name.clone(),
        }
    }

    /// Whether every player of a game has a key of his own.
    pub(super) fn is_clear(self, game: &Game) -> bool {
        Side::BOTH.into_iter().all(|side| {
            let mut keys: Vec<String> = (0..game.rosters[side.index()].len())
                .map(|slot| self.of(game, side, slot))
                .collect();
            let all = keys.len();
            keys.sort();
            keys.dedup();
            keys.len() == all
        })
    }
}

fn counts(lines: impl Iterator<Item = ((Side, String), nba_boxscore::Line)>) -> Counts {
    let mut counts = Counts::new();
    for (key, line) in lines {
        let sum = counts.entry(key).or_default();
        for (sum, stat) in sum.iter_mut().zip(Stat::ALL) {
            *sum += count(&line, stat);
        }
    }
    counts.retain(|_, counts| counts.iter().any(|count| *count > 0));
    counts
}

/// What the simulator counted.
pub(super) fn played(game: &Game, key: Key) -> Counts {
    let score = sim::events::game_box(game);
    counts(Side::BOTH.into_iter().flat_map(|side| {
        let lines = score.teams[side.index()].players.clone();
        lines
            .into_iter()
            .enumerate()
            .map(move |(slot, line)| ((side, key.of(game, side, slot)), line))
    }))
}

/// What was counted from a log.
pub(super) fn counted(log: &GameLog, key: Key) -> (Counts, Verification) {
    let found = verify(log);
    let counts = counts(Side::BOTH.into_iter().flat_map(|side| {
        let players = &log.teams[side.index()].players;
        let lines = &found.score.teams[side.index()].players;
        players
            .iter()
            .zip(lines)
            .map(move |(player, line)| ((side, key.in_log(player)), *line))
    }));
    (counts, found)
}

/// Plus/minus and time on court of everybody who was there, in no order: a name may stand for its id.
pub(super) fn court(score: &nba_boxscore::GameBox) -> Vec<(i16, u32)> {
    let mut found: Vec<(i16, u32)> = score
        .teams
        .iter()
        .flat_map(|team| &team.players)
        .filter(|line| line.tenths > 0)
        .map(|line| (line.plus_minus, line.tenths))
        .collect();
    found.sort_unstable();
    found
}

/// Names of both rosters as a feed writes them: the surname, an initial as well where two share it.
pub(super) struct Names {
    surname: [Vec<String>; 2],
    initial: [Vec<String>; 2],
}

impl Names {
    pub(super) fn new(game: &Game) -> Self {
        let initial = [0, 1].map(|side: usize| {
            game.rosters[side]
                .iter()
                .map(|player| player.short_name.clone())
                .collect::<Vec<_>>()
        });
        let surname = [0, 1].map(|side: usize| {
            let last = |name: &str| {
                name.split_once(' ')
                    .map_or(name, |(_, last)| last)
                    .to_owned()
            };
            let all: Vec<String> = initial[side].iter().map(|name| last(name)).collect();
            (0..all.len())
                .map(|slot| {
                    if all.iter().filter(|name| **name == all[slot]).count() == 1 {
                        all[slot].clone()
                    } else {
                        initial[side][slot].clone()
                    }
                })
                .collect::<Vec<_>>()
        });
        Self { surname, initial }
    }

    /// As the texts of the NBA have him.
    pub(super) fn text(&self, side: Side, slot: u8) -> &str {
        &self.surname[side.index()][usize::from(slot)]
    }

    /// Initial and surname.
    pub(super) fn short(&self, side: Side, slot: u8) -> &str {
        &self.initial[side.index()][usize::from(slot)]
    }
}
