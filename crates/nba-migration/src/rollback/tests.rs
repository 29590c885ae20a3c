use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.invalid",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .env("GIT_COMMITTER_DATE", "2025-10-26T12:00:00Z")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn checkout() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    fs::write(folder.path().join("a"), "1").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "first"]);
    let commit = git(folder.path(), &["rev-parse", "HEAD"]);
    (folder, commit)
}

fn step<'a>(plan: &'a RollbackPlan, part: &str) -> &'a Step {
    plan.steps
        .iter()
        .find(|step| step.action.contains(part))
        .unwrap()
}

#[test]
fn the_exact_commit_behind_each_tag_is_named() {
    let (folder, commit) = checkout();
    git(
        folder.path(),
        &["tag", "-a", "pre-refactor-20251026", "-m", "before"],
    );
    git(folder.path(), &["tag", "unrelated"]);
    fs::write(folder.path().join("a"), "2").unwrap();
    let plan = plan(folder.path(), None);
    let checkout = plan.checkout.as_ref().unwrap();
    assert_eq!(checkout.restore_points.len(), 1);
    let point = &checkout.restore_points[0];
    assert_eq!(
        (point.tag.as_str(), point.commit.as_str(), point.annotated),
        ("pre-refactor-20251026", commit.as_str(), true)
    );
    assert_eq!(checkout.changed_files, 1);
    let code = step(&plan, "bring the code back");
    assert_eq!(code.need, Need::Needed);
    assert_eq!(code.command, Some(format!("git switch --detach {commit}")));
    assert!(code.why.contains("1 changed file"));
}

#[test]
fn an_unchanged_checkout_at_the_tag_needs_nothing() {
    let (folder, commit) = checkout();
    git(folder.path(), &["tag", "pre-refactor-x"]);
    let plan = plan(folder.path(), None);
    assert_eq!(
        plan.checkout.as_ref().unwrap().head.as_deref(),
        Some(commit.as_str())
    );
    assert!(!plan.checkout.as_ref().unwrap().restore_points[0].annotated);
    assert_eq!(step(&plan, "bring the code back").need, Need::NotNeeded);
}

#[test]
fn no_checkout_and_no_tag_are_said() {
    let empty = tempfile::tempdir().unwrap();
    let nothing = plan(empty.path(), None);
    assert!(nothing.checkout.is_err());
    assert_eq!(step(&nothing, "bring the code back").need, Need::Unknown);
    let (folder, _) = checkout();
    let untagged = plan(folder.path(), None);
    assert_eq!(step(&untagged, "bring the code back").need, Need::Blocked);
    assert!(
        untagged
            .verdict
            .reasons()
            .iter()
            .any(|reason| reason.contains("no tag `pre-refactor-*`"))
    );
}

#[test]
fn backups_are_listed_and_never_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    fs::create_dir_all(backups.join("2025-10-30")).unwrap();
    fs::write(backups.join("2025-10-30/full.dump"), b"PGDMP\x01\x0e").unwrap();
    fs::write(
        backups.join("pre_refactor.sql"),
        b"--\n-- PostgreSQL database dump\n--\n",
    )
    .unwrap();
    fs::write(backups.join("empty.sql"), b"").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", backups.join("link.sql")).unwrap();
    let plan = plan(folder.path(), None);
    let mut kinds: Vec<&str> = plan
        .backups
        .iter()
        .map(|backup| backup.kind.as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["custom-format dump", "empty file", "plain SQL dump"]
    );
    assert_eq!(plan.exit_code(), 2);
    assert!(
        plan.verdict.reasons()[0].contains("none of the 3 backups was ever restored"),
        "{}",
        plan.verdict
    );
    assert!(render_text(&plan).contains("full.dump"));
}
