use std::process::Command;

use super::*;

fn git(folder: &Path, arguments: &[&str]) {
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
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn checkout() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    git(at, &["init", "-q", "-b", "main"]);
    write(at, "nba_simulator/__init__.py", "");
    write(
        at,
        "nba_simulator/etl/__init__.py",
        "from .base import Scraper\n",
    );
    write(
        at,
        "nba_simulator/etl/base.py",
        "import os, sys\nimport json as j\nfrom nba_simulator.database import connect  # pool\n",
    );
    write(
        at,
        "nba_simulator/database.py",
        "\"\"\"Text.\n\nimport nothing.at.all\n\"\"\"\nimport psycopg2\n",
    );
    write(
        at,
        "scripts/backup/snapshot.py",
        "import helper\nfrom nba_simulator import database\nfrom nba_simulator.database import connect\n",
    );
    write(
        at,
        "scripts/backup/helper.py",
        "try:\n    from nba_simulator.extras import x\nexcept ImportError:\n    x = None\n",
    );
    git(at, &["add", "-A"]);
    git(at, &["commit", "-qm", "all"]);
    dir
}

fn said(at: &Path) -> Vec<String> {
    check(at).unwrap().verdict.reasons().to_vec()
}

#[test]
fn imports_that_lead_somewhere_are_proven_and_guarded_ones_remarked() {
    let dir = checkout();
    let report = check(dir.path()).unwrap();
    assert_eq!(report.verdict, Verdict::Proven);
    assert_eq!(report.files, 6);
    let [guarded] = report.broken.as_slice() else {
        panic!("{:?}", report.broken)
    };
    assert!(guarded.guarded && guarded.module == "nba_simulator.extras");
}

/// F20: unresolved imports within the package, at a commit called production ready.
#[test]
fn f20_an_import_of_a_module_that_is_not_there_is_refuted() {
    let dir = checkout();
    write(
        dir.path(),
        "nba_simulator/etl/new.py",
        "def f():\n    from nba_simulator.monitoring import health\n    from ..nosuch import y\n    from .... import z\n    from ... import z\n",
    );
    git(dir.path(), &["add", "-A"]);
    assert_eq!(
        said(dir.path()),
        [
            "nba_simulator/etl/new.py:2: `nba_simulator.monitoring` is not there",
            "nba_simulator/etl/new.py:3: `nba_simulator.nosuch` is not there",
            "nba_simulator/etl/new.py:4: `....` is not there",
            "nba_simulator/etl/new.py:5: `...` is not there",
        ]
    );
}

/// F21: 22 scrapers imported a package that was on one disk and in no commit.
#[test]
fn f21_a_module_that_is_only_on_this_disk_is_refuted() {
    let dir = checkout();
    write(dir.path(), ".gitignore", "config/\n");
    write(dir.path(), "nba_simulator/etl/config/__init__.py", "");
    write(
        dir.path(),
        "nba_simulator/etl/scraper.py",
        "from nba_simulator.etl.config import Config\n",
    );
    git(dir.path(), &["add", "-A"]);
    assert_eq!(
        said(dir.path()),
        [
            "nba_simulator/etl/scraper.py:1: `nba_simulator.etl.config` is on this disk and not in git"
        ]
    );
}

/// F22: a module was deleted, and a tool outside of its package broke.
#[test]
fn f22_a_deleted_module_is_missed_by_scripts_outside_of_its_package() {
    let dir = checkout();
    git(dir.path(), &["rm", "-q", "nba_simulator/database.py"]);
    let said = said(dir.path());
    assert!(
        said.contains(
            &"scripts/backup/snapshot.py:3: `nba_simulator.database` is not there".to_owned()
        ),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|line| line.starts_with("nba_simulator/etl/base.py:3")),
        "{said:?}"
    );
}

/// A package is there, and what is taken from it is neither in it nor a module of it.
#[test]
fn a_name_that_a_package_does_not_have_is_refuted() {
    let dir = checkout();
    write(
        dir.path(),
        "scripts/use.py",
        "from nba_simulator import database, config\nfrom nba_simulator.etl import Scraper, base\nfrom nba_simulator.etl.base import anything\n",
    );
    write(
        dir.path(),
        "nba_simulator/etl/run.py",
        "from . import base, gone\nfrom .. import database\n",
    );
    git(dir.path(), &["add", "-A"]);
    assert_eq!(
        said(dir.path()),
        [
            "nba_simulator/etl/run.py:1: `nba_simulator.etl.gone` is not there",
            "scripts/use.py:1: `nba_simulator.config` is not there"
        ]
    );
    // It is there and works, on this disk.
    write(dir.path(), "nba_simulator/config.py", "");
    assert_eq!(
        said(dir.path())[1],
        "scripts/use.py:1: `nba_simulator.config` is on this disk and not in git"
    );
    // The package defines it itself, or may define anything.
    write(dir.path(), "nba_simulator/__init__.py", "config = {}\n");
    write(
        dir.path(),
        "nba_simulator/etl/__init__.py",
        "from .base import *\n",
    );
    assert_eq!(said(dir.path()), Vec::<String>::new());
}

#[test]
fn nothing_to_look_at_is_not_proven() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    assert_eq!(check(dir.path()).unwrap().verdict.exit_code(), 2);
    assert!(check(&dir.path().join("nosuch")).is_err());
}
