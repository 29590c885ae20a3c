use nba_boxscore::{
    Event, EventKind, Line, Lineup, PlayerRef, Rebound, ShotValue, Side, Tally, TallyErrorKind,
    tally,
};

use crate::game::{SIZES, Script, away, five, home, made, whole_game};

const STARTERS: [u8; 5] = [0, 1, 2, 3, 4];

#[test]
fn a_whole_game_counted_by_hand() {
    let score = tally(SIZES, &whole_game()).unwrap();
    assert_eq!(score.points(), [10, 5]);
    assert_eq!(score.teams[0].line_score, [5, 0, 0, 5]);
    assert_eq!(score.teams[1].line_score, [2, 1, 2, 0]);
    assert_eq!(score.teams[0].technical_fouls, 1);
    assert_eq!(
        score.teams[0].team,
        Line {
            oreb: 1,
            tov: 1,
            ..Line::default()
        }
    );

    let home = &score.teams[0].players;
    let shooter = Line {
        pts: 3,
        fgm: 1,
        fga: 1,
        fg3m: 1,
        fg3a: 1,
        tov: 1,
        pf: 1,
        plus_minus: 5,
        tenths: 4 * 7_200,
        ..Line::default()
    };
    assert_eq!(home[0], shooter);
    let big = Line {
        dreb: 1,
        blk: 1,
        plus_minus: 6,
        tenths: 3 * 7_200,
        ..Line::default()
    };
    assert_eq!(home[4], big);
    let reserve = Line {
        fga: 1,
        fg3a: 1,
        plus_minus: -1,
        tenths: 7_200,
        ..Line::default()
    };
    assert_eq!(home[5], reserve);
    assert_eq!(home[6], Line::default());

    let visitors = &score.teams[1].players;
    // Both points from the line are his foul's: he was on court when it was called.
    assert_eq!(
        (visitors[0].pf, visitors[0].plus_minus, visitors[0].tenths),
        (1, -5, 3 * 7_200 + 800)
    );
    assert_eq!((visitors[5].plus_minus, visitors[5].tenths), (0, 6_400));
    assert_eq!(
        (visitors[1].stl, visitors[4].ftm, visitors[0].ast),
        (1, 1, 1)
    );
}

#[test]
fn the_box_score_is_known_at_every_moment() {
    let events = whole_game();
    let mut running = Tally::new(SIZES);
    for (position, event) in events.iter().enumerate() {
        running.apply(event).unwrap();
        assert_eq!(
            running.snapshot(),
            tally(SIZES, &events[..=position]).unwrap()
        );
        assert_eq!(running.points(), running.snapshot().points());
    }
    assert_eq!(running.line(home(1)).unwrap().pts, 5);
    assert_eq!(running.line(home(8)), None);
    assert_eq!(running.finish(), tally(SIZES, &events).unwrap());
}

#[test]
fn overtime_has_five_minutes() {
    let mut script = Script::new();
    for _ in 0..5 {
        script.start(STARTERS, STARTERS).end();
    }
    let score = tally(SIZES, &script.events).unwrap();
    assert_eq!(score.teams[0].players[0].seconds(), 4 * 720 + 300);
    assert_eq!(score.teams[0].total().seconds(), 5 * (4 * 720 + 300));
}

fn refused(kind: EventKind) -> TallyErrorKind {
    let mut script = Script::new();
    script
        .start(STARTERS, STARTERS)
        .at(700, made(home(0), ShotValue::Two, None));
    let mut tally = Tally::new(SIZES);
    for event in &script.events {
        tally.apply(event).unwrap();
    }
    let before = tally.snapshot();
    script.at(690, kind);
    let error = tally.apply(script.events.last().unwrap()).unwrap_err();
    assert_eq!(tally.snapshot(), before, "a refused event changes nothing");
    assert!(error.hint().is_some());
    assert!(
        error.to_string().starts_with("event 5 in period 1: "),
        "{error}"
    );
    error.kind()
}

#[test]
fn events_that_do_not_fit_are_refused() {
    let unknown = TallyErrorKind::UnknownPlayer;
    assert_eq!(
        refused(made(away(8), ShotValue::Two, None)),
        unknown(away(8))
    );
    assert_eq!(
        refused(made(away(0), ShotValue::Two, Some(9))),
        unknown(away(9))
    );
    let stolen = EventKind::Turnover {
        side: Side::Home,
        player: None,
        steal: Some(8),
    };
    assert_eq!(refused(stolen), unknown(away(8)));
    let team = EventKind::Rebound {
        side: Side::Home,
        player: Some(255),
        which: Rebound::Defensive,
    };
    assert_eq!(
        refused(team),
        unknown(PlayerRef {
            side: Side::Home,
            slot: 255
        })
    );
    let change = |enters, leaves| EventKind::Substitution {
        side: Side::Home,
        enters,
        leaves,
    };
    assert_eq!(refused(change(6, 5)), TallyErrorKind::NotOnCourt(home(5)));
    assert_eq!(
        refused(change(1, 0)),
        TallyErrorKind::AlreadyOnCourt(home(1))
    );
    assert_eq!(
        refused(change(1, 1)),
        TallyErrorKind::AlreadyOnCourt(home(1))
    );
    let start = EventKind::PeriodStart {
        lineups: [Some(five(STARTERS)), Some(five([4, 5, 6, 7, 8]))],
    };
    assert_eq!(refused(start), unknown(away(8)));
}

#[test]
fn nothing_counts_before_the_first_period() {
    let mut tally = Tally::new(SIZES);
    let shot = Event::new(1, 1, 7_000, made(home(0), ShotValue::Two, None));
    assert_eq!(
        tally.apply(&shot).unwrap_err().kind(),
        TallyErrorKind::BeforeFirstPeriod
    );
    assert_eq!(tally.on_court(), [None; 2]);
    tally
        .apply(&Event::new(1, 1, 7_200, EventKind::Neutral))
        .unwrap();
    let late = Event::new(2, 5, 3_001, EventKind::Neutral);
    assert_eq!(
        tally.apply(&late).unwrap_err().kind(),
        TallyErrorKind::ClockOutOfRange(3_001)
    );
}

#[test]
fn a_lineup_is_five_different_players() {
    let error = Lineup::new([0, 1, 2, 1, 4]).unwrap_err();
    assert_eq!(
        (error.slot, error.to_string().as_str()),
        (1, "lineup [0, 1, 2, 1, 4] names player 1 twice")
    );
    assert_eq!(five(STARTERS).slots(), &STARTERS);
}
