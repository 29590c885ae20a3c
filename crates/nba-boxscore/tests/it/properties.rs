use nba_boxscore::{
    Event, EventKind, Lineup, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side, Tally,
    Timeline, check, elapsed_tenths,
};
use proptest::prelude::*;

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Home), Just(Side::Away)]
}

fn player() -> impl Strategy<Value = PlayerRef> {
    (side(), 0u8..10).prop_map(|(side, slot)| PlayerRef { side, slot })
}

fn slot() -> impl Strategy<Value = Option<u8>> {
    proptest::option::of(0u8..10)
}

fn lineup() -> impl Strategy<Value = Lineup> {
    proptest::sample::subsequence((0u8..10).collect::<Vec<_>>(), 5)
        .prop_map(|five| Lineup::new(five.try_into().unwrap()).unwrap())
}

fn kind() -> impl Strategy<Value = EventKind> {
    let value = prop_oneof![Just(ShotValue::Two), Just(ShotValue::Three)];
    let which = prop_oneof![Just(Rebound::Offensive), Just(Rebound::Defensive)];
    prop_oneof![
        1 => [proptest::option::weighted(0.9, lineup()), proptest::option::weighted(0.9, lineup())].prop_map(|lineups| EventKind::PeriodStart { lineups }),
        1 => Just(EventKind::PeriodEnd),
        6 => (player(), value, any::<bool>(), slot()).prop_map(|(shooter, value, made, second)| {
            let result =
                if made { ShotResult::Made { assist: second } } else { ShotResult::Missed { block: second } };
            EventKind::Shot(Shot { shooter, value, result })
        }),
        4 => (player(), any::<bool>(), any::<bool>())
            .prop_map(|(shooter, made, technical)| EventKind::FreeThrow { shooter, made, technical }),
        3 => (side(), slot(), which).prop_map(|(side, player, which)| EventKind::Rebound { side, player, which }),
        2 => (side(), slot(), slot()).prop_map(|(side, player, steal)| EventKind::Turnover { side, player, steal }),
        2 => player().prop_map(|offender| EventKind::PersonalFoul { offender }),
        1 => (side(), slot()).prop_map(|(side, offender)| EventKind::TechnicalFoul { side, offender }),
        4 => (side(), 0u8..10, 0u8..10)
            .prop_map(|(side, enters, leaves)| EventKind::Substitution { side, enters, leaves }),
        1 => Just(EventKind::Neutral),
    ]
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    (any::<u32>(), 0u8..7, 0u16..8_000, kind())
        .prop_map(|(sequence, period, clock, kind)| Event::new(sequence, period, clock, kind))
}

/// The clock a tally has come to.
fn tally_elapsed(events: &[Event]) -> u32 {
    let mut now: Option<(u8, u16)> = None;
    for event in events {
        match (&mut now, event.kind) {
            (_, EventKind::PeriodStart { .. }) => now = Some((event.period, event.clock_tenths)),
            (Some((period, clock)), _) if *period == event.period => {
                *clock = (*clock).min(event.clock_tenths);
            }
            _ => {}
        }
    }
    now.map_or(0, |(period, clock)| elapsed_tenths(period, clock))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, nothing panics, and what was counted adds up.
    #[test]
    fn any_events_add_up(sizes in [0u8..16, 0u8..16], events in proptest::collection::vec(event(), 0..200)) {
        let report = check(sizes, &events);
        let mut tally = Tally::new(sizes);
        for event in &events {
            let _ = tally.apply(event);
        }
        let score = tally.finish();
        for side in Side::BOTH {
            let team = &score.teams[side.index()];
            let total = team.total();
            prop_assert_eq!(u32::from(total.pts), total.points_of_shots());
            prop_assert_eq!(team.line_score.iter().sum::<u16>(), total.pts);
            prop_assert!(total.fgm <= total.fga && total.fg3m <= total.fg3a && total.ftm <= total.fta);
            prop_assert_eq!(total.tenths % 5, 0);
        }
        let [home, away] = score.points();
        let sum: i32 = score.teams[0].players.iter().map(|line| i32::from(line.plus_minus)).sum();
        // Where a five is not known, nobody is charged.
        if score.teams[0].unknown_periods == 0 {
            prop_assert_eq!(sum, 5 * (i32::from(home) - i32::from(away)));
        }
        prop_assert!(report.violations.len() <= nba_boxscore::MAX_VIOLATIONS);
    }

    /// Whatever can be counted, its changes add up to the same.
    #[test]
    fn changes_add_up_to_the_tally(events in proptest::collection::vec(event(), 0..160)) {
        let mut tally = Tally::new([10, 10]);
        let counted: Vec<Event> = events.into_iter().filter(|event| tally.apply(event).is_ok()).collect();
        let timeline = Timeline::new([10, 10], &counted).unwrap();
        let again = Timeline::from_parts([10, 10], timeline.points().to_vec(), timeline.changes().to_vec());
        prop_assert_eq!(again.as_ref(), Ok(&timeline));
        for count in [0, counted.len() / 2, counted.len()] {
            let mut tally = Tally::new([10, 10]);
            for event in &counted[..count] {
                tally.apply(event).unwrap();
            }
            let elapsed = tally_elapsed(&counted[..count]);
            let expected = tally.finish();
            let mut state = timeline.after(count).into_iter();
            for team in &expected.teams {
                for line in &team.players {
                    prop_assert_eq!(state.next().unwrap().line_at(elapsed), *line);
                }
                prop_assert_eq!(state.next().unwrap().line, team.team);
            }
        }
    }

    /// A refused event leaves no trace.
    #[test]
    fn refused_events_change_nothing(events in proptest::collection::vec(event(), 0..120)) {
        let mut tally = Tally::new([10, 8]);
        for event in &events {
            let before = tally.clone();
            if tally.apply(event).is_err() {
                prop_assert_eq!(tally.snapshot(), before.snapshot());
                prop_assert_eq!(tally.on_court(), before.on_court());
            }
        }
    }
}
