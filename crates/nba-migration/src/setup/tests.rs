use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};

use super::*;

fn checkout() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let checkout = LegacyCheckout::build(dir.path(), &LegacyOptions::default()).unwrap();
    let project = checkout.project();
    (dir, project)
}

/// Everything but git's own files; with them, the index's times would differ.
fn fingerprint(project: &Path) -> TreeFingerprint {
    TreeFingerprint::of(project, &Excludes::new([".git"]).unwrap()).unwrap()
}

#[test]
fn it_adds_and_changes_nothing_and_can_be_taken_back() {
    let (_dir, project) = checkout();
    let original = fingerprint(&project);
    let planned = plan(&project).unwrap();
    assert!(planned.iter().all(|item| item.state == ItemState::Missing));
    assert!(
        original.diff(&fingerprint(&project)).unwrap().is_empty(),
        "planning changes nothing"
    );

    let report = apply(&project).unwrap();
    assert_eq!(report.verdict, Verdict::Proven);
    assert_eq!(report.added.len(), planned.len());
    let diff = original.diff(&fingerprint(&project)).unwrap();
    assert!(
        diff.removed.is_empty() && diff.changed.is_empty(),
        "{diff:?}"
    );
    // The state, backups and logs are ignored without a word in the project's own rules.
    let git = crate::git::Git::new(&project);
    assert_eq!(
        git.text(&["status", "--porcelain"]).unwrap(),
        "?? nba.toml\n?? nba/\n"
    );

    // Twice is once.
    let first = fingerprint(&project);
    let again = apply(&project).unwrap();
    assert_eq!((again.verdict, again.added), (Verdict::Proven, Vec::new()));
    assert!(first.diff(&fingerprint(&project)).unwrap().is_empty());

    let undone = undo(&project).unwrap();
    assert_eq!(undone.kept, []);
    assert!(original.diff(&fingerprint(&project)).unwrap().is_empty());
    assert!(matches!(undo(&project), Err(SetupError::NotSetUp { .. })));
}

#[test]
fn what_is_there_is_left_alone_before_and_after() {
    let (_dir, project) = checkout();
    fs::create_dir(project.join("backups")).unwrap();
    fs::write(project.join("backups/old.dump"), "PGDMP").unwrap();
    fs::write(project.join("nba.toml"), "[pool]\n").unwrap();
    let report = apply(&project).unwrap();
    assert_eq!(report.verdict.exit_code(), 2, "{}", report.verdict);
    assert!(report.verdict.reasons()[0].contains("`nba.toml` was there already"));
    assert_eq!(
        fs::read_to_string(project.join("nba.toml")).unwrap(),
        "[pool]\n"
    );

    fs::write(project.join("nba/README.md"), "mine now").unwrap();
    fs::write(project.join(".nba/ledger.jsonl"), "evidence").unwrap();
    let undone = undo(&project).unwrap();
    let kept: Vec<&str> = undone
        .kept
        .iter()
        .filter_map(|(path, _)| path.to_str())
        .collect();
    assert_eq!(kept, ["nba/README.md", "nba", ".nba"]);
    assert_eq!(
        fs::read_to_string(project.join("backups/old.dump")).unwrap(),
        "PGDMP"
    );
    assert!(project.join(".nba/ledger.jsonl").exists());
}

/// A crash after every single addition: the next run completes it, an undo removes it.
#[test]
fn a_crash_between_any_two_steps_is_completed_or_undone() {
    let (_dir, project) = checkout();
    let original = fingerprint(&project);
    let pieces = content::pieces();
    for done in 0..=pieces.len() {
        // What a run that was killed after `done` additions leaves.
        let leave = || {
            make_folder(&project.join(STATE)).unwrap();
            let items = pieces
                .iter()
                .map(|piece| JournalItem {
                    path: piece.path.into(),
                    blake3: piece.file.map(|text| Digest::of(text.as_bytes())),
                })
                .collect();
            let started_at = Utc::now();
            write_journal(&project, &Journal { started_at, items }).unwrap();
            for piece in pieces.iter().take(done) {
                match piece.file {
                    None => make_folder(&project.join(piece.path)).unwrap(),
                    Some(text) => fs::write(project.join(piece.path), text).unwrap(),
                }
            }
        };
        leave();
        undo(&project).unwrap();
        assert!(
            original.diff(&fingerprint(&project)).unwrap().is_empty(),
            "undone after {done}"
        );
        leave();
        assert_eq!(
            apply(&project).unwrap().verdict,
            Verdict::Proven,
            "completed after {done}"
        );
        undo(&project).unwrap();
        assert!(
            original.diff(&fingerprint(&project)).unwrap().is_empty(),
            "undone after {done} and the rest"
        );
    }
}

#[test]
fn a_change_by_somebody_else_is_not_proven_and_one_of_ours_is_refuted() {
    let (_dir, project) = checkout();
    let before = fingerprint(&project);
    fs::write(project.join("README.md"), "edited meanwhile").unwrap();
    let ours: BTreeSet<PathBuf> = ["nba.toml".into(), "README.md".into()].into();
    let after = fingerprint(&project);
    assert!(unchanged(&before, &after, &ours).unwrap().is_refuted());
    let verdict = unchanged(&before, &after, &BTreeSet::new()).unwrap();
    assert_eq!(verdict.exit_code(), 2);
    assert!(verdict.to_string().contains("not by it"), "{verdict}");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        plan(empty.path()),
        Err(SetupError::NotAProject { .. })
    ));
}
