use super::*;

/// 32 seasons of 1,400 or 1,401 games, the oldest first.
fn seasons() -> Vec<u16> {
    (0..GAMES)
        .map(|index| 1993 + u16::try_from(u64::from(index) * 32 / u64::from(GAMES)).unwrap())
        .collect()
}

fn doubles() -> Vec<(u32, u32)> {
    (0..24u32)
        .map(|k| (k * 1_000 + 17, 400_216_894 + k))
        .collect()
}

fn plan(share: f64, temporal: Temporal) -> Plan {
    Plan::from_seasons(
        &seasons(),
        &doubles(),
        PlanOptions {
            scale: Scale::new(share).unwrap(),
            temporal,
        },
    )
    .unwrap()
}

#[test]
fn full_scale_meets_every_recorded_count() {
    let plan = plan(1.0, Temporal::Filled);
    for line in RECORDED {
        assert_eq!(plan.rows(line.table), line.rows, "{}", line.table);
    }
    for (table, rows, _) in OTHER {
        assert_eq!(plan.rows(table), rows, "{table}");
    }
    let games = |feed| {
        plan.games
            .iter()
            .filter(|game| game.feeds.has(feed))
            .count()
    };
    assert_eq!(games(Feeds::PLAY_BY_PLAY), 14_798);
    assert_eq!(games(Feeds::HOOPR_PLAYS), 28_779);
    assert_eq!(games(Feeds::ESPN_PLAYS), 31_241);
    assert_eq!(games(Feeds::BOX_PLAYERS), 15_699);
    assert_eq!(games(Feeds::HOOPR_PLAYS.with(Feeds::ESPN_PLAYS)), 28_777);
}

#[test]
fn temporal_events_are_empty_unless_asked_for() {
    assert_eq!(plan(1.0, Temporal::Empty).rows("public.temporal_events"), 0);
}

#[test]
fn smaller_scales_round_every_count() {
    for share in [0.5, 0.1, 0.05, 0.01, 0.005] {
        let plan = plan(share, Temporal::Filled);
        for line in RECORDED {
            // Team boxes come in pairs, so half a pair may be rounded away.
            let wanted = plan.options.scale.of(line.rows);
            assert!(
                plan.rows(line.table).abs_diff(wanted) <= 1,
                "{} at {share}",
                line.table
            );
        }
    }
}

#[test]
fn every_usable_scale_gives_believable_games() {
    for thousandths in 1..100 {
        let plan = plan(f64::from(thousandths) / 1000.0, Temporal::Filled);
        for game in &plan.games {
            assert!(
                game.plays.is_none_or(|plays| (360..=540).contains(&plays)),
                "{game:?}"
            );
            assert!(
                game.roster
                    .is_none_or(|players| (22..=30).contains(&players)),
                "{game:?}"
            );
        }
    }
}

#[test]
fn what_has_rows_has_counts() {
    for game in plan(0.01, Temporal::Filled).games {
        let shows_plays = game.feeds.has(Feeds::ESPN_PLAYS) || game.feeds.has(Feeds::HOOPR_PLAYS);
        assert_eq!(game.plays.is_some(), shows_plays, "{game:?}");
        let shows_players = game.feeds.has(Feeds::BOX_PLAYERS) || game.feeds.has(Feeds::HOOPR_BOX);
        assert_eq!(game.roster.is_some(), shows_players, "{game:?}");
    }
}

#[test]
fn play_by_play_ends_with_2021_22() {
    let seasons = seasons();
    let plan = plan(1.0, Temporal::Empty);
    for game in plan
        .games
        .iter()
        .filter(|game| game.feeds.has(Feeds::PLAY_BY_PLAY))
    {
        assert!(PLAY_BY_PLAY_SEASONS.contains(&seasons[usize::try_from(game.index).unwrap()]));
    }
}

#[test]
fn scales_outside_the_range_are_refused() {
    for share in [0.0, -1.0, 1.01, f64::NAN, f64::INFINITY, 0.0009] {
        assert!(Scale::new(share).is_err(), "{share}");
    }
}

#[test]
fn a_universe_of_another_size_is_refused() {
    assert_eq!(
        Plan::from_seasons(&[2000; 10], &[], PlanOptions::default()),
        Err(PlanError::Universe(10))
    );
    assert!(matches!(
        Plan::from_seasons(&[1993; 44_828], &[], PlanOptions::default()),
        Err(PlanError::TooFewGames { .. })
    ));
}

#[test]
fn games_stored_twice_are_there_under_both_ids() {
    let plan = plan(1.0, Temporal::Empty);
    let seconds: Vec<_> = plan
        .games
        .iter()
        .filter(|game| game.other_id.is_some() && game.feeds.has(Feeds::GAMES))
        .collect();
    assert_eq!(seconds.len(), 24);
    for second in seconds {
        let entries = plan
            .games
            .iter()
            .filter(|game| game.index == second.index && game.feeds.has(Feeds::GAMES));
        assert_eq!(entries.count(), 2);
    }
}
