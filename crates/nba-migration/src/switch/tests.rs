use std::collections::{BTreeSet, VecDeque};

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

/// What the world looks like: the mode, and for each side the mode under which it was given its present unit, if it works on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct World {
    mode: usize,
    /// Changes since each side took its epoch; `None` when it does not work. More than one is as stale as one.
    lease: [Option<bool>; 2],
}

impl World {
    fn number(self) -> usize {
        let lease = |lease: Option<bool>| match lease {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        };
        self.mode * 9 + lease(self.lease[0]) * 3 + lease(self.lease[1])
    }

    /// As [`Switchboard::may_write`] decides: the epoch is the present one, and the unit is this side's.
    fn may_write(self, side: usize, bucket: u8) -> bool {
        let sides = [Side::Legacy, Side::Native];
        self.lease[side] == Some(false) && MODES[self.mode].writer(bucket) == Some(sides[side])
    }
}

/// All reachable states, not a sample: never do both sides write one unit, and from everywhere there is a way back to legacy.
#[test]
fn in_no_reachable_state_do_both_sides_write() {
    let start = World {
        mode: 0,
        lease: [None, None],
    };
    let mut seen = BTreeSet::from([start.number()]);
    let mut waiting = VecDeque::from([start]);
    while let Some(world) = waiting.pop_front() {
        for bucket in [0, 1, 49, 50, 98, 99] {
            assert!(
                !(world.may_write(0, bucket) && world.may_write(1, bucket)),
                "{world:?} {bucket}"
            );
        }
        assert!(
            MODES[world.mode] == Mode::Legacy || allowed(MODES[world.mode], Mode::Legacy).is_ok(),
            "no way back from {world:?}"
        );
        let mut next = Vec::new();
        for (to, mode) in MODES.into_iter().enumerate() {
            if allowed(MODES[world.mode], mode).is_ok() {
                // A change makes every lease stale.
                next.push(World {
                    mode: to,
                    lease: world.lease.map(|lease| lease.map(|_| true)),
                });
            }
        }
        for side in 0..2 {
            for lease in [None, Some(false)] {
                let mut other = world;
                other.lease[side] = lease;
                next.push(other);
            }
        }
        for world in next {
            if seen.insert(world.number()) {
                waiting.push_back(world);
            }
        }
    }
    assert_eq!(seen.len(), MODES.len() * 9, "every state was looked at");
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
