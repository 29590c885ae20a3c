//! Runs every command that the README and the pages in `docs/` show, and holds the output they print against the real one.
//!
//! A fenced block marked `console` is run: lines starting with `$ ` are commands, the lines below are the expected output.
//! Figures and times differ from run to run, so digits are compared as one class; `…` alone on a line skips lines, at the
//! end of a line the rest of it.
//! Above a block, `<!-- exit 1 -->` names another exit status than 0, and `<!-- elsewhere: … -->` says which other
//! automation runs the block. All blocks of a page run in order and share folder and variables, in a legacy checkout whose
//! credentials point at a replica, or, after `<!-- starts in an empty folder -->`, in an empty folder.

mod page;
mod sandbox;

use page::{Block, Page};
use sandbox::Sandbox;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    for entry in std::fs::read_dir(root().join("docs"))
        .expect("docs/ exists")
        .map(|entry| entry.expect("readable"))
    {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "md")
        {
            pages.push(entry.path());
        }
    }
    pages.sort();
    pages
}

/// Runs all commands of one page.
fn check(name: &str) {
    let path = root().join(name);
    let page = Page::read(&path);
    let runnable: Vec<&Block> = page
        .blocks
        .iter()
        .filter(|block| block.elsewhere.is_none())
        .collect();
    assert!(!runnable.is_empty(), "no command was run");
    let sandbox = if page.starts_empty {
        Sandbox::without_replica()
    } else {
        Sandbox::new()
    };
    let mut failures = Vec::new();
    for block in runnable {
        for step in &block.steps {
            let outcome = sandbox.run(&step.command);
            if let Err(why) = step.judge(&outcome, block.exit) {
                failures.push(format!("{name}:{}: `{}`: {why}", step.line, step.command));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn readme() {
    check("README.md");
}

#[test]
fn compare() {
    check("docs/compare.md");
}

#[test]
fn boxscore() {
    check("docs/boxscore.md");
}

#[test]
fn configuration() {
    check("docs/configuration.md");
}

#[test]
fn backup() {
    check("docs/backup.md");
}

#[test]
fn safety() {
    check("docs/safety.md");
}

#[test]
fn etl() {
    check("docs/etl.md");
}

#[test]
fn lake() {
    check("docs/lake.md");
}

#[test]
fn load() {
    check("docs/load.md");
}

#[test]
fn health() {
    check("docs/health.md");
}

#[test]
fn invariants() {
    check("docs/invariants.md");
}

#[test]
fn monitoring() {
    check("docs/monitoring.md");
}

#[test]
fn dims() {
    check("docs/dims.md");
}

#[test]
fn replica() {
    check("docs/replica.md");
}

#[test]
fn verify() {
    check("docs/verify.md");
}

#[test]
fn no_page_with_commands_is_forgotten() {
    let checked = [
        "README.md",
        "compare.md",
        "backup.md",
        "boxscore.md",
        "configuration.md",
        "dims.md",
        "etl.md",
        "health.md",
        "invariants.md",
        "lake.md",
        "load.md",
        "monitoring.md",
        "replica.md",
        "verify.md",
        "safety.md",
    ];
    for path in pages() {
        let name = path
            .file_name()
            .expect("a page has a name")
            .to_string_lossy()
            .into_owned();
        let commands = Page::read(&path)
            .blocks
            .iter()
            .any(|block| block.elsewhere.is_none());
        assert_eq!(
            commands,
            checked.contains(&name.as_str()),
            "{name}: has commands, or a test, but not both"
        );
    }
}

#[test]
fn the_reference_of_settings_is_the_programs_own() {
    let page =
        std::fs::read_to_string(root().join("docs/configuration.md")).expect("readable page");
    let (_, written) = page
        .split_once("<!-- generated: nba config reference -->\n")
        .expect("the page has the mark");
    let outcome = Sandbox::without_replica().run("nba config reference");
    assert_eq!(
        written.trim(),
        outcome.output.trim(),
        "put the output of `nba config reference` below the mark"
    );
}

#[test]
fn a_page_that_promises_too_much_is_refused() {
    let page =
        Page::parse("```console\n$ echo 12 tables\n14 tables\n$ echo one\ntwo\n$ false\n```\n");
    let sandbox = Sandbox::without_replica();
    let verdicts: Vec<bool> = page.blocks[0]
        .steps
        .iter()
        .map(|step| step.judge(&sandbox.run(&step.command), 0).is_ok())
        .collect();
    assert_eq!(verdicts, [true, false, false]);
}

#[test]
fn every_shell_block_is_run_or_says_who_runs_it() {
    for path in pages() {
        let text = std::fs::read_to_string(&path).expect("readable page");
        for (number, line) in text.lines().enumerate() {
            let unchecked = ["```sh", "```bash", "```shell"].contains(&line.trim());
            assert!(
                !unchecked,
                "{}:{}: a shell block nobody runs; mark it `console`",
                path.display(),
                number + 1
            );
        }
    }
}

/// Ids of the monitoring dossier, 6.1 to 6.21: prefix and how many.
const PLAN: [(&str, u32); 22] = [
    ("SA", 16),
    ("SD", 14),
    ("SE", 11),
    ("SP", 11),
    ("SQ", 10),
    ("SC", 7),
    ("SV", 4),
    ("SR", 5),
    ("SM", 17),
    ("SL", 6),
    ("SF", 4),
    ("SX", 8),
    ("ST", 7),
    ("SN", 8),
    ("SY", 8),
    ("SB", 8),
    ("SU", 8),
    ("SW", 16),
    ("SK", 13),
    ("GA", 12),
    ("GB", 16),
    ("GC", 69),
];

/// The failures whose replay belongs to safety.
const FAILURES: [&str; 15] = [
    "F01", "F02", "F03", "F10", "F14", "F18", "F19", "F20", "F21", "F22", "F25", "F26", "F27",
    "F28", "F33",
];

#[test]
fn the_coverage_of_the_plan_is_complete_and_names_what_exists() {
    let text = std::fs::read_to_string(root().join("docs/coverage.md")).expect("readable page");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| id "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let wanted = PLAN
        .iter()
        .flat_map(|(prefix, count)| (1..=*count).map(move |number| format!("{prefix}{number}")))
        .chain(FAILURES.map(str::to_owned));
    for id in wanted {
        let found = rows.iter().filter(|row| row[0] == id).count();
        assert_eq!(found, 1, "{id} stands {found} times in docs/coverage.md");
    }
    let sandbox = Sandbox::without_replica();
    let sources = sources(&["crates/nba-migration"]);
    let tests = sources.clone() + &self::sources(&["crates/nba-cli/tests/it"]);
    let mut commands = std::collections::BTreeSet::new();
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        let how = row[2];
        assert!(!how.is_empty(), "{row:?}");
        for (index, named) in how
            .split('`')
            .enumerate()
            .filter(|(index, _)| index % 2 == 1)
        {
            if let Some(words) = named.strip_prefix("nba ") {
                let command: Vec<&str> = words
                    .split_whitespace()
                    .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
                    .take(2)
                    .collect();
                commands.insert(command.join(" "));
            }
            let before = how.split('`').nth(index - 1).unwrap_or_default();
            if before.trim_end().ends_with("test") || before.trim_end().ends_with("Test") {
                assert!(
                    tests.contains(&format!("fn {named}(")),
                    "{}: no test `{named}`",
                    row[0]
                );
            }
            if before.trim_end().ends_with("gate") || before.trim_end().ends_with("gates") {
                let gate = named.trim_end_matches('*');
                assert!(
                    sources.contains(&format!("\"{gate}")),
                    "{}: no gate `{named}`",
                    row[0]
                );
            }
        }
    }
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let outcome = sandbox.run(&format!("nba {command} --help"));
        assert_eq!(outcome.code, Some(0), "`nba {command}`: {}", outcome.output);
    }
}

/// The text of all Rust sources below these folders.
fn sources(folders: &[&str]) -> String {
    let mut text = String::new();
    let mut open: Vec<_> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable folder") {
            let path = entry.expect("readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text.push_str(&std::fs::read_to_string(&path).expect("readable source"));
            }
        }
    }
    text
}
