//! Metrics by their published formulas, as fractions; none where a denominator is zero.
//!
//! Sources: Basketball-Reference's glossary (TS%, eFG%, TOV%, USG%, ORB%, DRB%, AST%, STL%, BLK%, pace, ORtg of teams, Game
//! Score) and Dean Oliver, *Basketball on Paper* (four factors). Possessions are the estimate FGA − OREB + TOV + 0.44 · FTA with
//! the factor of the platform's own calculators (box score dossier 9); it is an estimate, and is named so.

use serde::Serialize;

use crate::event::Side;
use crate::line::{GameBox, Line};

/// Share of free throws that end a possession.
const FREE_THROW_SHARE: f64 = 0.44;

/// Minutes of a regular game.
const GAME_MINUTES: f64 = 48.0;

/// Metrics of one player.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlayerMetrics {
    /// True shooting: points per two shooting possessions.
    pub true_shooting: Option<f64>,
    /// Effective field goal percentage.
    pub effective_field_goal: Option<f64>,
    /// Share of the team's plays he ended while on court.
    pub usage: Option<f64>,
    /// Turnovers per play.
    pub turnover: Option<f64>,
    /// Share of team-mates' field goals he assisted while on court.
    pub assist: Option<f64>,
    /// Share of available offensive rebounds.
    pub offensive_rebound: Option<f64>,
    /// Share of available defensive rebounds.
    pub defensive_rebound: Option<f64>,
    /// Opponent possessions that ended with his steal.
    pub steal: Option<f64>,
    /// Opponent two-point tries he blocked.
    pub block: Option<f64>,
    /// Assists per turnover.
    pub assists_per_turnover: Option<f64>,
    /// John Hollinger's Game Score.
    pub game_score: f64,
}

/// Metrics of one team.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TeamMetrics {
    /// Estimated possessions.
    pub possessions: f64,
    /// Estimated possessions of both teams, halved, per 48 minutes.
    pub pace: Option<f64>,
    /// Points per 100 estimated possessions.
    pub offensive_rating: Option<f64>,
    /// Opponent's points per 100 of the opponent's estimated possessions.
    pub defensive_rating: Option<f64>,
    /// True shooting.
    pub true_shooting: Option<f64>,
    /// Effective field goal percentage.
    pub effective_field_goal: Option<f64>,
    /// Turnovers per play.
    pub turnover: Option<f64>,
    /// Offensive rebounds per own miss that was rebounded.
    pub offensive_rebound: Option<f64>,
    /// Free throws tried per field goal tried.
    pub free_throw_rate: Option<f64>,
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Field goals and the free throws that stand for one.
fn shooting_plays(line: &Line) -> f64 {
    f64::from(line.fga) + FREE_THROW_SHARE * f64::from(line.fta)
}

fn plays(line: &Line) -> f64 {
    shooting_plays(line) + f64::from(line.tov)
}

/// Estimated possessions of a team.
#[must_use]
pub fn possessions(total: &Line) -> f64 {
    plays(total) - f64::from(total.oreb)
}

fn true_shooting(line: &Line) -> Option<f64> {
    ratio(f64::from(line.pts), 2.0 * shooting_plays(line))
}

fn effective_field_goal(line: &Line) -> Option<f64> {
    ratio(
        f64::from(line.fgm) + 0.5 * f64::from(line.fg3m),
        f64::from(line.fga),
    )
}

/// The metrics of one player. Whatever rests on time on court is none where that is not known.
#[must_use]
pub fn player(score: &GameBox, side: Side, slot: u8) -> Option<PlayerMetrics> {
    let own = &score.teams[side.index()];
    let line = own.players.get(usize::from(slot))?;
    let team = own.total();
    let opponent = score.teams[side.other().index()].total();
    let timed = own.unknown_periods == 0;
    // Five times his share of the game: 1 for somebody who never rests.
    let share = |value: Option<f64>| value.filter(|_| timed);
    let presence = ratio(5.0 * f64::from(line.tenths), f64::from(team.tenths));
    let over =
        |part: f64, whole: f64| share(presence.and_then(|presence| ratio(part, whole * presence)));
    Some(PlayerMetrics {
        true_shooting: true_shooting(line),
        effective_field_goal: effective_field_goal(line),
        usage: over(plays(line), plays(&team)),
        turnover: ratio(f64::from(line.tov), plays(line)),
        assist: share(presence.and_then(|presence| {
            ratio(
                f64::from(line.ast),
                presence * f64::from(team.fgm) - f64::from(line.fgm),
            )
        })),
        offensive_rebound: over(
            f64::from(line.oreb),
            f64::from(team.oreb) + f64::from(opponent.dreb),
        ),
        defensive_rebound: over(
            f64::from(line.dreb),
            f64::from(team.dreb) + f64::from(opponent.oreb),
        ),
        steal: over(f64::from(line.stl), possessions(&opponent)),
        block: over(
            f64::from(line.blk),
            f64::from(opponent.fga) - f64::from(opponent.fg3a),
        ),
        assists_per_turnover: ratio(f64::from(line.ast), f64::from(line.tov)),
        game_score: f64::from(line.pts) + 0.4 * f64::from(line.fgm)
            - 0.7 * f64::from(line.fga)
            - 0.4 * (f64::from(line.fta) - f64::from(line.ftm))
            + 0.7 * f64::from(line.oreb)
            + 0.3 * f64::from(line.dreb)
            + f64::from(line.stl)
            + 0.7 * f64::from(line.ast)
            + 0.7 * f64::from(line.blk)
            - 0.4 * f64::from(line.pf)
            - f64::from(line.tov),
    })
}

/// The metrics of one team.
#[must_use]
pub fn team(score: &GameBox, side: Side) -> TeamMetrics {
    let own = score.teams[side.index()].total();
    let other = score.teams[side.other().index()].total();
    let minutes: f64 = (1u8..=u8::MAX)
        .zip(&score.teams[side.index()].line_score)
        .map(|(period, _)| f64::from(crate::event::period_tenths(period)) / 600.0)
        .sum();
    let both = (possessions(&own) + possessions(&other)) / 2.0;
    TeamMetrics {
        possessions: possessions(&own),
        pace: ratio(GAME_MINUTES * both, minutes),
        offensive_rating: ratio(100.0 * f64::from(own.pts), possessions(&own)),
        defensive_rating: ratio(100.0 * f64::from(other.pts), possessions(&other)),
        true_shooting: true_shooting(&own),
        effective_field_goal: effective_field_goal(&own),
        turnover: ratio(f64::from(own.tov), plays(&own)),
        offensive_rebound: ratio(
            f64::from(own.oreb),
            f64::from(own.oreb) + f64::from(other.dreb),
        ),
        free_throw_rate: ratio(f64::from(own.fta), f64::from(own.fga)),
    }
}
