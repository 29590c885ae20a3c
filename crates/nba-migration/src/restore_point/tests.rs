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
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A checkout with every kind of uncommitted work, and a hook that would betray us.
fn busy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    git(at, &["init", "-q", "-b", "main"]);
    for name in [
        "kept",
        "edited",
        "staged",
        "deleted",
        "hidden",
        "marked*.txt",
        "sub/nested",
    ] {
        write(at, name, &format!("{name} 1\n"));
    }
    write(at, ".gitignore", "logs/\n*.pyc\n");
    write(at, "config.key", "old key\n");
    git(at, &["add", "-A"]);
    git(at, &["commit", "-qm", "first"]);
    write(at, "edited", "edited 2\n");
    write(at, "staged", "staged 2\n");
    git(at, &["add", "staged"]);
    write(at, "staged", "staged 3\n");
    fs::remove_file(at.join("deleted")).unwrap();
    git(at, &["update-index", "--assume-unchanged", "hidden"]);
    write(at, "hidden", "hidden 2\n");
    write(at, "new ünïcode", "new\n");
    write(at, "logs/today", "ignored\n");
    write(at, "logs/forced", "forced\n");
    git(at, &["add", "-f", "logs/forced"]);
    write(at, ".env", "DB_PASSWORD=x\n");
    write(at, ".env.example", "DB_PASSWORD=\n");
    write(at, "config.key", "new key\n");
    write(at, "notes.txt", "aws key AKIAIOSFODNN7EXAMPLE here\n");
    write(at, "large.csv", &"x".repeat(2048));
    std::os::unix::fs::symlink("kept", at.join("link")).unwrap();
    write(
        at,
        ".git/hooks/reference-transaction",
        "#!/bin/sh\ntouch hook-ran\n",
    );
    {
        use std::os::unix::fs::PermissionsExt as _;
        let hook = at.join(".git/hooks/reference-transaction");
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    dir
}

fn options() -> Options {
    Options {
        max_untracked_bytes: 1024,
        ..Options::new("before phase 1")
    }
}

#[test]
fn everything_is_in_it_and_nothing_else_changes() {
    let dir = busy();
    let at = dir.path();
    let head = git(at, &["rev-parse", "HEAD"]);
    let status = git(at, &["status", "--porcelain"]);
    let tree = TreeFingerprint::of(at, &Excludes::new([".git"]).unwrap()).unwrap();
    let index = fs::read(at.join(".git/index")).unwrap();

    let point = create(at, &options()).unwrap();
    assert_eq!(point.verdict, Verdict::Proven);

    // By our own eyes, not by the report's.
    assert_eq!(git(at, &["status", "--porcelain"]), status);
    assert_eq!(git(at, &["rev-parse", "HEAD"]), head);
    assert_eq!(git(at, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(fs::read(at.join(".git/index")).unwrap(), index);
    let later = TreeFingerprint::of(at, &Excludes::new([".git"]).unwrap()).unwrap();
    assert!(tree.diff(&later).unwrap().is_empty());
    assert!(!at.join("hook-ran").exists() && !at.join(".git/hook-ran").exists());

    assert_eq!(point.base.as_deref(), Some(head.as_str()));
    assert_eq!(git(at, &["cat-file", "-t", &point.tag]), "tag", "annotated");
    assert_eq!(
        git(at, &["rev-parse", &format!("{}^{{commit}}", point.tag)]),
        point.commit
    );
    assert_eq!(git(at, &["rev-parse", &format!("{}^", point.commit)]), head);
    let show = |name: &str| git(at, &["show", &format!("{}:{name}", point.commit)]);
    for (name, text) in [
        ("edited", "edited 2"),
        ("staged", "staged 3"),
        ("hidden", "hidden 2"),
        ("new ünïcode", "new"),
        ("logs/forced", "forced"),
        (".env.example", "DB_PASSWORD="),
        ("config.key", "old key"),
        ("link", "kept"),
    ] {
        assert_eq!(show(name), text, "{name}");
    }
    let names = git(at, &["ls-tree", "-r", "-z", "--name-only", &point.commit]);
    for absent in ["deleted", "logs/today", ".env", "notes.txt", "large.csv"] {
        assert!(!names.split('\0').any(|name| name == absent), "{absent}");
    }
    let mut left_out: Vec<(&str, &str)> = point
        .left_out
        .iter()
        .map(|one| (one.path.as_str(), one.why.as_str()))
        .collect();
    left_out.sort_unstable();
    assert_eq!(
        left_out,
        [
            (".env", "its name is that of a file with secrets"),
            (
                "config.key",
                "its name is that of a file with secrets; its committed version is kept"
            ),
            ("large.csv", "it is larger than 1.0 KiB"),
            ("notes.txt", "it holds an access key of AWS"),
        ]
    );
    assert!(
        point.ignored.iter().any(|path| path.starts_with("logs")),
        "{:?}",
        point.ignored
    );

    // Another one in the same second gets a name of its own; no tag is ever moved.
    let mut again = options();
    again.now = options().now;
    let first = create(at, &again).unwrap();
    let second = create(at, &again).unwrap();
    assert_ne!(first.tag, second.tag);
    assert_eq!(first.tree, second.tree);
}

#[test]
fn a_clean_checkout_is_tagged_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    let nothing = create(dir.path(), &options());
    assert!(nothing.is_ok(), "before the first commit: {nothing:?}");
    write(dir.path(), "a", "1");
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "first"]);
    let point = create(dir.path(), &options()).unwrap();
    assert_eq!(point.commit, git(dir.path(), &["rev-parse", "HEAD"]));
    assert!(point.uncommitted.is_empty());
    let inside = dir.path().join("inside");
    fs::create_dir(&inside).unwrap();
    assert!(
        create(&inside, &options()).is_err(),
        "a folder in somebody else's repository"
    );
}

#[test]
fn code_comes_back_beside_and_in_place() {
    let dir = busy();
    let at = dir.path();
    let point = create(at, &options()).unwrap();
    let status = git(at, &["status", "--porcelain"]);

    let beside = tempfile::tempdir().unwrap();
    let into = beside.path().join("old");
    let restored = restore_beside(at, &point.tag, &into).unwrap();
    assert_eq!(restored.verdict, Verdict::Proven);
    assert_eq!(
        fs::read_to_string(into.join("staged")).unwrap(),
        "staged 3\n"
    );
    assert!(!into.join(".env").exists());
    assert_eq!(git(at, &["status", "--porcelain"]), status);
    assert!(matches!(
        restore_beside(at, &point.tag, &into),
        Err(RestorePointError::NotEmpty { .. })
    ));
    for name in ["nosuch", "--all", "HEAD..main", ""] {
        let error = restore_beside(at, name, &beside.path().join("x"));
        assert!(
            matches!(error, Err(RestorePointError::Unknown { .. })),
            "{name}"
        );
    }

    // Work goes on, and goes wrong.
    write(at, "edited", "broken\n");
    write(at, "wrong.py", "import nothing\n");
    fs::remove_file(at.join("kept")).unwrap();
    let restored = restore_in_place(at, &point.commit).unwrap();
    assert_eq!(restored.verdict, Verdict::Proven);
    assert_eq!(fs::read_to_string(at.join("edited")).unwrap(), "edited 2\n");
    assert_eq!(fs::read_to_string(at.join("kept")).unwrap(), "kept 1\n");
    assert!(!at.join("wrong.py").exists());
    assert_eq!(
        fs::read_to_string(at.join(".env")).unwrap(),
        "DB_PASSWORD=x\n",
        "left out, left alone"
    );
    assert_eq!(git(at, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    // And the way back from the way back.
    let undone = restore_in_place(at, &restored.before.unwrap().commit).unwrap();
    assert_eq!(undone.verdict, Verdict::Proven);
    assert_eq!(
        fs::read_to_string(at.join("wrong.py")).unwrap(),
        "import nothing\n"
    );
}
