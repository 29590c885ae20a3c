//! What holds for every command: JSON, help, completions.

use crate::program::{Place, Ran};
use crate::world::World;
use std::collections::BTreeSet;

/// A command line and its exit code; `None` where that depends on the machine. `{…}` are folders.
pub(crate) type Sample = (&'static [&'static str], Option<i32>);

/// Commands that do what they are for. `demo` and `testkit build` take longer and are run elsewhere.
pub(crate) const GOOD: &[Sample] = &[
    (&["baseline", "capture"], Some(0)),
    (&["baseline", "list"], Some(0)),
    (&["baseline", "show"], Some(0)),
    (&["verify", "games", "--quick"], Some(0)),
    (&["baseline", "capture", "--rows", "small"], Some(0)),
    (&["baseline", "show", "--candidate"], Some(0)),
    (&["baseline", "approve", "--review"], Some(0)),
    (
        &["baseline", "approve", "--by", "me", "--reason", "a test"],
        Some(0),
    ),
    (&["baseline", "capture", "--budget", "90%"], Some(0)),
    (&["baseline", "discard", "--reason", "a test"], Some(0)),
    (
        &["db", "fingerprint", "games", "--output", "fp.json"],
        Some(0),
    ),
    (
        &["db", "fingerprint", "--diff", "fp.json", "fp.json"],
        Some(0),
    ),
    (&["health", "--write"], Some(0)),
    (&["health", "--check", "games_count"], Some(0)),
    (&["dashboard"], Some(0)),
    (&["check", "plays_per_game"], Some(0)),
    (&["check", "--list"], Some(0)),
    (&["check", "db.connection"], Some(0)),
    (&["check", "run", "db.sequences"], Some(0)),
    // One look was taken, and what it saw is new: no state is settled.
    (&["alerts", "list"], None),
    (&["alerts", "events"], Some(0)),
    (&["report", "weekly", "--html", "{new}-week.html"], None),
    (
        &["report", "plot", "monitor.look_ms", "--svg", "{new}.svg"],
        Some(0),
    ),
    (
        &["report", "history", "--export", "{new}-past.parquet"],
        Some(0),
    ),
    (
        &[
            "alerts",
            "maintenance",
            "--minutes",
            "5",
            "--owner",
            "me",
            "--reason",
            "a test",
        ],
        Some(0),
    ),
    (&["dims", "verify", "code_base", "--by", "cron"], Some(1)),
    (&["dims", "approve"], Some(0)),
    (
        &[
            "dims",
            "approve",
            "code_base.python_files",
            "--by",
            "ann",
            "--reason",
            "a test",
        ],
        Some(0),
    ),
    // The replica's inventory has no hooks.
    (&["dims", "events", "--log", "3"], Some(2)),
    (&["dims", "compare", "code_base.test_files"], Some(0)),
    (&["dims", "history", "s3_storage.total_objects"], Some(0)),
    // No channel is configured.
    (&["alerts", "test"], Some(2)),
    (&["alerts", "forget", "--yes"], Some(0)),
    (&["db", "identity"], Some(0)),
    (&["db", "query", "select 1 as one"], Some(0)),
    (&["db", "query", "select 1 where false"], Some(0)),
    (&["db", "counts", "public.game"], Some(0)),
    (&["db", "catalog", "public.game"], Some(0)),
    (
        &["db", "compare", "games", "games", "--same-relation"],
        Some(0),
    ),
    (&["db", "explain", "games", "--same-relation"], Some(0)),
    (&["ledger", "show", "--limit", "2"], Some(0)),
    (&["ledger", "verify"], Some(0)),
    (&["setup", "--dry-run"], Some(0)),
    (&["setup"], Some(0)),
    // The crontab of the checkout cannot run here.
    (
        &[
            "state",
            "capture",
            "--crontab",
            "deployment/cron/crontab.installed",
        ],
        Some(1),
    ),
    (
        &[
            "state",
            "capture",
            "--crontab",
            "deployment/cron/crontab.installed",
            "--database",
            "--between",
            "1",
        ],
        Some(1),
    ),
    (&["state", "list"], Some(0)),
    (&["state", "diff"], None),
    (
        &[
            "state",
            "tests",
            "--",
            "echo",
            "PASSED tests/a.py::test_one",
        ],
        Some(0),
    ),
    (
        &[
            "state",
            "tests",
            "--compare",
            "--",
            "echo",
            "FAILED tests/a.py::test_one",
        ],
        Some(1),
    ),
    (&["state", "imports"], None),
    (&["guide"], Some(0)),
    (&["guide", "0"], Some(0)),
    (&["ledger", "sign", "--new-key", "{new}-key"], Some(0)),
    (&["restore", "point", "--message", "before"], Some(0)),
    (&["restore", "list"], Some(0)),
    (
        &["restore", "code", "HEAD", "--into", "{new}-code"],
        Some(0),
    ),
    (&["backup", "create"], Some(0)),
    (&["backup", "list"], Some(0)),
    (&["preflight"], Some(1)),
    (
        &[
            "phase",
            "acknowledge",
            "--owner",
            "me",
            "--note",
            "all know",
        ],
        Some(0),
    ),
    (
        &[
            "phase", "waive", "0.tests", "--owner", "me", "--reason", "why", "--until", "{soon}",
        ],
        Some(0),
    ),
    (&["phase", "status"], Some(1)),
    (&["phase", "next"], Some(0)),
    (&["phase", "check"], Some(1)),
    (&["switch", "get", "etl.espn.pbp"], Some(0)),
    (
        &[
            "switch",
            "set",
            "etl.espn.pbp",
            "shadow",
            "--by",
            "me",
            "--why",
            "a test",
        ],
        Some(0),
    ),
    (&["switch", "list"], Some(0)),
    (&["switch", "queue"], Some(0)),
    (
        &[
            "switch",
            "queue",
            "etl.espn.pbp",
            "--by",
            "me",
            "--why",
            "a test",
        ],
        Some(0),
    ),
    (&["assumptions", "list"], Some(0)),
    // A job cannot run here.
    (&["assumptions", "verify"], Some(1)),
    (
        &[
            "assumptions",
            "add",
            "one-writer",
            "--statement",
            "nobody else loads",
            "--evidence",
            "state capture",
            "--owner",
            "me",
            "--until",
            "{soon}",
        ],
        Some(0),
    ),
    (&["phase", "report"], Some(0)),
    (&["phase", "report", "--markdown", "{new}.md"], Some(0)),
    // Nothing was compared yet, and no phase is done.
    (&["phase", "benchmark"], Some(2)),
    (&["phase", "watch"], Some(2)),
    (&["phase", "cleanup"], Some(2)),
    // Another module: what was public in the old one is not there.
    (
        &[
            "phase",
            "shim",
            "scripts/shared/store.py",
            "--to",
            "scripts.shared.pg",
        ],
        Some(1),
    ),
    // There is no backup to go back to.
    (&["rollback", "plan"], Some(2)),
    (&["rollback", "plan", "--baseline", "nosuch"], Some(2)),
    (&["etl", "run", "--", "true"], Some(2)),
    (&["etl", "list"], Some(0)),
    (
        &["etl", "inspect", "scripts/etl/extract_pbp_local.py"],
        Some(0),
    ),
    (
        &["etl", "probe", "scripts/etl/extract_pbp_local.py"],
        Some(0),
    ),
    (&["etl", "history"], Some(0)),
    (&["etl", "logs"], Some(0)),
    (&["lake", "inventory", "--path", "config"], Some(0)),
    (
        &[
            "lake",
            "inventory",
            "--path",
            "config",
            "--manifest",
            "{new}.parquet",
        ],
        Some(0),
    ),
    // A listing of a folder has no digests to compare.
    (
        &[
            "lake",
            "drill",
            "--against",
            "{new}.parquet",
            "--path",
            "config",
        ],
        Some(2),
    ),
    (&["backup", "history"], Some(0)),
    (&["lake", "diff", "{new}.parquet", "{new}.parquet"], Some(2)),
    (
        &["lake", "sync", "--path", "config", "--to", "{new}-copy"],
        Some(0),
    ),
    (
        &["lake", "verify", "--path", "config", "--copy", "{new}-copy"],
        Some(0),
    ),
    (
        &[
            "lake",
            "get",
            "aws_config.yaml",
            "--path",
            "config",
            "--to",
            "{new}-get",
        ],
        Some(0),
    ),
    (&["testkit", "stop", "--data-dir", "config"], Some(0)),
    (&["testkit", "checkout", "{new}"], Some(0)),
    (&["testkit", "lake", "{new}-lake"], Some(0)),
    (&["config", "show"], Some(0)),
    (&["config", "check"], None),
    (&["config", "reference"], Some(0)),
    (&["config", "example"], Some(0)),
    (&["doctor"], None),
    (&["completions", "bash"], Some(0)),
];

/// Those that restore a database, which takes some seconds each.
const RESTORES: &[Sample] = &[
    (&["backup", "verify"], Some(0)),
    (&["backup", "status", "--max-age", "1"], Some(0)),
    (&["backup", "drill", "--keep", "1"], Some(0)),
    (&["backup", "prune", "--keep", "1"], Some(0)),
    (&["rollback", "rehearse"], Some(0)),
];

/// Commands that cannot be done.
pub(crate) const BAD: &[Sample] = &[
    (&[], Some(2)),
    (&["db"], Some(2)),
    (&["nosuch"], Some(2)),
    (&["phase", "advance"], Some(2)),
    (
        &[
            "phase",
            "waive",
            "0.nosuch",
            "--owner",
            "me",
            "--reason",
            "why",
            "--until",
            "2027-01-01",
        ],
        Some(2),
    ),
    (
        &[
            "switch",
            "set",
            "etl.hoopr",
            "native",
            "--by",
            "me",
            "--why",
            "hurry",
        ],
        Some(2),
    ),
    (
        &[
            "switch",
            "set",
            "etl.hoopr",
            "canary 0%",
            "--by",
            "me",
            "--why",
            "hurry",
        ],
        Some(2),
    ),
    (
        &[
            "assumptions",
            "add",
            "mine",
            "--statement",
            "why not",
            "--evidence",
            "nosuch",
            "--owner",
            "me",
            "--until",
            "2027-01-01",
        ],
        Some(2),
    ),
    (
        &["switch", "queue", "../etc", "--by", "me", "--why", "hurry"],
        Some(2),
    ),
    (&["switch", "queue", "etl.hoopr"], Some(2)),
    (
        &[
            "switch",
            "set",
            "etl.espn.scraper",
            "shadow",
            "--by",
            "me",
            "--why",
            "hurry",
        ],
        Some(2),
    ),
    (&["phase", "cleanup", "--yes"], Some(2)),
    (&["phase", "cleanup", "--undo"], Some(2)),
    (
        &["phase", "shim", "../nosuch.py", "--to", "scripts.shared.pg"],
        Some(2),
    ),
    (&["phase", "watch", "--days", "0"], Some(2)),
    (&["backup", "verify", "nosuch"], Some(2)),
    (&["backup", "verify", "../nosuch"], Some(2)),
    (
        &["restore", "code", "nosuch", "--into", "{new}-none"],
        Some(2),
    ),
    (&["rollback", "run"], Some(2)),
    (&["state", "tests", "--", "no-such-program"], Some(2)),
    (&["guide", "9"], Some(2)),
    (&["ledger", "sign", "--key", "nosuch"], Some(2)),
    (&["state", "diff", "nosuch.json", "nosuch.json"], Some(2)),
    (&["health", "--baseline", "nosuch"], Some(2)),
    (&["health", "--baseline", "../escape"], Some(2)),
    (&["health", "--check", "nosuch"], Some(2)),
    (&["health", "--limit", "many"], Some(2)),
    (&["dashboard", "--baseline", "nosuch"], Some(2)),
    (&["check", "nosuch"], Some(2)),
    (&["check", "--waive"], Some(2)),
    (&["check", "db.nosuch"], Some(2)),
    (&["check", "db.connection", "twin_games"], Some(2)),
    (&["alerts", "ack", "db.nosuch", "--by", "me"], Some(2)),
    (&["alerts", "ack", "db.connection"], Some(2)),
    (&["alerts", "maintenance", "--minutes", "5"], Some(2)),
    (&["alerts", "maintenance", "--end", "1"], Some(2)),
    (&["alerts", "forget"], Some(2)),
    (&["report", "plot", "nosuch"], Some(2)),
    (&["dims", "verify", "nosuch"], Some(2)),
    (&["dims", "verify", "--hook", "nosuch"], Some(2)),
    (&["dims", "approve", "nosuch"], Some(2)),
    (&["dims", "compare", "nosuch"], Some(2)),
    (&["dims", "history", "nosuch"], Some(2)),
    (&["serve", "--listen", "0.0.0.0:0"], Some(2)),
    (&["serve", "--token-file", "nosuch"], Some(2)),
    (&["serve", "--proxy-header", "X-Forwarded-User"], Some(2)),
    (&["check", "--lake", "nosuch"], Some(2)),
    (&["dashboard", "--ticks", "2"], Some(2)),
    (&["dashboard", "--background", "--stop"], Some(2)),
    (&["dashboard", "--detached"], Some(2)),
    (&["baseline", "capture", "--name", "a/b"], Some(2)),
    (&["baseline", "show", "nosuch"], Some(2)),
    (&["baseline", "approve"], Some(2)),
    (&["baseline", "approve", "nosuch", "--review"], Some(2)),
    (
        &["baseline", "discard", "nosuch", "--reason", "none"],
        Some(2),
    ),
    (&["verify", "--baseline", "nosuch"], Some(2)),
    (&["verify", "nosuch"], Some(2)),
    (&["verify", "--scrub-within", "1h"], Some(2)),
    (&["verify", "--quick", "--scrub-within", "soon"], Some(2)),
    (&["verify", "--budget", "0%"], Some(2)),
    (&["db", "fingerprint", "nosuch"], Some(2)),
    (
        &["db", "fingerprint", "--diff", "nosuch", "nosuch"],
        Some(2),
    ),
    (&["db", "query", "selec 1"], Some(2)),
    (&["db", "query", "delete from games"], Some(2)),
    (&["db", "counts", "nosuch"], Some(2)),
    (&["db", "catalog", "nosuch"], Some(2)),
    (&["db", "compare"], Some(2)),
    (&["db", "compare", "games"], Some(2)),
    (&["db", "compare", "games", "games"], Some(2)),
    (&["db", "compare", "games", "nosuch"], Some(2)),
    (
        &["db", "compare", "games", "teams", "--key", "nosuch"],
        Some(2),
    ),
    (
        &["db", "compare", "games", "teams", "--tolerance", "a=-1"],
        Some(2),
    ),
    (&["db", "explain"], Some(2)),
    (&["db", "explain", "games"], Some(2)),
    (&["ledger", "show", "--limit", "-1"], Some(2)),
    (&["etl", "run"], Some(2)),
    (&["etl", "run", "--", "no-such-program"], Some(2)),
    (
        &["etl", "run", "--expect-rows", "nosuch", "--", "true"],
        Some(2),
    ),
    (&["etl", "inspect", "nosuch"], Some(2)),
    (&["etl", "probe", "nosuch"], Some(2)),
    (&["etl", "logs", "nosuch"], Some(2)),
    (
        &[
            "etl",
            "run",
            "scripts/etl/extract_pbp_local.py",
            "--",
            "--yaer",
            "1",
        ],
        Some(2),
    ),
    (
        &["etl", "run", "--expect", "birds:1", "--", "true"],
        Some(2),
    ),
    (&["lake", "inventory", "--path", "nosuch"], Some(2)),
    (&["lake", "diff", "nosuch", "nosuch"], Some(2)),
    (
        &["lake", "drill", "--against", "nosuch", "--path", "config"],
        Some(2),
    ),
    (
        &["lake", "verify", "--path", "nosuch", "--copy", "config"],
        Some(2),
    ),
    (
        &["lake", "get", "nosuch", "--path", "config", "--to", "x"],
        Some(2),
    ),
    (&["lake", "sync", "--path", "nosuch", "--to", "x"], Some(2)),
    (&["load", "espn", "nosuch"], Some(2)),
    (&["load", "hoopr", "config"], Some(2)),
    (&["testkit", "build"], Some(2)),
    (&["testkit", "build", "--data-dir", "config"], Some(2)),
    (&["testkit", "checkout", "config"], Some(2)),
    (&["demo", "--scale", "7"], Some(2)),
    (&["config", "nosuch"], Some(2)),
    (&["completions", "nosuch"], Some(2)),
    (&["--target", "nosuch", "db", "identity"], Some(2)),
    (
        &[
            "--target",
            "postgres://u:word-of-nobody@localhost/db",
            "db",
            "identity",
        ],
        Some(2),
    ),
    (&["--project", "/nonexistent", "health"], Some(2)),
];

/// Runs a sample with further flags in front.
#[track_caller]
pub(crate) fn run(place: &Place, flags: &[&str], (words, code): &Sample) -> Ran {
    let new = place
        .project
        .join(format!("new-{}", flags.len()))
        .display()
        .to_string();
    let soon = (chrono::Utc::now() + chrono::Duration::days(30))
        .format("%Y-%m-%d")
        .to_string();
    let words: Vec<String> = flags
        .iter()
        .chain(words.iter())
        .map(|word| word.replace("{new}", &new).replace("{soon}", &soon))
        .collect();
    let ran = place.nba(&words);
    match code {
        Some(code) => ran.exits(*code),
        None => ran,
    }
}

pub(crate) fn every_command_speaks_json(world: &World) {
    let place = world.project("json");
    let mut unseen = leaf_commands(&place);
    for sample in GOOD.iter().chain(RESTORES) {
        let ran = run(&place, &["--json"], sample);
        let document = ran.json();
        assert!(document.get("error").is_none(), "{ran}");
        unseen.retain(|command| !sample.0.join(" ").starts_with(command.as_str()));
    }
    for sample in BAD {
        let ran = run(&place, &["--json"], sample);
        let document = ran.json();
        assert_eq!(document["verdict"], "not_proven", "{ran}");
        assert!(
            document["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty()),
            "{ran}"
        );
        assert!(!ran.out.contains("word-of-nobody"), "{ran}");
        // In text the same is on standard error, and nothing on standard output.
        let text = run(&place, &[], sample);
        assert!(text.out.is_empty() && !text.err.is_empty(), "{text}");
        assert!(!text.err.contains("word-of-nobody"), "{text}");
    }
    // Stories of their own, with a lake of games.
    unseen.retain(|command| {
        !["boxscore ", "load ", "shadow "]
            .iter()
            .any(|group| command.starts_with(group))
    });
    assert_eq!(
        unseen,
        // `phase advance`, `rollback run` and `alerts ack` need evidence, which other stories gather; `serve` does not end.
        BTreeSet::from(
            [
                "alerts ack",
                "demo",
                "phase advance",
                "rollback run",
                "serve",
                "testkit build",
            ]
            .map(str::to_owned)
        )
    );
}

/// Every command that has none below it, from the program's own help.
fn leaf_commands(place: &Place) -> BTreeSet<String> {
    let mut leaves = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(command) = open.pop() {
        let below = commands_below(&help(place, &command).out);
        if below.is_empty() {
            leaves.insert(command.clone());
        }
        open.extend(
            below
                .iter()
                .map(|name| format!("{command} {name}").trim().to_owned()),
        );
    }
    assert!(leaves.len() > 20, "{leaves:?}");
    leaves
}

fn help(place: &Place, command: &str) -> Ran {
    let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
    place.nba(&words).exits(0)
}

/// Names in the overview or below `Commands:`: two spaces, a word, at least two spaces.
fn commands_below(help: &str) -> Vec<String> {
    if !help
        .lines()
        .any(|line| line.starts_with("Usage:") && line.ends_with("<COMMAND>"))
    {
        return Vec::new();
    }
    help.lines()
        .take_while(|line| !line.starts_with("Options:"))
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()))
        .collect()
}

/// Flags that need no example.
const EVERYWHERE: [&str; 7] = [
    "json", "quiet", "verbose", "project", "target", "log-file", "help",
];

#[test]
fn every_help_shows_an_example_or_has_nothing_to_show() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::empty(dir.path());
    assert!(help(&place, "").out.contains("Examples:"));
    for command in leaf_commands(&place) {
        let help = help(&place, &command).out;
        let flags = help
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with('-'))
            .filter_map(|line| line.split("--").nth(1)?.split([' ', '.']).next());
        let own: Vec<&str> = flags.filter(|flag| !EVERYWHERE.contains(flag)).collect();
        let trivial = own.is_empty() && !help.contains("Arguments:");
        assert!(
            trivial || help.contains("Example"),
            "`{command}` has {own:?} and no example:\n{help}"
        );
        assert!(help.contains("--json"), "{help}");
    }
}

#[test]
fn completions_are_scripts_their_shells_take() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::empty(dir.path());
    for shell in ["bash", "zsh", "fish"] {
        let script = place.nba(&["completions", shell]).exits(0);
        assert!(script.out.contains("inventory"), "{script}");
        let json = place.nba(&["completions", shell, "--json"]).exits(0).json();
        assert_eq!(
            json.as_str().map(str::trim_end),
            Some(script.out.trim_end())
        );
    }
    place.shell("nba completions bash | bash -n").exits(0);
    // The same question where the answer is no.
    assert_ne!(place.shell("nba completions fish | bash -n").code, Some(0));
}
