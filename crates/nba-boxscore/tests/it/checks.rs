//! Each violation has a game that shows it, and the game without the defect does not.

use nba_boxscore::{
    Event, EventKind, MAX_VIOLATIONS, Rebound, ShotValue, Side, Violation, check, check_box, tally,
};
use nba_utils::Verdict;

use crate::game::{SIZES, Script, away, five, home, made, whole_game};

fn found(events: &[Event]) -> Vec<Violation> {
    check(SIZES, events).violations
}

/// The whole game with one change.
fn changed(change: impl FnOnce(&mut Vec<Event>)) -> Vec<Violation> {
    let mut events = whole_game();
    change(&mut events);
    found(&events)
}

#[test]
fn a_correct_game_has_no_violation() {
    let report = check(SIZES, &whole_game());
    assert_eq!(report.violations, []);
    assert_eq!(
        (report.verdict(), report.events),
        (Verdict::Proven, whole_game().len())
    );
}

#[test]
fn a_game_without_events_proves_nothing() {
    assert_eq!(
        check(SIZES, &[]).verdict(),
        Verdict::not_proven("the game has no events")
    );
}

#[test]
fn a_refuted_game_says_why() {
    let mut events = whole_game();
    events[1].score = Some([2, 0]);
    let verdict = check(SIZES, &events).verdict();
    assert_eq!(
        verdict,
        Verdict::refuted("event 3: printed score [2, 0], counted [3, 0]")
    );
}

#[test]
fn printed_score_is_compared_at_every_event() {
    assert_eq!(changed(|events| events[1].score = Some([3, 0])), []);
    let wrong = Violation::Score {
        sequence: 3,
        printed: [0, 3],
        counted: [3, 0],
    };
    assert_eq!(changed(|events| events[1].score = Some([0, 3])), [wrong]);
}

#[test]
fn order_and_clock() {
    let swapped = changed(|events| events.swap(2, 3));
    assert!(
        swapped.contains(&Violation::OutOfOrder {
            sequence: 5,
            previous: 7
        }),
        "{swapped:?}"
    );
    let back = changed(|events| events[4].clock_tenths = 6_900);
    assert!(
        matches!(
            back[..],
            [Violation::ClockRunsBack {
                sequence: 9,
                clock: 6_900,
                last_clock: 6_780,
                ..
            }]
        ),
        "{back:?}"
    );
    let repeated = changed(|events| events.insert(1, events[0]));
    assert!(
        repeated.contains(&Violation::OutOfOrder {
            sequence: 1,
            previous: 1
        }),
        "{repeated:?}"
    );
    let skipped = changed(|events| {
        events
            .iter_mut()
            .skip(11)
            .for_each(|event| event.period += 1);
    });
    assert!(
        skipped.iter().any(|v| matches!(
            v,
            Violation::ClockRunsBack {
                last_period: 1,
                period: 3,
                ..
            }
        )),
        "{skipped:?}"
    );
}

#[test]
fn somebody_on_the_bench_acts() {
    let seen = changed(|events| events[1].kind = made(home(6), ShotValue::Three, Some(1)));
    assert_eq!(
        seen,
        [Violation::NotOnCourt {
            sequence: 3,
            player: home(6)
        }]
    );
    let blocker = changed(|events| {
        events[2].kind = crate::game::missed(away(2), ShotValue::Two, Some(7));
    });
    assert_eq!(
        blocker,
        [Violation::NotOnCourt {
            sequence: 5,
            player: home(7)
        }]
    );
}

#[test]
fn an_event_that_cannot_be_counted() {
    let seen = changed(|events| events[1].kind = made(home(9), ShotValue::Three, None));
    assert!(
        seen.iter()
            .any(|violation| matches!(violation, Violation::NotCountable(_))),
        "{seen:?}"
    );
}

#[test]
fn fouls_after_the_sixth() {
    let mut script = Script::new();
    script.start([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]);
    for second in 0..7 {
        script.at(700 - second, EventKind::PersonalFoul { offender: away(3) });
    }
    script.at(1, made(home(0), ShotValue::Two, None)).end();
    for _ in 0..3 {
        script.start([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]).end();
    }
    assert_eq!(
        found(&script.events),
        [Violation::Fouls {
            player: away(3),
            fouls: 7
        }]
    );
}

#[test]
fn a_rebound_without_a_miss_and_a_steal_without_a_turnover() {
    let seen = changed(|events| {
        events[7].kind = crate::game::rebound(home(2), Rebound::Defensive);
    });
    assert!(
        seen.contains(&Violation::TooMany {
            side: Side::Home,
            what: "defensive rebounds",
            count: 2,
            most: 1
        }),
        "{seen:?}"
    );
    let mut score = tally(SIZES, &whole_game()).unwrap();
    score.teams[1].players[1].stl = 4;
    score.teams[0].players[0].blk = 9;
    score.teams[0].players[0].ast = 9;
    let names: Vec<_> = check_box(&score)
        .into_iter()
        .map(|violation| match violation {
            Violation::TooMany { what, .. } => what,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(names, ["assists", "blocks", "steals"]);
}

#[test]
fn a_box_score_that_does_not_add_up() {
    let right = tally(SIZES, &whole_game()).unwrap();
    assert_eq!(check_box(&right), []);

    let mut points = right.clone();
    points.teams[0].players[1].pts += 1;
    let seen = check_box(&points);
    assert!(
        seen.contains(&Violation::Points {
            subject: "home player 1".to_owned(),
            points: 6,
            worth: 5
        }),
        "{seen:?}"
    );
    assert!(
        seen.contains(&Violation::LineScore {
            side: Side::Home,
            periods: 10,
            total: 11
        }),
        "{seen:?}"
    );

    let mut swapped = right.clone();
    swapped.teams[0].players[1].fgm = 9;
    assert!(check_box(&swapped).contains(&Violation::MadeExceedsTried {
        subject: "home player 1".to_owned()
    }));

    let mut minutes = right.clone();
    minutes.teams[1].players[2].tenths -= 10;
    assert_eq!(
        check_box(&minutes),
        [Violation::Minutes {
            side: Side::Away,
            tenths: 143_990,
            expected: 144_000
        }]
    );

    let mut plus_minus = right.clone();
    plus_minus.teams[1].players[2].plus_minus += 1;
    assert_eq!(
        check_box(&plus_minus),
        [Violation::PlusMinus {
            side: Side::Away,
            sum: -24,
            expected: -25
        }]
    );

    let mut short = right;
    for team in &mut short.teams {
        team.line_score = vec![team.line_score.iter().sum()];
    }
    assert!(check_box(&short).contains(&Violation::Periods { periods: 1 }));
}

#[test]
fn a_game_that_ends_level() {
    let seen = changed(|events| {
        let last = events.len() - 1;
        events.drain(last - 2..last);
    });
    assert_eq!(seen, [Violation::Level { points: 5 }]);
}

#[test]
fn a_period_without_its_end_costs_time() {
    let seen = changed(|events| {
        events.pop();
    });
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|violation| matches!(violation, Violation::Minutes { .. })),
        "{seen:?}"
    );
}

#[test]
fn violations_are_bounded() {
    let start = EventKind::PeriodStart {
        lineups: [Some(five([0, 1, 2, 3, 4])), Some(five([0, 1, 2, 3, 4]))],
    };
    let events: Vec<_> = (0..1_000).map(|_| Event::new(1, 1, 7_200, start)).collect();
    assert_eq!(check(SIZES, &events).violations.len(), MAX_VIOLATIONS);
}

/// A fuzzer found it: behind the hundredth wrong score, events were no longer counted.
#[test]
fn many_wrong_scores_neither_end_the_count_nor_hide_anything() {
    let mut events = whole_game();
    let mut wrong = Event::new(0, 1, 7_200, EventKind::Neutral);
    wrong.score = Some([99, 0]);
    events.splice(1..1, std::iter::repeat_n(wrong, 2 * MAX_VIOLATIONS));
    for (sequence, event) in (1..).zip(&mut events) {
        event.sequence = sequence;
    }
    let report = check(SIZES, &events);
    assert_eq!(report.score.points(), [10, 5]);
    let stranger = EventKind::PersonalFoul { offender: home(60) };
    events.push(Event::new(9_999, 4, 0, stranger));
    let report = check(SIZES, &events);
    assert!(
        report
            .violations
            .iter()
            .any(|one| matches!(one, Violation::NotCountable(_))),
        "{:?}",
        report.violations.len()
    );
}

/// A fuzzer found it: the smallest number has no absolute value.
#[test]
fn places_of_shots_at_the_limits_are_left_out() {
    use nba_boxscore::adapter::live::{Action, read};
    let shot = |place| Action {
        period: 1,
        clock: "PT11M00.00S",
        kind: "2pt",
        made: true,
        team: Some(1),
        person: 7,
        score: Some([2, 0]),
        place: Some(place),
        ..Action::default()
    };
    for (place, kept) in [
        ([i64::MIN, i64::MAX], 0),
        ([-10, 1_001], 0),
        ([-10, 250], 1),
    ] {
        let log = read("1", &[shot(place)], Some(1)).unwrap();
        assert_eq!(log.shots.len(), kept, "{place:?}");
    }
}
