//! Possessions against games that are written possession by possession, so that the truth is known before anything is counted.

use nba_boxscore::{
    Event, EventKind, Outcome, PlayerRef, Possession, Rebound, ShotValue, Side, possessions,
};
use proptest::prelude::*;

use crate::game::{Script, away, free_throw, home, made, missed, rebound};

/// One possession as it is made up.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Misses that the same side gets again.
    second_chances: u8,
    end: End,
    /// A technical foul with its free throw stands before the end.
    technical: bool,
    /// Substitutions and timeouts stand between.
    noise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Made(bool),
    /// A field goal with a free throw that goes in, or not and the others get it.
    AndOne(bool),
    Missed,
    /// The last of two goes in, or not.
    FreeThrows([bool; 2]),
    Lost(bool),
}

fn plan() -> impl Strategy<Value = Plan> {
    let end = prop_oneof![
        any::<bool>().prop_map(End::Made),
        any::<bool>().prop_map(End::AndOne),
        Just(End::Missed),
        any::<[bool; 2]>().prop_map(End::FreeThrows),
        any::<bool>().prop_map(End::Lost),
    ];
    (0u8..3, end, any::<bool>(), any::<bool>()).prop_map(
        |(second_chances, end, technical, noise)| Plan {
            second_chances,
            end,
            technical,
            noise,
        },
    )
}

fn of(side: Side, slot: u8) -> PlayerRef {
    PlayerRef { side, slot }
}

/// Writes the events of a possession, and what is true of it.
fn play(script: &mut Script, clock: &mut u16, side: Side, plan: Plan) -> (u8, Outcome) {
    let (own, other) = (of(side, 1), of(side.other(), 2));
    let mut at = |script: &mut Script, later: u16, kind| {
        *clock -= later;
        script.at(*clock, kind);
    };
    for _ in 0..plan.second_chances {
        at(script, 2, missed(own, ShotValue::Two, None));
        at(script, 1, rebound(own, Rebound::Offensive));
    }
    if plan.noise {
        at(script, 0, EventKind::Neutral);
        at(
            script,
            0,
            EventKind::Substitution {
                side,
                enters: 6,
                leaves: 4,
            },
        );
        at(
            script,
            0,
            EventKind::Substitution {
                side,
                enters: 4,
                leaves: 6,
            },
        );
    }
    if plan.technical {
        let kind = EventKind::TechnicalFoul {
            side,
            offender: None,
        };
        at(script, 0, kind);
        let kind = EventKind::FreeThrow {
            shooter: other,
            made: true,
            technical: true,
        };
        at(script, 0, kind);
    }
    let board = rebound(other, Rebound::Defensive);
    match plan.end {
        End::Made(three) => {
            let value = if three {
                ShotValue::Three
            } else {
                ShotValue::Two
            };
            at(script, 5, made(own, value, None));
            (value.points(), Outcome::MadeShot)
        }
        End::AndOne(good) => {
            at(script, 5, made(own, ShotValue::Two, None));
            at(script, 0, EventKind::PersonalFoul { offender: other });
            at(script, 0, free_throw(own, good));
            if !good {
                at(script, 1, board);
            }
            (2 + u8::from(good), Outcome::MadeShot)
        }
        End::Missed => {
            at(script, 5, missed(own, ShotValue::Three, Some(3)));
            at(script, 1, board);
            (0, Outcome::MissedShot)
        }
        End::FreeThrows([first, last]) => {
            at(script, 4, EventKind::PersonalFoul { offender: other });
            at(script, 0, free_throw(own, first));
            if !first {
                // The ball is dead, and the source has a rebound of the team all the same.
                let kind = EventKind::Rebound {
                    side,
                    player: None,
                    which: Rebound::Offensive,
                };
                at(script, 0, kind);
            }
            at(script, 0, free_throw(own, last));
            if !last {
                at(script, 1, board);
            }
            (u8::from(first) + u8::from(last), Outcome::FreeThrows)
        }
        End::Lost(stolen) => {
            let kind = EventKind::Turnover {
                side,
                player: Some(1),
                steal: stolen.then_some(2),
            };
            at(script, 5, kind);
            (0, Outcome::Turnover)
        }
    }
}

/// Possessions of a period share it without a gap, and their points are those of the score but for technical fouls.
fn consistent(events: &[Event], found: &[Possession]) {
    for period in found.chunk_by(|a, b| a.period == b.period) {
        for pair in period.windows(2) {
            assert_eq!(pair[1].first, pair[0].last + 1, "{pair:?}");
            assert_eq!(pair[1].start_tenths, pair[0].end_tenths, "{pair:?}");
        }
    }
    let mut points = [0u32; 2];
    for one in found {
        assert!(
            one.last >= one.first && one.end_tenths >= one.start_tenths,
            "{one:?}"
        );
        assert!(usize::try_from(one.last).unwrap() < events.len(), "{one:?}");
        points[one.side.index()] += u32::from(one.points);
    }
    let counted = nba_boxscore::check([10, 10], events).score.points();
    for side in Side::BOTH {
        let technical = events
            .iter()
            .filter(|event| {
                matches!(event.kind, EventKind::FreeThrow { shooter, made: true, technical: true } if shooter.side == side)
            })
            .count();
        assert_eq!(
            points[side.index()] + u32::try_from(technical).unwrap(),
            u32::from(counted[side.index()]),
            "{side}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_made_up_is_found(
        periods in proptest::collection::vec((any::<bool>(), proptest::collection::vec(plan(), 1..20)), 1..6),
    ) {
        let mut script = Script::new();
        let mut truth = Vec::new();
        for (number, (home_first, plans)) in (1u8..).zip(periods) {
            script.start([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]);
            let mut clock = if number <= 4 { 720 } else { 300 };
            let mut side = if home_first { Side::Home } else { Side::Away };
            for plan in plans {
                let (points, outcome) = play(&mut script, &mut clock, side, plan);
                truth.push((number, side, points, outcome, plan.second_chances));
                side = side.other();
            }
            // Who has the ball when no time is left has no possession.
            while clock > 0 {
                clock = clock.saturating_sub(24);
                let player = of(side, 0);
                script.at(clock, missed(player, ShotValue::Two, None));
                truth.push((number, side, 0, Outcome::MissedShot, 0));
                if clock > 0 {
                    script.at(clock, rebound(of(side.other(), 0), Rebound::Defensive));
                    side = side.other();
                }
            }
            script.end();
        }
        let found = possessions(&script.events);
        consistent(&script.events, &found);
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.period, one.side, one.points, one.outcome, one.offensive_rebounds))
            .collect();
        prop_assert_eq!(found, truth);
    }
}

/// What real rows do and no plan does.
#[test]
fn what_no_event_says_is_not_made_up() {
    let lost = |side| EventKind::Turnover {
        side,
        player: None,
        steal: None,
    };
    let five = [0, 1, 2, 3, 4];
    let summary = |script: &Script| -> Vec<(Side, u8, Outcome)> {
        let found = possessions(&script.events);
        consistent(&script.events, &found);
        found
            .iter()
            .map(|one| (one.side, one.points, one.outcome))
            .collect()
    };

    // The turnover behind the rebound has no row: no possession is made up, and no event of it is anybody else's.
    let mut script = Script::new();
    script.start(five, five);
    script.at(700, missed(home(0), ShotValue::Two, None));
    script.at(698, rebound(away(0), Rebound::Defensive));
    script.at(680, made(home(0), ShotValue::Two, None));
    script.at(660, made(home(1), ShotValue::Three, None));
    script.at(640, lost(Side::Away));
    assert_eq!(
        summary(&script),
        [
            (Side::Home, 0, Outcome::MissedShot),
            (Side::Home, 2, Outcome::MadeShot),
            (Side::Home, 3, Outcome::MadeShot),
            (Side::Away, 0, Outcome::Turnover),
        ]
    );

    // The ball stays behind a foul away from the play: seven points in one possession, which the platform's table cannot hold.
    let mut script = Script::new();
    script.start(five, five);
    script.at(700, EventKind::PersonalFoul { offender: away(0) });
    script.at(700, free_throw(home(0), true));
    script.at(700, free_throw(home(0), true));
    script.at(690, EventKind::PersonalFoul { offender: away(0) });
    script.at(690, free_throw(home(0), true));
    script.at(690, free_throw(home(0), true));
    script.at(680, made(home(0), ShotValue::Three, None));
    script.at(650, lost(Side::Away));
    script.at(0, EventKind::PeriodEnd);
    assert_eq!(
        summary(&script),
        [
            (Side::Home, 7, Outcome::MadeShot),
            (Side::Away, 0, Outcome::Turnover),
            // The last one has the ball until time is out.
            (Side::Home, 0, Outcome::EndOfPeriod),
        ]
    );

    // An offensive rebound, and then the other side has the ball.
    let mut script = Script::new();
    script.start(five, five);
    script.at(700, missed(home(0), ShotValue::Two, None));
    script.at(699, rebound(home(0), Rebound::Offensive));
    script.at(690, made(away(0), ShotValue::Two, None));
    assert_eq!(
        summary(&script),
        [
            (Side::Home, 0, Outcome::Unknown),
            (Side::Away, 2, Outcome::MadeShot),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Whatever comes, nothing panics and the points are there once.
    #[test]
    fn any_events_have_possessions(events in proptest::collection::vec(crate::properties::event(), 0..160)) {
        let mut tally = nba_boxscore::Tally::new([10, 10]);
        let mut counted: Vec<Event> = events.into_iter().filter(|event| tally.apply(event).is_ok()).collect();
        counted.sort_by_key(|event| (event.period, u16::MAX - event.clock_tenths));
        let found = possessions(&counted);
        let mut points = 0u32;
        for one in &found {
            prop_assert!(one.last >= one.first);
            points += u32::from(one.points);
        }
        let scored: u32 = counted
            .iter()
            .map(|event| match event.kind {
                EventKind::Shot(shot) if matches!(shot.result, nba_boxscore::ShotResult::Made { .. }) => u32::from(shot.value.points()),
                EventKind::FreeThrow { made: true, technical: false, .. } => 1,
                _ => 0,
            })
            .sum();
        prop_assert_eq!(points, scored);
    }
}
