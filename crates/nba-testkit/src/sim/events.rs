//! A simulated game in the vocabulary of `nba-boxscore`.

use nba_boxscore as boxscore;
use nba_boxscore::{Event, EventKind, Lineup, PlayerRef, Rebound, Shot, ShotResult, ShotValue};

use super::model::{Actor, Game, Play, PlayKind, Side};

/// The plays as events, with the lineups of each period start and the running score.
///
/// ```
/// use nba_testkit::sim::{SimOptions, Universe, events, simulate};
///
/// let game = simulate(&Universe::new(1).header(20_000), &SimOptions::default())?;
/// let counted = nba_boxscore::tally(events::roster_sizes(&game), &events::events(&game))?;
/// assert_eq!(counted, events::game_box(&game));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn events(game: &Game) -> Vec<Event> {
    let mut events = Vec::with_capacity(game.plays.len());
    events_into(game, &mut events);
    events
}

/// Like [`events`], replacing the content of a vector that is used again.
pub fn events_into(game: &Game, events: &mut Vec<Event>) {
    events.clear();
    events.extend(game.plays.iter().map(|play| Event {
        sequence: play.sequence,
        period: play.period,
        clock_tenths: play.clock_tenths,
        score: Some(play.score),
        kind: kind(game, play),
    }));
}

/// Lengths of the two rosters.
#[must_use]
pub fn roster_sizes(game: &Game) -> [u8; 2] {
    [0, 1].map(|side: usize| u8::try_from(game.rosters[side].len()).unwrap_or(u8::MAX))
}

/// The simulator's own box score in the same form.
#[must_use]
pub fn game_box(game: &Game) -> boxscore::GameBox {
    let teams = [0, 1].map(|side: usize| {
        let own = &game.boxes[side];
        boxscore::TeamBox {
            players: own
                .players
                .iter()
                .map(|player| line(&player.line))
                .collect(),
            team: boxscore::Line {
                oreb: own.team_oreb,
                dreb: own.team_dreb,
                tov: own.team_tov,
                ..boxscore::Line::default()
            },
            technical_fouls: own.technical_fouls,
            line_score: own.line_score.clone(),
            unknown_periods: 0,
        }
    });
    boxscore::GameBox { teams }
}

fn line(line: &super::model::StatLine) -> boxscore::Line {
    boxscore::Line {
        pts: line.pts,
        fgm: line.fgm,
        fga: line.fga,
        fg3m: line.fg3m,
        fg3a: line.fg3a,
        ftm: line.ftm,
        fta: line.fta,
        oreb: line.oreb,
        dreb: line.dreb,
        ast: line.ast,
        stl: line.stl,
        blk: line.blk,
        tov: line.tov,
        pf: line.pf,
        plus_minus: line.plus_minus,
        tenths: u32::from(line.seconds) * 10,
    }
}

fn kind(game: &Game, play: &Play) -> EventKind {
    let [first, second, _] = play.actors;
    // A row that lacks its actor counts for nobody.
    event(game, play, first, second.map(|actor| actor.player)).unwrap_or(EventKind::Neutral)
}

fn event(game: &Game, play: &Play, first: Option<Actor>, second: Option<u8>) -> Option<EventKind> {
    let slot = first.map(|actor| actor.player);
    Some(match play.kind {
        PlayKind::PeriodStart => {
            let period = usize::from(play.period.checked_sub(1)?);
            let [home, away] = *game.period_lineups.get(period)?;
            EventKind::PeriodStart {
                lineups: [Some(Lineup::new(home).ok()?), Some(Lineup::new(away).ok()?)],
            }
        }
        PlayKind::PeriodEnd => EventKind::PeriodEnd,
        PlayKind::MadeShot | PlayKind::MissedShot => EventKind::Shot(Shot {
            shooter: player(first?),
            value: if play.value == 3 {
                ShotValue::Three
            } else {
                ShotValue::Two
            },
            result: if play.kind == PlayKind::MadeShot {
                ShotResult::Made { assist: second }
            } else {
                ShotResult::Missed { block: second }
            },
        }),
        PlayKind::FreeThrow { technical, .. } => EventKind::FreeThrow {
            shooter: player(first?),
            made: play.points > 0,
            technical,
        },
        PlayKind::OffensiveRebound => EventKind::Rebound {
            side: side(play.side?),
            player: slot,
            which: Rebound::Offensive,
        },
        PlayKind::DefensiveRebound => EventKind::Rebound {
            side: side(play.side?),
            player: slot,
            which: Rebound::Defensive,
        },
        PlayKind::Turnover => EventKind::Turnover {
            side: side(play.side?),
            player: slot,
            steal: second,
        },
        PlayKind::PersonalFoul | PlayKind::OffensiveFoul => EventKind::PersonalFoul {
            offender: player(first?),
        },
        PlayKind::TechnicalFoul => EventKind::TechnicalFoul {
            side: side(play.side?),
            offender: slot,
        },
        PlayKind::Substitution => EventKind::Substitution {
            side: side(play.side?),
            enters: slot?,
            leaves: second?,
        },
        PlayKind::JumpBall
        | PlayKind::Ejection
        | PlayKind::Timeout
        | PlayKind::GameEnd
        | PlayKind::Other => EventKind::Neutral,
    })
}

fn player(actor: Actor) -> PlayerRef {
    PlayerRef {
        side: side(actor.side),
        slot: actor.player,
    }
}

fn side(side: Side) -> boxscore::Side {
    match side {
        Side::Home => boxscore::Side::Home,
        Side::Away => boxscore::Side::Away,
    }
}
