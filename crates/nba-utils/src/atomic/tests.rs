use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{FileError, NewFile, append_line, create, replace};
use crate::errors::Hint;
use crate::test_locks::wait_for_waiter;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn new_files_get_the_mode_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (name, new, expected) in [
        ("a", NewFile::Private, 0o600),
        ("b", NewFile::Readable, 0o644),
    ] {
        let path = folder.path().join(name);
        replace(&path, b"x", new).unwrap();
        assert_eq!(mode(&path), expected);
    }
    assert_eq!(names(folder.path()), ["a", "b"]);
}

#[test]
fn replaced_files_keep_their_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    replace(&path, b"new", NewFile::Private).unwrap();
    assert_eq!(
        (fs::read(&path).unwrap().as_slice(), mode(&path)),
        (b"new".as_slice(), 0o640)
    );
}

#[test]
fn readers_see_the_old_or_the_new_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (old, new) = (vec![b'o'; 200_000], vec![b'n'; 100_000]);
    replace(&path, &old, NewFile::Private).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..20 {
                replace(&path, &new, NewFile::Private).unwrap();
                replace(&path, &old, NewFile::Private).unwrap();
            }
        });
        while !writer.is_finished() {
            let seen = fs::read(&path).unwrap();
            assert!(seen == old || seen == new);
        }
    });
}

#[test]
fn only_regular_files_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    fs::write(&target, "legacy").unwrap();
    let link = folder.path().join("link");
    symlink(&target, &link).unwrap();
    for path in [link.as_path(), folder.path()] {
        let error = replace(path, b"new", NewFile::Private).unwrap_err();
        assert!(
            matches!(error, FileError::NotARegularFile { .. }),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
    assert_eq!(fs::read(&target).unwrap(), b"legacy");
    assert_eq!(names(folder.path()), ["link", "target"]);
}

#[test]
fn missing_folder_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/file");
    let error = replace(&path, b"x", NewFile::Private).unwrap_err();
    assert!(error.to_string().contains("no/such/file"));
    assert_eq!(error.hint().unwrap(), "create the folder first");
}

#[test]
fn create_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    create(&path, b"first", NewFile::Private).unwrap();
    let error = create(&path, b"second", NewFile::Private).unwrap_err();
    assert!(error.is_already_there(), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn appended_lines_are_whole_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for line in 0..10 {
                    append_line(path, &format!("{writer} {line}")).unwrap();
                }
            });
        }
    });
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 40);
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn appending_waits_for_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    append_line(&path, "first").unwrap();
    let held = fs::File::open(&path).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| append_line(&path, "second"));
        wait_for_waiter(&held);
        assert_eq!(fs::read(&path).unwrap(), b"first\n");
        held.unlock().unwrap();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(fs::read(&path).unwrap(), b"first\nsecond\n");
}

#[test]
fn torn_and_double_lines_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    assert!(matches!(
        append_line(&path, "a\nb"),
        Err(FileError::NotOneLine { .. })
    ));
    fs::write(&path, "whole\ntor").unwrap();
    assert!(matches!(
        append_line(&path, "next"),
        Err(FileError::TornLine { length: 9, .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), b"whole\ntor");
}
