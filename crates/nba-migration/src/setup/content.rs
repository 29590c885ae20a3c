//! What a set-up adds.

/// A folder, or a file with its text.
pub(super) struct Piece {
    pub(super) path: &'static str,
    pub(super) what: &'static str,
    pub(super) file: Option<&'static str>,
    pub(super) executable: bool,
}

const fn folder(path: &'static str, what: &'static str) -> Piece {
    Piece {
        path,
        what,
        file: None,
        executable: false,
    }
}

const fn file(path: &'static str, what: &'static str, text: &'static str) -> Piece {
    Piece {
        path,
        what,
        file: Some(text),
        executable: false,
    }
}

const fn program(path: &'static str, what: &'static str, text: &'static str) -> Piece {
    Piece {
        path,
        what,
        file: Some(text),
        executable: true,
    }
}

/// Keeps a folder of ours out of git without touching the project's own rules.
const IGNORE_ALL: &str = "*\n";

const SETTINGS: &str = "# Settings of `nba` for this project; `nba config example` lists all of them.\n\
# Everything the platform has configured already (.env, YAML files, variables) is read as it is.\n";

const README: &str = "# nba\n\nThe Rust side of this project. Nothing in here is used by the existing scripts, and nothing of theirs was changed.\n\n\
- `bin/` has launchers under the names the legacy plans used.\n\
- `../.nba/` is the state folder: the ledger of evidence, baselines, captures. It is not in git.\n\
- `../nba.toml` has the settings.\n\n\
`nba guide` says what comes next, `nba setup --undo` takes all of this away again.\n";

const HEALTH: &str = "#!/bin/sh\n# What the legacy plan called scripts/validation/verify_system_health.py.\nexec nba --project \"$(dirname \"$0\")/../..\" health \"$@\"\n";
const DASHBOARD: &str = "#!/bin/sh\n# What the legacy plan called scripts/monitoring/refactor_dashboard.py.\nexec nba --project \"$(dirname \"$0\")/../..\" dashboard \"$@\"\n";
const ROLLBACK: &str = "#!/bin/sh\n# What the legacy plan called emergency_rollback.sh; it says what would be done, and does nothing.\nexec nba --project \"$(dirname \"$0\")/../..\" rollback plan \"$@\"\n";

/// Everything, folders before what is in them.
pub(super) fn pieces() -> [Piece; 17] {
    [
        folder(".nba", "the state folder"),
        file(".nba/.gitignore", "keeps the state out of git", IGNORE_ALL),
        folder(".nba/baselines", "baselines"),
        folder(".nba/captures", "captured states"),
        folder(".nba/reports", "reports"),
        folder("backups", "backups"),
        file("backups/.gitignore", "keeps backups out of git", IGNORE_ALL),
        folder(
            "refactoring_logs",
            "health reports under the names the legacy dashboard used",
        ),
        file(
            "refactoring_logs/.gitignore",
            "keeps reports out of git",
            IGNORE_ALL,
        ),
        folder("nba", "the new side, beside the old one"),
        file("nba/README.md", "what this folder is", README),
        folder("nba/bin", "launchers"),
        program(
            "nba/bin/verify_system_health",
            "the legacy name of `nba health`",
            HEALTH,
        ),
        program(
            "nba/bin/refactor_dashboard",
            "the legacy name of `nba dashboard`",
            DASHBOARD,
        ),
        program(
            "nba/bin/emergency_rollback",
            "the legacy name of `nba rollback plan`",
            ROLLBACK,
        ),
        folder("nba/units", "one folder per unit that moves"),
        file("nba.toml", "the settings", SETTINGS),
    ]
}
