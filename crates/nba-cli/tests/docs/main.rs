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
fn configuration() {
    check("docs/configuration.md");
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
fn replica() {
    check("docs/replica.md");
}

#[test]
fn no_page_with_commands_is_forgotten() {
    let checked = [
        "README.md",
        "configuration.md",
        "health.md",
        "invariants.md",
        "monitoring.md",
        "replica.md",
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
