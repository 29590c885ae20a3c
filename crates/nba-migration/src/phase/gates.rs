//! The phases and what each demands.

use serde::Serialize;

/// A phase of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// What it is about.
    pub title: &'static str,
    /// Its risk, as the legacy plan put it (monitoring dossier 6.21, GC67).
    pub risk: &'static str,
    /// When, in the safe plan.
    pub weeks: &'static str,
}

/// All phases, by number.
pub const PHASES: [Phase; 6] = [
    Phase {
        title: "safety: evidence, backups, a rehearsed way back",
        risk: "low",
        weeks: "1",
    },
    Phase {
        title: "the parallel structure, beside what runs",
        risk: "low",
        weeks: "2",
    },
    Phase {
        title: "old and new side by side on the same input",
        risk: "medium",
        weeks: "3",
    },
    Phase {
        title: "tests move",
        risk: "medium",
        weeks: "4-5",
    },
    Phase {
        title: "units move: utilities, monitoring, validation, one by one",
        risk: "medium to high",
        weeks: "6-8",
    },
    Phase {
        title: "final validation",
        risk: "low",
        weeks: "9",
    },
];

/// What has to be proven before a phase ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gate {
    /// Its stable name, `<phase>.<word>`.
    pub id: &'static str,
    /// The phase it closes.
    pub phase: usize,
    /// What it demands.
    pub title: &'static str,
    /// Subjects of the records that speak about it; the newest decides.
    pub subjects: &'static [&'static str],
    /// Hours that record may be old.
    pub max_age_hours: i64,
    /// Whether it must have been written within the phase.
    pub in_phase: bool,
    /// Proven runs in a row it takes.
    pub in_a_row: usize,
    /// A figure that must not have changed since it was first recorded.
    pub unchanged: Option<&'static str>,
    /// What to run.
    pub remedy: &'static str,
    /// The rows of the monitoring dossier it answers.
    pub rows: &'static [&'static str],
}

const DAY: i64 = 24;
const WEEK: i64 = 7 * DAY;
/// How long a rehearsal counts.
const MONTH: i64 = 31 * DAY;

/// A gate that one record within a week closes.
const fn gate(
    id: &'static str,
    phase: usize,
    title: &'static str,
    subjects: &'static [&'static str],
    remedy: &'static str,
    rows: &'static [&'static str],
) -> Gate {
    Gate {
        id,
        phase,
        title,
        subjects,
        max_age_hours: WEEK,
        in_phase: false,
        in_a_row: 1,
        unchanged: None,
        remedy,
        rows,
    }
}

impl Gate {
    const fn within_hours(mut self, hours: i64) -> Self {
        self.max_age_hours = hours;
        self
    }

    /// The record must be from within the phase: every phase is validated at its end (monitoring dossier 6.14, SY4).
    const fn fresh(mut self) -> Self {
        self.in_phase = true;
        self
    }

    const fn times(mut self, runs: usize) -> Self {
        self.in_a_row = runs;
        self
    }

    const fn with_unchanged(mut self, figure: &'static str) -> Self {
        self.unchanged = Some(figure);
        self
    }
}

/// Every gate, by phase.
#[must_use]
pub fn gates() -> Vec<Gate> {
    vec![
        gate(
            "0.state",
            0,
            "what runs is known, and each job finds its script",
            &["state capture"],
            "nba state capture",
            &["SC3", "GC5", "GC52", "GA3", "GA4", "GA5"],
        ),
        gate(
            "0.baseline",
            0,
            "what every table holds is remembered",
            &["baseline capture"],
            "nba baseline capture",
            &["SL4", "SA3"],
        ),
        gate(
            "0.backup",
            0,
            "a backup was restored and found identical",
            &["backup verify"],
            "nba backup drill",
            &["SC1", "GC3", "SN6", "SY2"],
        ),
        gate(
            "0.restore-point",
            0,
            "the code has a restore point",
            &["restore point"],
            "nba restore point",
            &["SC2", "GC4"],
        ),
        gate(
            "0.rehearsal",
            0,
            "going back was rehearsed",
            &["rollback rehearse"],
            "nba rollback rehearse",
            &["SC6", "GC9", "GC13"],
        )
        .within_hours(MONTH),
        gate(
            "0.tests",
            0,
            "the results of the existing tests are kept",
            &["test baseline"],
            "nba state tests",
            &["SC5", "GC7", "GA10"],
        ),
        gate(
            "0.lake",
            0,
            "the objects in S3 are counted",
            &["lake inventory"],
            "nba lake inventory",
            &["GC8", "GA6"],
        ),
        gate(
            "0.monitor",
            0,
            "health is proven again and again",
            &["health"],
            "nba dashboard --continuous",
            &["SC4", "SC7", "GC6", "GC12", "GC14", "SY3"],
        )
        .within_hours(1)
        .times(2),
        gate(
            "0.team",
            0,
            "the team knows",
            &["acknowledged"],
            "nba phase acknowledge",
            &["GC10"],
        )
        .within_hours(MONTH),
        gate(
            "1.setup",
            1,
            "the parallel structure is there, and nothing else changed",
            &["setup"],
            "nba setup",
            &["SM1", "SW4", "GC15", "SP3"],
        )
        .within_hours(10 * MONTH),
        gate(
            "1.legacy",
            1,
            "the files of the legacy side are as they were, and its jobs find their scripts",
            &["state capture"],
            "nba state capture",
            &["SM2", "SP1", "SP2", "SP4", "SN1", "GC19", "SW5", "SY5"],
        )
        .fresh()
        .with_unchanged("legacy_tree"),
        gate(
            "1.health",
            1,
            "every table is as it was",
            &["health"],
            "nba health",
            &["SM3", "SM4", "SM5", "SM6", "SM7", "SM9", "SW6"],
        )
        .within_hours(1)
        .fresh(),
        gate(
            "2.shadow",
            2,
            "old and new agree on the same input, again and again",
            &["shadow run"],
            "nba shadow run",
            &["GC20", "GC21", "GC22", "SW7", "SW9", "SP8"],
        )
        .fresh()
        .times(3),
        gate(
            "2.speed",
            2,
            "the port is no slower than the script, within a stated tolerance",
            &["benchmark"],
            "nba phase benchmark",
            &["GC23", "SM15"],
        )
        .fresh(),
        gate(
            "2.invariants",
            2,
            "what must hold between rows holds",
            &["check"],
            "nba check",
            &["GC22", "SM11"],
        )
        .within_hours(DAY)
        .fresh(),
        gate(
            "2.health",
            2,
            "every table is as it was",
            &["health"],
            "nba health",
            &["GC24", "SY4"],
        )
        .within_hours(1)
        .fresh(),
        gate(
            "3.tests",
            3,
            "the tests that passed still pass, none is skipped that was not",
            &["test comparison"],
            "nba state tests --compare",
            &["SW8", "GC25", "GC26", "SM8", "SN8"],
        )
        .fresh(),
        gate(
            "3.health",
            3,
            "no data was lost around the tests",
            &["health"],
            "nba health",
            &["GC29", "SY4"],
        )
        .within_hours(1)
        .fresh(),
        gate(
            "4.shadow",
            4,
            "the last runs of what moved agree",
            &["shadow run"],
            "nba shadow run",
            &["GC31", "GC32", "GC33", "SP10"],
        )
        .fresh()
        .times(3),
        gate(
            "4.legacy",
            4,
            "scrapers, migration scripts and box scores are untouched",
            &["state capture"],
            "nba state capture",
            &["GC34", "GC35", "GC36", "SW13", "SN3"],
        )
        .fresh()
        .with_unchanged("legacy_tree"),
        gate(
            "4.backup",
            4,
            "the way back is still proven",
            &["backup verify"],
            "nba backup drill",
            &["SY8"],
        )
        .fresh(),
        gate(
            "4.health",
            4,
            "every table is as it was",
            &["health"],
            "nba health",
            &["SY4", "SN5"],
        )
        .within_hours(1)
        .fresh(),
        gate(
            "5.invariants",
            5,
            "what must hold between rows holds",
            &["check"],
            "nba check",
            &["GC38", "SM11"],
        )
        .within_hours(DAY)
        .fresh(),
        gate(
            "5.health",
            5,
            "every table is as it was",
            &["health"],
            "nba health",
            &["GC39", "GC40", "SM10", "SM12", "SM13", "SM17", "SW14"],
        )
        .within_hours(1)
        .fresh()
        .times(2),
        gate(
            "5.speed",
            5,
            "the port is no slower than the script, within a stated tolerance",
            &["benchmark"],
            "nba phase benchmark",
            &["GC42", "SM15"],
        )
        .fresh(),
        gate(
            "5.lake",
            5,
            "the objects in S3 are all there",
            &["lake inventory"],
            "nba lake inventory",
            &["GC41", "SM14"],
        )
        .fresh(),
        gate(
            "5.backup",
            5,
            "the final state is backed up, restored and identical",
            &["backup verify"],
            "nba backup drill",
            &["SY2"],
        )
        .fresh(),
        gate(
            "5.restore-point",
            5,
            "the final state has a tag",
            &["restore point"],
            "nba restore point",
            &["GC44"],
        )
        .fresh(),
    ]
}
