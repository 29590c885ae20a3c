use std::collections::{BTreeMap, VecDeque, btree_map};
use std::time::Duration;

use super::*;

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::in_folder(folder.path());
    (folder, ledger)
}

fn wish(to: &str) -> Wish {
    Wish {
        capability: "etl.espn.pbp".into(),
        to: to.parse().unwrap(),
        by: "the data team".into(),
        why: "a test".into(),
    }
}

fn runs(ledger: &Ledger, verdicts: &[Verdict]) {
    for verdict in verdicts {
        let entry =
            Entry::new(SHADOW_SUBJECT, verdict.clone()).figure("capability", "etl.espn.pbp");
        ledger.append(&entry).unwrap();
    }
}

/// Every mode, and enough shares to have a lower and a higher one.
const MODES: [Mode; 7] = [
    Mode::Legacy,
    Mode::Shadow,
    Mode::Canary(1),
    Mode::Canary(50),
    Mode::Canary(99),
    Mode::Native,
    Mode::Off,
];

/// What one side is doing with one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// Nothing.
    Idle,
    /// It has a route; whether nothing was switched since.
    Routed { fresh: bool },
    /// It was let write and does so; the answer may be old by now.
    Writing,
}

/// What the world looks like, for one unit of one capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    mode: usize,
    sides: [Doing; 2],
}

/// What keeps the two sides apart; a variant leaves one thing out.
#[derive(Debug, Clone, Copy)]
struct Guard {
    /// A route from before a switch does not count.
    epoch: bool,
    /// Whose the unit is is asked.
    owner: bool,
    /// Only one may write at a time.
    lock: bool,
    /// Rules of [`allowed`].
    rules: fn(Mode, Mode) -> bool,
}

/// As [`permit`] and [`switch`] do.
const REAL: Guard = Guard {
    epoch: true,
    owner: true,
    lock: true,
    rules: |from, to| allowed(from, to).is_ok(),
};

/// Looks at every state that can be reached, not at a sample. What is found wrong is told with the steps that lead there.
fn explore(guard: Guard, bucket: u8) -> Result<usize, String> {
    let start = World {
        mode: 0,
        sides: [Doing::Idle; 2],
    };
    let mut seen = BTreeMap::from([(start, Vec::<String>::new())]);
    let mut waiting = VecDeque::from([start]);
    while let Some(world) = waiting.pop_front() {
        let path = seen.get(&world).cloned().unwrap_or_default();
        let mut next = Vec::new();
        for (to, mode) in MODES.into_iter().enumerate() {
            if (guard.rules)(MODES[world.mode], mode) {
                // Nobody waits for anybody; every route is old now, and who writes goes on.
                let sides = world.sides.map(|doing| match doing {
                    Doing::Routed { .. } => Doing::Routed { fresh: false },
                    other => other,
                });
                next.push((format!("switch to {mode}"), World { mode: to, sides }));
            }
        }
        for (index, side) in [Side::Legacy, Side::Native].into_iter().enumerate() {
            let mut becomes = |what: &str, doing| {
                let mut other = world;
                other.sides[index] = doing;
                next.push((format!("{side:?} {what}"), other));
            };
            match world.sides[index] {
                Doing::Idle => becomes("asks for a route", Doing::Routed { fresh: true }),
                Doing::Routed { fresh } => {
                    becomes("gives up", Doing::Idle);
                    becomes("asks again", Doing::Routed { fresh: true });
                    let owner = MODES[world.mode].writer(bucket) == Some(side);
                    let free = world.sides[1 - index] != Doing::Writing;
                    if (fresh || !guard.epoch) && (owner || !guard.owner) && (free || !guard.lock) {
                        let what = match (fresh, owner) {
                            (true, true) => "writes",
                            _ => "writes against the switch",
                        };
                        becomes(what, Doing::Writing);
                    }
                }
                // Also what a crash does: the lock ends with its process.
                Doing::Writing => becomes("has written", Doing::Idle),
            }
        }
        for (step, world) in next {
            let mut steps = path.clone();
            steps.push(step);
            if world.sides == [Doing::Writing; 2] {
                return Err(format!("both write: {}", steps.join(", ")));
            }
            if steps
                .last()
                .is_some_and(|step| step.ends_with("against the switch"))
            {
                return Err(format!("a stale one writes: {}", steps.join(", ")));
            }
            let way_back =
                MODES[world.mode] == Mode::Legacy || (guard.rules)(MODES[world.mode], Mode::Legacy);
            if !way_back {
                return Err(format!("no way back: {}", steps.join(", ")));
            }
            if let btree_map::Entry::Vacant(new) = seen.entry(world) {
                new.insert(steps);
                waiting.push_back(world);
            }
        }
    }
    Ok(seen.len())
}

/// Never do both sides write one unit, and from everywhere there is a way back to legacy.
#[test]
fn in_no_reachable_state_do_both_sides_write() {
    for bucket in [0, 1, 49, 50, 98, 99] {
        // Each side idle, with a new route, with an old one, or writing, but not both writing.
        assert_eq!(explore(REAL, bucket), Ok(MODES.len() * 15), "{bucket}");
    }
}

/// The model would notice: with any part left out, it finds the steps to the accident.
#[test]
fn a_switch_without_one_of_its_parts_is_refuted() {
    let without = |change: fn(&mut Guard)| {
        let mut guard = REAL;
        change(&mut guard);
        explore(guard, 0).unwrap_err()
    };
    // Asked, switched, and both are at it: what a question alone cannot prevent.
    let both = without(|guard| guard.lock = false);
    assert!(
        both.starts_with("both write: ") && both.contains("switch to"),
        "{both}"
    );
    let stale = without(|guard| guard.epoch = false);
    assert!(stale.starts_with("a stale one writes: "), "{stale}");
    let foreign = without(|guard| guard.owner = false);
    assert!(foreign.starts_with("a stale one writes: "), "{foreign}");
    let trap = without(|guard| {
        guard.rules = |from, to| allowed(from, to).is_ok() && from != Mode::Native;
    });
    assert!(trap.starts_with("no way back: "), "{trap}");
}

/// What the model assumes of [`permit`], by the real one: a write that is under way keeps the other side out, and nobody back.
#[test]
fn a_write_under_way_keeps_the_other_side_out() {
    let (_folder, ledger) = ledger();
    let entry = Entry::new(SUBJECT, Verdict::Proven)
        .figure("capability", "etl.espn.pbp")
        .figure("to", "native");
    ledger.append(&entry).unwrap();
    let unit = "401234567";
    let ask =
        |side, epoch| permit(&ledger, "etl.espn.pbp", unit, side, epoch, Duration::ZERO).unwrap();
    let route = |ledger| {
        Switchboard::read(ledger)
            .unwrap()
            .route("etl.espn.pbp", unit)
    };
    let old = route(&ledger);
    let writing = ask(Side::Native, old.epoch).unwrap();
    assert_eq!(writing.route(), old);
    // Back at once, although the port is in the middle of a write.
    switch(&ledger, &wish("legacy")).unwrap();
    let new = route(&ledger);
    assert_eq!(new.writer, Some(Side::Legacy));
    assert_eq!(ask(Side::Legacy, new.epoch).unwrap_err(), Withheld::Busy);
    drop(writing);
    assert_eq!(ask(Side::Native, old.epoch).unwrap_err(), Withheld::Stale);
    assert_eq!(ask(Side::Native, new.epoch).unwrap_err(), Withheld::Stale);
    let legacy = ask(Side::Legacy, new.epoch).unwrap();
    // Units of other shares go on.
    let other = permit(
        &ledger,
        "etl.espn.pbp",
        "401234568",
        Side::Legacy,
        new.epoch,
        Duration::ZERO,
    );
    assert!(other.unwrap().is_ok());
    drop(legacy);
    assert!(matches!(
        permit(&ledger, "../etc", unit, Side::Legacy, 0, Duration::ZERO),
        Err(SwitchError::BadName(_))
    ));
}

#[test]
fn up_goes_one_step_at_a_time_and_only_on_evidence() {
    let (_folder, ledger) = ledger();
    let refused = |to: &str| match switch(&ledger, &wish(to)) {
        Err(SwitchError::Refused { refusal, .. }) => refusal,
        other => panic!("{to}: {other:?}"),
    };
    let proven = vec![Verdict::Proven; NEEDED_RUNS];
    assert_eq!(refused("native"), Refusal::Skips { next: "shadow" });
    assert_eq!(refused("legacy"), Refusal::Same);
    // Runs from before the shadow phase prove nothing about it.
    runs(&ledger, &proven);
    switch(&ledger, &wish("shadow")).unwrap();
    assert!(matches!(refused("canary 5%"), Refusal::Evidence(_)));
    assert_eq!(refused("native"), Refusal::Skips { next: "canary" });
    runs(
        &ledger,
        &[
            Verdict::Proven,
            Verdict::Proven,
            Verdict::not_proven("a time-out"),
        ],
    );
    assert!(
        matches!(refused("canary 5%"), Refusal::Evidence(_)),
        "a skip is no pass"
    );
    runs(
        &ledger,
        &[
            Verdict::Proven,
            Verdict::Proven,
            Verdict::refuted("one row differs"),
        ],
    );
    assert!(matches!(refused("canary 5%"), Refusal::Evidence(_)));
    runs(&ledger, &proven);
    switch(&ledger, &wish("canary 5%")).unwrap();
    assert!(
        matches!(refused("canary 50%"), Refusal::Evidence(_)),
        "each step needs its own evidence"
    );
    runs(&ledger, &proven);
    switch(&ledger, &wish("canary 50%")).unwrap();
    runs(&ledger, &proven);
    switch(&ledger, &wish("native")).unwrap();

    let before = Switchboard::read(&ledger).unwrap();
    let route = before.route("etl.espn.pbp", "401234567");
    assert_eq!((route.writer, route.shadow), (Some(Side::Native), false));
    assert!(before.may_write("etl.espn.pbp", "401234567", Side::Native, route.epoch));
    // Down at once, without evidence, and whoever began before may not write any more.
    assert_eq!(
        all_to_legacy(&ledger, "nba", "data loss").unwrap(),
        ["etl.espn.pbp"]
    );
    let after = Switchboard::read(&ledger).unwrap();
    assert!(!after.may_write("etl.espn.pbp", "401234567", Side::Native, route.epoch));
    let back = after.route("etl.espn.pbp", "401234567");
    assert!(after.may_write("etl.espn.pbp", "401234567", Side::Legacy, back.epoch));
    assert!(!after.may_write("etl.espn.pbp", "401234567", Side::Legacy, route.epoch));

    // An edited ledger moves nobody to a port.
    let text = std::fs::read_to_string(ledger.path()).unwrap();
    std::fs::write(ledger.path(), text.replace("data loss", "data gain")).unwrap();
    let board = Switchboard::read(&ledger).unwrap();
    assert!(board.ledger.is_refuted());
    assert_eq!(board.mode("etl.espn.pbp"), Mode::Legacy);
}

#[test]
fn not_everything_is_tried_at_once() {
    let (_folder, ledger) = ledger();
    for number in 0..=MOST_CANARIES {
        let capability = format!("etl.c{number}");
        let to = |mode: &str| Wish {
            capability: capability.clone(),
            ..wish(mode)
        };
        switch(&ledger, &to("shadow")).unwrap();
        for _ in 0..NEEDED_RUNS {
            let entry = Entry::new(SHADOW_SUBJECT, Verdict::Proven)
                .figure("capability", capability.as_str());
            ledger.append(&entry).unwrap();
        }
        let outcome = switch(&ledger, &to("canary 1%"));
        assert_eq!(
            outcome.is_ok(),
            number < MOST_CANARIES,
            "{number}: {outcome:?}"
        );
    }
    let bad = Wish {
        capability: "../etc".into(),
        ..wish("shadow")
    };
    assert!(matches!(
        switch(&ledger, &bad),
        Err(SwitchError::BadName(_))
    ));
}

#[test]
fn units_are_shared_out_stably_and_as_told() {
    let (_folder, ledger) = ledger();
    let entry = Entry::new(SUBJECT, Verdict::Proven)
        .figure("capability", "etl.espn")
        .figure("to", "canary 30%");
    ledger.append(&entry).unwrap();
    let board = Switchboard::read(&ledger).unwrap();
    let native = (0..10_000)
        .filter(|unit| board.route("etl.espn.pbp", &unit.to_string()).writer == Some(Side::Native))
        .count();
    assert!(
        (2_800..=3_200).contains(&native),
        "{native} of 10,000, and the parent's mode is inherited"
    );
    // The share of a unit never changes: what is native at 30 % is native at 50 %.
    assert_eq!(bucket("etl.espn.pbp", "401234567"), 10);
    for text in ["canary 0%", "canary 100%", "canary", "Native", ""] {
        assert!(text.parse::<Mode>().is_err(), "{text}");
    }
    for mode in MODES {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
}

/// A writer that works for a while: what was switched meanwhile stops it at its next write, whole or by the unit.
#[test]
fn a_demotion_during_a_run_refuses_the_next_write() {
    let (_folder, ledger) = ledger();
    let entry = |to: &str| {
        Entry::new(SUBJECT, Verdict::Proven)
            .figure("capability", "etl.espn.pbp")
            .figure("to", to)
    };
    let claim = |side| Claim::take(&ledger, "etl.espn.pbp", side).unwrap();
    let all = Extent::Whole;
    let now = Duration::ZERO;
    ledger.append(&entry("native")).unwrap();
    let port = claim(Side::Native);
    for unit in ["401234567", "401234568"] {
        drop(port.permit(Extent::Unit(unit), now).unwrap());
    }
    let whole = port.permit(all, now).unwrap();
    switch(&ledger, &wish("legacy")).unwrap();
    // The write under way is let end; the old script waits for it, the port gets no other.
    let script = claim(Side::Legacy);
    let busy = script.permit(Extent::Unit("401234567"), now).unwrap_err();
    assert!(busy.to_string().contains("somebody else"), "{busy}");
    drop(whole);
    for extent in [Extent::Unit("401234569"), all] {
        let refused = port.permit(extent, now).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("the port may not write `etl.espn.pbp` now: it is legacy"),
            "{refused}"
        );
    }
    drop(script.permit(all, now).unwrap());
    // Two writers of units at once, and then nobody gets the whole.
    let one = script.permit(Extent::Unit("401234567"), now).unwrap();
    let other = script.permit(Extent::Unit("401234568"), now).unwrap();
    assert!(script.permit(all, now).is_err());
    drop((one, other));

    // In canary the whole is nobody's, a unit one side's.
    ledger.append(&entry("canary 50%")).unwrap();
    for side in [Side::Legacy, Side::Native] {
        let refused = claim(side).permit(all, now).unwrap_err();
        assert!(
            nba_utils::Hint::hint(&refused).is_some_and(|hint| hint.contains("--unit")),
            "{refused}"
        );
    }
    let unit = Extent::Unit("401234567");
    let may = |side| claim(side).permit(unit, now).is_ok();
    assert_ne!(may(Side::Legacy), may(Side::Native));
    ledger.append(&entry("off")).unwrap();
    assert!(!may(Side::Legacy) && !may(Side::Native));
}

/// Three comparisons that agree, and the wish.
fn promote(ledger: &Ledger, capability: &str, to: &str) -> Result<Receipt, SwitchError> {
    for _ in 0..NEEDED_RUNS {
        let entry = Entry::new(SHADOW_SUBJECT, Verdict::Proven).figure("capability", capability);
        ledger.append(&entry).unwrap();
    }
    let wish = Wish {
        capability: capability.to_owned(),
        ..wish(to)
    };
    switch(ledger, &wish)
}

fn refusal(outcome: Result<Receipt, SwitchError>) -> Refusal {
    match outcome {
        Err(SwitchError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn capabilities_move_in_their_order_or_by_a_waiver() {
    let (_folder, ledger) = ledger();
    for capability in ["etl.espn.pbp", "monitoring.dims"] {
        promote(&ledger, capability, "shadow").unwrap();
    }
    // Looking on is nobody's turn; writing is.
    let first = refusal(promote(&ledger, "etl.espn.pbp", "canary 5%"));
    assert_eq!(
        first,
        Refusal::Turn {
            first: vec!["monitoring.dims".into()]
        }
    );
    promote(&ledger, "monitoring.dims", "canary 5%").unwrap();
    assert!(matches!(
        refusal(promote(&ledger, "etl.espn.pbp", "canary 5%")),
        Refusal::Turn { .. }
    ));
    promote(&ledger, "monitoring.dims", "native").unwrap();
    promote(&ledger, "etl.espn.pbp", "canary 5%").unwrap();

    // An order on record is stricter than classes, and a waiver is about one capability and ends.
    let order = ["etl.a", "etl.b"].map(str::to_owned);
    set_queue(&ledger, &order, "me", "b needs a").unwrap();
    promote(&ledger, "etl.b", "shadow").unwrap();
    let outcome = refusal(promote(&ledger, "etl.b", "canary 5%"));
    assert_eq!(
        outcome,
        Refusal::Turn {
            first: vec!["etl.a".into()]
        }
    );
    let now = Utc::now();
    let until = now.date_naive() + chrono::Duration::days(1);
    let waive = |gate: &str| crate::phase::waive(&ledger, gate, "me", "a test", until, now);
    assert!(waive("queue:../etc").is_err() && waive("queue:").is_err());
    waive("queue:etl.c").unwrap();
    assert!(promote(&ledger, "etl.b", "canary 5%").is_err());
    waive("queue:etl.b").unwrap();
    let board = Switchboard::read(&ledger).unwrap();
    assert!(board.out_of_turn("etl.b", now));
    assert!(!board.out_of_turn("etl.b", now + chrono::Duration::days(2)));
    promote(&ledger, "etl.b", "canary 5%").unwrap();
    let turns = Switchboard::read(&ledger).unwrap().turns();
    assert_eq!(turns[0].capability, "etl.a");
    assert!(set_queue(&ledger, &["../etc".to_owned()], "me", "why").is_err());
}

#[test]
fn scrapers_are_locked_until_all_phases_are_done() {
    let (_folder, ledger) = ledger();
    for capability in ["etl.espn.scraper", "migration.espn", "phase8.snapshots"] {
        assert_eq!(
            refusal(promote(&ledger, capability, "shadow")),
            Refusal::Locked,
            "{capability}"
        );
    }
    // No waiver opens the lock.
    let now = Utc::now();
    let until = now.date_naive();
    crate::phase::waive(&ledger, "queue:etl.espn.scraper", "me", "hurry", until, now).unwrap();
    assert_eq!(
        refusal(promote(&ledger, "etl.espn.scraper", "shadow")),
        Refusal::Locked
    );
    let done = |to: usize| {
        let entry = Entry::new("phase advance", Verdict::Proven).figure("to", to);
        ledger.append(&entry).unwrap();
    };
    done(5);
    assert!(promote(&ledger, "etl.espn.scraper", "shadow").is_err());
    done(6);
    promote(&ledger, "etl.espn.scraper", "shadow").unwrap();
}
