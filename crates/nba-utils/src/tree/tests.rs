use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    Entry, Excludes, TreeError, TreeFingerprint, TreeMemory, UNSETTLED, path_of_text, text_of_path,
};
use crate::digest::Digest;
use crate::errors::Hint;

fn legacy_checkout() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("scripts/etl")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("scripts/etl/load.py"), "print(1)\n").unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o755)).unwrap();
    symlink("scripts/etl/load.py", root.join("latest")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    folder
}

fn of(folder: &TempDir) -> TreeFingerprint {
    TreeFingerprint::of(folder.path(), &Excludes::none()).unwrap()
}

/// Takes fingerprints around `change` and compares the difference.
fn check(change: impl FnOnce(&Path), expected: &[&str]) {
    let folder = legacy_checkout();
    let before = of(&folder);
    change(folder.path());
    let after = of(&folder);
    let diff = before.diff(&after).unwrap();
    assert_eq!(diff.lines().collect::<Vec<_>>(), expected);
    assert_eq!(before.root() == after.root(), expected.is_empty());
    assert_eq!(diff.verdict().is_proven(), expected.is_empty());
    assert_eq!(diff.len(), expected.len());
}

#[test]
fn every_planted_change_is_found() {
    check(|_| {}, &[]);
    check(
        |root| fs::write(root.join("scripts/etl/load.py"), "print(2)\n").unwrap(),
        &["~ scripts/etl/load.py: contents"],
    );
    check(
        |root| fs::write(root.join("run.sh"), "").unwrap(),
        &["~ run.sh: size 10 became 0, contents"],
    );
    check(
        |root| fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o644)).unwrap(),
        &["~ run.sh: mode 0755 became 0644"],
    );
    check(
        |root| fs::remove_file(root.join("run.sh")).unwrap(),
        &["- run.sh"],
    );
    check(
        |root| fs::remove_dir(root.join("empty")).unwrap(),
        &["- empty"],
    );
    check(|root| fs::write(root.join("new"), "").unwrap(), &["+ new"]);
    check(
        |root| fs::rename(root.join("run.sh"), root.join("go.sh")).unwrap(),
        &["- run.sh", "+ go.sh"],
    );
    check(
        |root| {
            fs::remove_file(root.join("latest")).unwrap();
            symlink("run.sh", root.join("latest")).unwrap();
        },
        &["~ latest: target scripts/etl/load.py became run.sh"],
    );
    check(
        |root| {
            fs::remove_file(root.join("latest")).unwrap();
            fs::copy(root.join("scripts/etl/load.py"), root.join("latest")).unwrap();
        },
        &["~ latest: link became file"],
    );
}

#[test]
fn touching_and_copying_change_nothing() {
    check(
        |root| {
            let text = fs::read(root.join("run.sh")).unwrap();
            fs::write(root.join("run.sh"), text).unwrap();
        },
        &[],
    );
    assert_eq!(of(&legacy_checkout()), of(&legacy_checkout()));
}

#[test]
fn links_are_not_followed_and_sockets_not_opened() {
    let folder = legacy_checkout();
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    symlink("..", folder.path().join("empty/loop")).unwrap();
    let tree = of(&folder);
    let kinds: Vec<_> = tree
        .entries()
        .iter()
        .map(|(path, entry)| (path.as_str(), entry.kind()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("dangling", "link"),
            ("empty", "folder"),
            ("empty/loop", "link"),
            ("latest", "link"),
            ("run.sh", "file"),
            ("scripts", "folder"),
            ("scripts/etl", "folder"),
            ("scripts/etl/load.py", "file"),
            ("socket", "special"),
        ]
    );
    assert_eq!(tree.bytes(), 19);
}

#[test]
fn excludes_follow_gitignore() {
    let folder = legacy_checkout();
    let root = folder.path();
    for file in ["a.log", "keep.log", "scripts/b.log", "scripts/run.sh"] {
        fs::write(root.join(file), "").unwrap();
    }
    let excludes =
        Excludes::new(["*.log", "!keep.log", "/run.sh", "etl/", "# a comment", ""]).unwrap();
    let tree = TreeFingerprint::of(root, &excludes).unwrap();
    let paths: Vec<_> = tree.entries().keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "dangling",
            "empty",
            "keep.log",
            "latest",
            "scripts",
            "scripts/run.sh"
        ]
    );
    let all = of(&folder);
    assert!(matches!(
        all.diff(&tree),
        Err(TreeError::DifferentExcludes { .. })
    ));
    assert!(matches!(
        Excludes::new(["[z-a]"]),
        Err(TreeError::Pattern { .. })
    ));
}

#[test]
fn json_round_trip_and_tampering() {
    let tree = of(&legacy_checkout());
    let json = serde_json::to_string(&tree).unwrap();
    assert!(
        json.contains(r#""run.sh":{"kind":"file","mode":"0755","size":10,"blake3":""#),
        "{json}"
    );
    assert_eq!(
        serde_json::from_str::<TreeFingerprint>(&json).unwrap(),
        tree
    );
    for (from, to) in [
        ("\"size\":10", "\"size\":11"),
        ("0755", "0777"),
        ("\"run.sh\"", "\"ran.sh\""),
        ("/nowhere", "/there"),
    ] {
        let error = serde_json::from_str::<TreeFingerprint>(&json.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains("altered"), "{from}: {error}");
    }
    assert!(serde_json::from_str::<TreeFingerprint>(&json.replace("0755", "0855")).is_err());
}

#[test]
fn root_digest_knows_the_kind() {
    let mode = super::Mode::from_bits(0o755);
    let root = |entry: Entry| {
        TreeFingerprint::assemble(Vec::new(), [("path".to_owned(), entry)].into()).root()
    };
    assert_ne!(root(Entry::Folder { mode }), root(Entry::Special { mode }));
}

#[test]
fn whatever_cannot_be_read_is_an_error() {
    let folder = legacy_checkout();
    let file = folder.path().join("run.sh");
    assert!(matches!(
        TreeFingerprint::of(&file, &Excludes::none()),
        Err(TreeError::NotAFolder { .. })
    ));
    let error = TreeFingerprint::of(&folder.path().join("no"), &Excludes::none()).unwrap_err();
    assert!(error.to_string().contains("/no`"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn file_whose_size_does_not_hold_is_an_error() {
    // the kernel gives its size as 0, so what was read is never what was announced
    let error = super::read_entry(Path::new("/proc/self/status")).unwrap_err();
    assert!(matches!(error, TreeError::Changing { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn long_diffs_are_cut_in_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let before = of(&folder);
    for number in 0..25 {
        fs::write(folder.path().join(format!("{number:02}")), "").unwrap();
    }
    let verdict = before.diff(&of(&folder)).unwrap().verdict();
    assert_eq!(verdict.reasons().len(), 21);
    assert_eq!(verdict.reasons()[20], "and 5 more paths");
}

#[test]
fn names_that_are_not_utf_8_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    for name in [b"caf\xe9".as_slice(), "café".as_bytes(), b"caf\\xe9"] {
        fs::write(folder.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    let tree = of(&folder);
    assert_eq!(
        tree.entries().keys().collect::<Vec<_>>(),
        ["caf\\\\xe9", "caf\\xe9", "café"]
    );
    assert!(
        tree.entries()
            .values()
            .all(|entry| matches!(entry, Entry::File { size: 0, .. }))
    );
}

proptest! {
    #[test]
    fn path_text_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let path = Path::new(OsStr::from_bytes(&bytes));
        let read_back = path_of_text(&text_of_path(path));
        prop_assert_eq!(read_back.as_deref(), Some(path));
    }

    #[test]
    fn any_path_text_is_read_or_refused(text in ".{0,12}", near in "[a\\\\xf0-9]{0,10}") {
        for text in [text, near] {
            if let Some(path) = path_of_text(&text) {
                prop_assert_eq!(text_of_path(&path), text);
            }
        }
    }
}

mod again {
    use super::*;

    /// A tree of ten files whose last change is some seconds ago.
    fn settled() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..10 {
            fs::write(folder.path().join(format!("{number}.py")), "print(1)").unwrap();
        }
        std::thread::sleep(UNSETTLED + Duration::from_millis(1_100));
        folder
    }

    fn look(folder: &Path, memory: &mut TreeMemory) -> Digest {
        let tree = TreeFingerprint::again(folder, &Excludes::none(), memory).unwrap();
        let whole = TreeFingerprint::of(folder, &Excludes::none()).unwrap();
        assert_eq!(tree, whole, "the same as when everything is read");
        tree.root()
    }

    #[test]
    fn only_what_changed_is_read_again_and_a_time_that_is_set_back_hides_nothing() {
        let folder = settled();
        let mut memory = TreeMemory::default();
        let first = look(folder.path(), &mut memory);
        assert_eq!((memory.known(), memory.read()), (10, 10));
        assert_eq!(look(folder.path(), &mut memory), first);
        assert_eq!((memory.known(), memory.read()), (10, 0), "nothing is read");
        // Other contents of the same length, and the time of modification as it was.
        let path = folder.path().join("3.py");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "print(2)").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(before)
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert_ne!(look(folder.path(), &mut memory), first);
        assert_eq!(memory.read(), 1);
        // So young a file is read each time: another change could have the same time.
        look(folder.path(), &mut memory);
        assert_eq!((memory.known(), memory.read()), (9, 1));
        // Another file under the old name, another mode, a file that is gone, one that is a folder now.
        fs::remove_file(folder.path().join("4.py")).unwrap();
        fs::create_dir(folder.path().join("4.py")).unwrap();
        fs::remove_file(folder.path().join("5.py")).unwrap();
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path().join("6.py"), mode).unwrap();
        fs::write(folder.path().join("new"), "print(1)").unwrap();
        fs::rename(folder.path().join("new"), folder.path().join("7.py")).unwrap();
        look(folder.path(), &mut memory);
        assert_eq!(memory.known(), 5, "0, 1, 2, 8 and 9 are as they were");
    }

    #[test]
    fn a_tree_that_cannot_be_read_leaves_nothing_to_rely_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = TreeMemory {
            read: 1,
            ..TreeMemory::default()
        };
        let gone = folder.path().join("gone");
        TreeFingerprint::again(&gone, &Excludes::none(), &mut memory).unwrap_err();
        assert_eq!((memory.known(), memory.read()), (0, 0));
    }
}
