//! What is odd about the documents, how often, and where that is documented.
//!
//! Quirks that the database of the same plan shows as well (a missing referee, a nameless player) are drawn in
//! [`crate::quirks`], so that both sides agree; they count here too.

use super::{LakeGame, Shapes};
use crate::plan::Feeds;
use crate::quirks::{Oddity, scramble};

/// One oddity of the ESPN documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LakeQuirk {
    /// The play-by-play document holds no plays: about 30 % of games (database dossier 5.5), early seasons most (7.9).
    NoPlays,
    /// The box-score document holds no figures: about 10 % (database dossier 5.5).
    NoBox,
    /// The team document holds no figures: about 15 % (database dossier 5.5).
    NoTeamStats,
    /// All three documents are one and the same summary document, which the loaders skip (ETL dossier 2.1): a quarter of the
    /// games since 2022-23 that the tables lack.
    Summary,
    /// All three documents are an HTML page with the package inside, which nobody reads (ETL dossier 2.1): one in 300 of the games
    /// that the tables lack.
    Embedded,
    /// A play is there twice under one id: about 234 a year (database dossier 2.3), so one game in six.
    DuplicatePlay,
    /// Play ids are numbers instead of texts (ETL dossier 2.2): one game in 200.
    NumberIds,
    /// There is a play without an id, which the loader leaves out (ETL dossier 2.2): one game in 200.
    EmptyId,
    /// One of the period groups is no list, which the loader leaves out (ETL dossier 2.2): one game in 300.
    GroupNotList,
    /// A play in the middle has the clock `null`, at which the loader gives the rest of the game up (ETL dossier 2.2): one in 150
    /// of the games that the tables lack.
    NullClock,
    /// The tip-off carries seconds, which the loader cannot read.
    DateWithSeconds,
    /// The third referee is missing.
    MissingReferee,
    /// A player who did not play has no id.
    NamelessPlayer,
    /// The group of totals is missing.
    MissingTotals,
}

/// All of them.
#[must_use]
pub const fn all() -> &'static [LakeQuirk] {
    &[
        LakeQuirk::NoPlays,
        LakeQuirk::NoBox,
        LakeQuirk::NoTeamStats,
        LakeQuirk::Summary,
        LakeQuirk::Embedded,
        LakeQuirk::DuplicatePlay,
        LakeQuirk::NumberIds,
        LakeQuirk::EmptyId,
        LakeQuirk::GroupNotList,
        LakeQuirk::NullClock,
        LakeQuirk::DateWithSeconds,
        LakeQuirk::MissingReferee,
        LakeQuirk::NamelessPlayer,
        LakeQuirk::MissingTotals,
    ]
}

impl LakeQuirk {
    /// In a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LakeQuirk::NoPlays => "play-by-play without plays",
            LakeQuirk::NoBox => "box score without figures",
            LakeQuirk::NoTeamStats => "team stats without figures",
            LakeQuirk::Summary => "summary document under three keys",
            LakeQuirk::Embedded => "package inside a page",
            LakeQuirk::DuplicatePlay => "play twice",
            LakeQuirk::NumberIds => "play ids as numbers",
            LakeQuirk::EmptyId => "play without id",
            LakeQuirk::GroupNotList => "period group that is no list",
            LakeQuirk::NullClock => "clock is null in mid-game",
            LakeQuirk::DateWithSeconds => "tip-off with seconds",
            LakeQuirk::MissingReferee => "third referee missing",
            LakeQuirk::NamelessPlayer => "player without id",
            LakeQuirk::MissingTotals => "team totals missing",
        }
    }

    /// Whether the documents of this game show it.
    pub(super) fn shown_by(self, entry: &LakeGame<'_>) -> bool {
        let feeds = entry.planned.feeds;
        let header = &entry.game.header;
        let in_tables = [Feeds::PLAY_BY_PLAY, Feeds::BOX_PLAYERS, Feeds::BOX_TEAMS]
            .iter()
            .any(|feed| feeds.has(*feed));
        let has_plays = feeds.has(Feeds::ESPN_PLAYS) || feeds.has(Feeds::PLAY_BY_PLAY);
        let in_box_tables = feeds.has(Feeds::BOX_PLAYERS) || feeds.has(Feeds::BOX_TEAMS);
        let draw = |salt: u64, one_in: u64| {
            let key = header.seed ^ (salt << 40) ^ (1 << 60) ^ u64::from(header.index);
            scramble(key).is_multiple_of(one_in)
        };
        let third = (entry.shapes == Shapes::Evenly).then(|| scramble(u64::from(header.index)) % 3);
        let page = || !(LakeQuirk::Summary.shown_by(entry) || LakeQuirk::Embedded.shown_by(entry));
        let plays = || page() && has_plays;
        let figures = || page() && !LakeQuirk::NoBox.shown_by(entry);
        match self {
            // Who reads the feed sees no plays where the plan has none.
            LakeQuirk::NoPlays => !has_plays,
            // The 15,900 games of the tables have figures; of the others 15 % have none, which is 10 % of all.
            LakeQuirk::NoBox => {
                page() && !in_box_tables && scramble(draw_key(header.seed, header.index)) % 100 < 16
            }
            LakeQuirk::NoTeamStats => page() && draw_share(header.seed, header.index, 15),
            LakeQuirk::Summary => match third {
                Some(third) => third == 1,
                None => header.season_start >= 2022 && !in_tables && draw(1, 4),
            },
            LakeQuirk::Embedded => match third {
                Some(third) => third == 2,
                None => !in_tables && !LakeQuirk::Summary.shown_by(entry) && draw(2, 300),
            },
            LakeQuirk::DuplicatePlay => plays() && draw(3, 6),
            LakeQuirk::NumberIds => plays() && draw(4, 200),
            LakeQuirk::EmptyId => plays() && draw(5, 200),
            LakeQuirk::GroupNotList => plays() && draw(6, 300),
            LakeQuirk::NullClock => plays() && !feeds.has(Feeds::PLAY_BY_PLAY) && draw(7, 150),
            LakeQuirk::DateWithSeconds => figures() && Oddity::UnparsedDate.hits(header),
            LakeQuirk::MissingReferee => figures() && Oddity::MissingReferee.hits(header),
            LakeQuirk::NamelessPlayer => {
                figures()
                    && Oddity::NamelessPlayer.hits(header)
                    && entry
                        .game
                        .boxes
                        .iter()
                        .flat_map(|team| &team.players)
                        .any(|player| player.did_not_play)
            }
            LakeQuirk::MissingTotals => figures() && Oddity::MissingTeamStats.hits(header),
        }
    }
}

fn draw_key(seed: u64, index: u32) -> u64 {
    seed ^ (8 << 40) ^ (1 << 60) ^ u64::from(index)
}

fn draw_share(seed: u64, index: u32, percent: u64) -> bool {
    scramble(seed ^ (9 << 40) ^ (1 << 60) ^ u64::from(index)) % 100 < percent
}
