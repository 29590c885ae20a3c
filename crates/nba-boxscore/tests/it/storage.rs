//! Changes and keyframes, intervals and grades against the plain engine.

use std::collections::BTreeMap;

use nba_boxscore::{
    ActualBox, Grade, Grid, Line, Moments, PlayerRef, Rules, Side, Stat, Timeline, TimelineError,
    compare_boxes, count, tally,
};

use crate::game::{SIZES, whole_game};

#[test]
fn every_moment_of_the_changes_is_that_of_the_events() {
    let events = whole_game();
    let moments = Moments::new(SIZES, &events).unwrap();
    let timeline = Timeline::new(SIZES, &events).unwrap();
    for after in 0..=events.len() {
        assert_eq!(
            timeline.box_after(after),
            moments.after(after).finish(),
            "after {after}"
        );
    }
    for period in 1..=4 {
        for clock in (0..=7_200).rev().step_by(7) {
            assert_eq!(timeline.at(period, clock), moments.at(period, clock));
        }
    }
}

#[test]
fn stored_parts_that_were_changed_are_refused() {
    let timeline = Timeline::new(SIZES, &whole_game()).unwrap();
    let (points, changes) = (timeline.points().to_vec(), timeline.changes().to_vec());
    let again = Timeline::from_parts(SIZES, points.clone(), changes.clone()).unwrap();
    assert_eq!(again, timeline);

    let scoring = changes.iter().position(|one| one.counts[0] > 0).unwrap();
    let mut lost = changes.clone();
    lost.remove(scoring);
    assert!(matches!(
        Timeline::from_parts(SIZES, points.clone(), lost),
        Err(TimelineError::Points { .. })
    ));
    let mut stranger = changes.clone();
    stranger[scoring].slot = Some(60);
    assert!(matches!(
        Timeline::from_parts(SIZES, points.clone(), stranger),
        Err(TimelineError::Stray { .. })
    ));
    let mut late = changes;
    late[scoring].event = 9_999;
    assert!(matches!(
        Timeline::from_parts(SIZES, points, late),
        Err(TimelineError::Stray { .. } | TimelineError::Points { .. })
    ));
}

#[test]
fn stints_add_up_to_time_on_court() {
    let events = whole_game();
    let timeline = Timeline::new(SIZES, &events).unwrap();
    let score = tally(SIZES, &events).unwrap();
    let mut time: BTreeMap<PlayerRef, u32> = BTreeMap::new();
    for stint in timeline.stints() {
        *time.entry(stint.player).or_default() += stint.until - stint.from;
    }
    for side in Side::BOTH {
        for (slot, line) in (0u8..).zip(&score.teams[side.index()].players) {
            let player = PlayerRef { side, slot };
            assert_eq!(
                time.get(&player).copied().unwrap_or(0),
                line.tenths,
                "{player}"
            );
        }
    }
}

#[test]
fn every_grid_adds_up_to_the_game() {
    let events = whole_game();
    let timeline = Timeline::new(SIZES, &events).unwrap();
    let end = timeline.after(events.len());
    let moments = Moments::new(SIZES, &events).unwrap();
    for grid in Grid::ALL {
        let mut sums = vec![Line::default(); end.len()];
        let mut plus_minus = vec![0i16; end.len()];
        let mut counted = 0;
        for split in timeline.splits(grid) {
            counted += split.events.len();
            for ((sum, plus_minus), line) in sums.iter_mut().zip(&mut plus_minus).zip(&split.lines)
            {
                sum.add_counts(line);
                *plus_minus += line.plus_minus;
            }
        }
        assert_eq!(counted, events.len(), "{grid:?}");
        for ((sum, plus_minus), standing) in sums.into_iter().zip(plus_minus).zip(&end) {
            let sum = Line { plus_minus, ..sum };
            assert_eq!(sum, standing.line_at(28_800), "{grid:?}");
        }
    }
    // A period cut in two ways.
    for (split, period) in timeline.splits(Grid::Periods).zip(moments.periods()) {
        assert_eq!(split.lines[0], period.teams[0].players[0]);
    }
}

#[test]
fn grids_have_the_platform_s_labels() {
    let label = |grid: Grid, number: usize| grid.spans(6).nth(number).unwrap().label();
    assert_eq!(label(Grid::Periods, 3), "Q4");
    assert_eq!(label(Grid::Periods, 5), "OT2");
    assert_eq!(label(Grid::Halves, 1), "H2");
    assert_eq!(label(Grid::SixMinutes, 7), "42.0-48.0min");
    assert_eq!(label(Grid::ThreeMinutes, 17), "OT1 2.5-5.0min");
    assert_eq!(label(Grid::NinetySeconds, 1), "1.5-3.0min");
    assert_eq!(label(Grid::Minutes, 48), "OT1 0-1min");
    assert_eq!(label(Grid::Seconds, 0), "0s-1s");
    assert_eq!(label(Grid::Tenths, 1), "0.1s-0.2s");
    let counts = [4, 2, 8, 16, 32, 48, 2_880, 28_800];
    for (grid, expected) in Grid::ALL.into_iter().zip(counts) {
        assert_eq!(grid.spans(4).count(), expected, "{grid:?}");
        assert!(grid.spans(4).all(|span| span.from < span.until));
    }
}

/// The game's own box as an actual one.
fn actual() -> ActualBox {
    let score = tally(SIZES, &whole_game()).unwrap();
    let mut actual = ActualBox {
        score: Some(score.points()),
        complete: true,
        ..ActualBox::default()
    };
    for side in Side::BOTH {
        for (slot, line) in (0u8..).zip(&score.teams[side.index()].players) {
            let figures = Stat::ALL.map(|stat| Some(count(line, stat)));
            actual.players.insert(PlayerRef { side, slot }, figures);
        }
    }
    actual
}

#[test]
fn grades_follow_the_thresholds() {
    for (off, grade) in [
        (0, Grade::A),
        (1, Grade::B),
        (5, Grade::B),
        (6, Grade::C),
        (15, Grade::C),
        (16, Grade::D),
        (30, Grade::D),
        (31, Grade::F),
    ] {
        let score = tally(SIZES, &whole_game()).unwrap();
        let mut actual = actual();
        let player = PlayerRef {
            side: Side::Home,
            slot: 0,
        };
        // Personal fouls: nothing the legacy verification would look at.
        let fouls = &mut actual.players.get_mut(&player).unwrap()[13];
        *fouls = fouls.map(|fouls| fouls + off);
        let record = compare_boxes(&score, &actual, Rules::Complete);
        assert_eq!(record.grade, Some(grade), "{off}");
        assert_eq!(record.total_discrepancies, u32::from(off));
        assert_eq!(record.verdict().is_proven(), off == 0);
        let legacy = compare_boxes(&score, &actual, Rules::Legacy);
        assert_eq!(legacy.grade, Some(Grade::A), "BX-28: nine of fifteen stats");
    }
}

#[test]
fn bx_28_missing_players_and_exact_ones_count() {
    let score = tally(SIZES, &whole_game()).unwrap();
    let mut lacking = actual();
    let scorer = PlayerRef {
        side: Side::Home,
        slot: 1,
    };
    lacking.players.remove(&scorer);
    let record = compare_boxes(&score, &lacking, Rules::Complete);
    assert!(record.total_discrepancies > 5, "{record:?}");
    assert_eq!(
        compare_boxes(&score, &lacking, Rules::Legacy).grade,
        Some(Grade::A)
    );

    let mut off = actual();
    off.players.get_mut(&scorer).unwrap()[9] = Some(7);
    let complete = compare_boxes(&score, &off, Rules::Complete)
        .mean_errors
        .assists;
    let legacy = compare_boxes(&score, &off, Rules::Legacy)
        .mean_errors
        .assists;
    assert!(
        complete < legacy,
        "the mean is over all players: {complete}"
    );

    let nothing = ActualBox::default();
    let record = compare_boxes(&score, &nothing, Rules::Complete);
    assert_eq!((record.grade, record.final_score_match), (None, None));
    assert!(!record.verdict().is_proven() && !record.verdict().is_refuted());
    let legacy = compare_boxes(&score, &nothing, Rules::Legacy);
    assert_eq!(legacy.grade, Some(Grade::F));

    let mut other = actual();
    other.score = Some([1, 2]);
    let record = compare_boxes(&score, &other, Rules::Complete);
    assert_eq!(record.grade, Some(Grade::F));
}

#[test]
fn charts_are_well_formed_and_show_the_game() {
    use nba_boxscore::{Chart, Panel, Shot, ShotPlace, ShotResult, ShotValue};
    let timeline = Timeline::new(SIZES, &whole_game()).unwrap();
    let shot = |result| {
        let place = ShotPlace {
            event: 0,
            across: -100,
            out: 200,
        };
        let shot = Shot {
            shooter: PlayerRef {
                side: Side::Home,
                slot: 0,
            },
            value: ShotValue::Three,
            result,
        };
        (place, shot)
    };
    let mut chart = Chart {
        title: "A <game> & \"more\"".to_owned(),
        teams: ["Home".to_owned(), "Away".to_owned()],
        players: [0, 1].map(|side| (0..8).map(|slot| format!("P{side}{slot}")).collect()),
        timeline: &timeline,
        shots: vec![
            shot(ShotResult::Made { assist: None }),
            shot(ShotResult::Missed { block: None }),
        ],
    };
    let svg = chart.svg(&Panel::ALL);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("A &lt;game&gt; &amp; &quot;more&quot;: Away 5, Home 10"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    for name in ["P00", "P15", "Q4"] {
        assert!(svg.contains(&format!(">{name}<")), "{name}");
    }
    // Nobody who never played has a row.
    assert!(!svg.contains(">P07<"));
    chart.shots.clear();
    assert!(chart.svg(&[Panel::Shots]).contains("no places of shots"));

    let flow = chart.flow_text(48, 8);
    assert_eq!(flow.len(), 9);
    assert!(
        flow[0].starts_with("  +5") && flow[0].ends_with('█'),
        "{flow:#?}"
    );
    let players = chart.players_text();
    let row = players.iter().find(|row| row.contains("P05")).unwrap();
    assert!(
        row.ends_with(&format!(
            "{}{}{}",
            "·".repeat(12),
            "█".repeat(12),
            "·".repeat(24)
        )),
        "{row}"
    );

    let nothing = Timeline::empty([0, 0]);
    let empty = Chart {
        timeline: &nothing,
        ..chart
    };
    assert!(!empty.svg(&Panel::ALL).contains("NaN"));
    assert!(!empty.flow_text(0, 0).is_empty());
}
