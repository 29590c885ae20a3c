//! The counts of a player, a team and a game.

use serde::Serialize;

use crate::event::Side;

/// One line of a box score: the 14 counts, plus/minus and time on court.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are basketball's own")]
pub struct Line {
    pub pts: u16,
    pub fgm: u16,
    pub fga: u16,
    pub fg3m: u16,
    pub fg3a: u16,
    pub ftm: u16,
    pub fta: u16,
    pub oreb: u16,
    pub dreb: u16,
    pub ast: u16,
    pub stl: u16,
    pub blk: u16,
    pub tov: u16,
    pub pf: u16,
    pub plus_minus: i16,
    /// Time on court in tenths of a second.
    pub tenths: u32,
}

impl Line {
    /// Whole seconds on court, the rest cut.
    #[must_use]
    pub const fn seconds(&self) -> u32 {
        self.tenths / 10
    }

    /// Points that the made shots are worth; equal to `pts` in any true line.
    #[must_use]
    pub const fn points_of_shots(&self) -> u32 {
        // Widening by hand: `From` is not const.
        let (fgm, fg3m, ftm) = (widen(self.fgm), widen(self.fg3m), widen(self.ftm));
        2 * fgm + fg3m + ftm
    }

    /// What this line has more than an earlier one of the same player.
    #[must_use]
    pub fn since(&self, earlier: &Line) -> Line {
        Line {
            pts: self.pts.saturating_sub(earlier.pts),
            fgm: self.fgm.saturating_sub(earlier.fgm),
            fga: self.fga.saturating_sub(earlier.fga),
            fg3m: self.fg3m.saturating_sub(earlier.fg3m),
            fg3a: self.fg3a.saturating_sub(earlier.fg3a),
            ftm: self.ftm.saturating_sub(earlier.ftm),
            fta: self.fta.saturating_sub(earlier.fta),
            oreb: self.oreb.saturating_sub(earlier.oreb),
            dreb: self.dreb.saturating_sub(earlier.dreb),
            ast: self.ast.saturating_sub(earlier.ast),
            stl: self.stl.saturating_sub(earlier.stl),
            blk: self.blk.saturating_sub(earlier.blk),
            tov: self.tov.saturating_sub(earlier.tov),
            pf: self.pf.saturating_sub(earlier.pf),
            plus_minus: self.plus_minus.saturating_sub(earlier.plus_minus),
            tenths: self.tenths.saturating_sub(earlier.tenths),
        }
    }

    /// Adds the 14 counts and the time of another line, but not its plus/minus.
    pub fn add_counts(&mut self, other: &Line) {
        self.pts += other.pts;
        self.fgm += other.fgm;
        self.fga += other.fga;
        self.fg3m += other.fg3m;
        self.fg3a += other.fg3a;
        self.ftm += other.ftm;
        self.fta += other.fta;
        self.oreb += other.oreb;
        self.dreb += other.dreb;
        self.ast += other.ast;
        self.stl += other.stl;
        self.blk += other.blk;
        self.tov += other.tov;
        self.pf += other.pf;
        self.tenths += other.tenths;
    }
}

/// One side of the box score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TeamBox {
    /// In roster order.
    pub players: Vec<Line>,
    /// What no player has: team rebounds and team turnovers.
    pub team: Line,
    /// Technical fouls of players and bench.
    pub technical_fouls: u16,
    /// Points by period.
    pub line_score: Vec<u16>,
    /// Periods whose five at the start were not known: time on court and plus/minus lack those.
    pub unknown_periods: u8,
}

impl TeamBox {
    /// Players and team together; plus/minus stays 0, it is no sum.
    #[must_use]
    pub fn total(&self) -> Line {
        let mut total = Line::default();
        for line in self.players.iter().chain([&self.team]) {
            total.add_counts(line);
        }
        total
    }
}

/// The box score of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GameBox {
    /// `[home, away]`.
    pub teams: [TeamBox; 2],
}

impl GameBox {
    /// Points of `[home, away]`.
    #[must_use]
    pub fn points(&self) -> [u16; 2] {
        Side::BOTH.map(|side| self.teams[side.index()].total().pts)
    }
}

#[expect(clippy::as_conversions, reason = "lossless; `u32::from` is not const")]
const fn widen(value: u16) -> u32 {
    value as u32
}
