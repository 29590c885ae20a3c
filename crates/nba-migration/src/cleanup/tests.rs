use std::process::Command;

use super::*;
use crate::state::{Places, capture as look};

/// A checkout whose phases are all done: a script with a port, one a schedule runs, one another names, a scraper.
struct Place {
    dir: tempfile::TempDir,
    ledger: Ledger,
}

const SCRIPTS_OF: [(&str, &str); 5] = [
    ("etl.free", "scripts/etl/free.py"),
    ("etl.cron", "scripts/etl/nightly.py"),
    ("etl.named", "scripts/etl/named.py"),
    ("etl.kept", "scripts/etl/kept.py"),
    ("etl.web", "scripts/etl/espn_scraper.py"),
];

impl Place {
    fn build() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        for (_, script) in SCRIPTS_OF {
            let path = project.join(script);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("print('{script}')\n")).unwrap();
        }
        fs::write(project.join("scripts/etl/lonely.py"), "print(1)\n").unwrap();
        fs::write(
            project.join("scripts/run.sh"),
            "python3 -m scripts.etl.named\n",
        )
        .unwrap();
        fs::write(project.join("README.md"), "free.py is mentioned\n").unwrap();
        let git = |words: &[&str]| {
            let done = Command::new("git")
                .arg("-C")
                .arg(&project)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"])
                .args(words)
                .status();
            assert!(done.unwrap().success(), "{words:?}");
        };
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-qm", "legacy"]);
        let place = Self {
            ledger: Ledger::in_folder(project.join(".nba")),
            dir,
        };
        for (capability, _) in SCRIPTS_OF {
            let mode = if capability == "etl.kept" {
                "canary 50%"
            } else {
                "native"
            };
            place.add(
                &Entry::new("switch", Verdict::Proven)
                    .figure("capability", capability)
                    .figure("to", mode),
            );
        }
        place.look();
        place.add(&Entry::new("phase advance", Verdict::Proven).figure("to", PHASES.len()));
        place.add(&Entry::new("restore point", Verdict::Proven));
        place
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn add(&self, entry: &Entry) {
        self.ledger.append(entry).unwrap();
    }

    fn look(&self) {
        let root = self.dir.path().join("root");
        fs::create_dir_all(&root).unwrap();
        let crontab = self.dir.path().join("installed");
        let line = format!(
            "0 2 * * * cd {} && python3 scripts/etl/nightly.py\n",
            self.project().display()
        );
        fs::write(&crontab, line).unwrap();
        let mut places = Places::machine("me", self.dir.path().to_owned());
        places.root = root;
        places.crontabs = vec![crontab];
        let found = look(&self.project(), &places).unwrap();
        let (path, digest) = found.save(&self.project().join(".nba/captures")).unwrap();
        self.add(&found.entry(&path, digest));
    }

    fn plan(&self) -> CleanupPlan {
        let scripts = SCRIPTS_OF
            .iter()
            .map(|(name, script)| ((*name).to_owned(), (*script).to_owned()))
            .collect();
        plan(&self.ledger, &self.project(), &scripts, Utc::now()).unwrap()
    }
}

#[test]
fn only_what_is_replaced_and_unreferred_to_may_go_and_comes_back() {
    let place = Place::build();
    let plan = place.plan();
    assert_eq!(plan.ready, Verdict::Proven, "{plan:?}");
    let movable: Vec<_> = plan.movable().collect();
    assert_eq!(
        movable,
        [("scripts/etl/free.py", "scripts_legacy/etl/free.py")],
        "{plan:#?}"
    );
    let why = |path: &str| {
        let item = plan.items.iter().find(|item| item.path == path).unwrap();
        item.why.join("; ")
    };
    for (path, reason) in [
        ("scripts/etl/nightly.py", "runs it"),
        ("scripts/etl/named.py", "`scripts/run.sh` names it"),
        ("scripts/etl/kept.py", "`etl.kept` is canary 50%"),
        ("scripts/etl/espn_scraper.py", "stay"),
        ("scripts/etl/lonely.py", "no port does its work"),
    ] {
        assert!(why(path).contains(reason), "{path}: {}", why(path));
    }
    // There and back, and nothing else moved.
    let project = place.project();
    let before = crate::state::legacy_tree(&project).unwrap();
    let moved = apply(&place.ledger, &project, &plan).unwrap();
    assert_eq!(moved.moved.len(), 1);
    assert!(!project.join("scripts/etl/free.py").exists());
    assert!(project.join("scripts_legacy/etl/free.py").exists());
    undo(&place.ledger, &project).unwrap();
    let after = crate::state::legacy_tree(&project).unwrap();
    let diff = before.diff(&after).unwrap();
    assert!(
        diff.removed.is_empty() && diff.changed.is_empty(),
        "{diff:?}"
    );
    assert!(matches!(
        undo(&place.ledger, &project),
        Err(CleanupError::Nothing)
    ));
}

#[test]
fn nothing_moves_early_on_old_evidence_or_over_something() {
    let place = Place::build();
    let project = place.project();
    // Taken back: too early again.
    place.add(&Entry::new("phase fall back", Verdict::refuted("why")).figure("to", 5));
    let early = place.plan();
    assert!(
        early.ready.to_string().contains("phase 5 is not done"),
        "{early:?}"
    );
    assert!(matches!(
        apply(&place.ledger, &project, &early),
        Err(CleanupError::NotReady(_))
    ));
    assert!(project.join("scripts/etl/free.py").exists());
    place.add(&Entry::new("phase advance", Verdict::Proven).figure("to", PHASES.len()));
    assert!(place.plan().ready.to_string().contains("restore point"));
    place.add(&Entry::new("restore point", Verdict::Proven));
    let scripts = BTreeMap::new();
    let later = Utc::now() + Duration::hours(25);
    let old = plan(&place.ledger, &project, &scripts, later).unwrap();
    assert!(old.ready.to_string().contains("25 hours old"), "{old:?}");

    // Something has the name already, or a moved file was changed: it stays, and is told.
    let taken = project.join("scripts_legacy/etl/free.py");
    fs::create_dir_all(taken.parent().unwrap()).unwrap();
    fs::write(&taken, "mine\n").unwrap();
    let kept = apply(&place.ledger, &project, &place.plan()).unwrap();
    assert_eq!((kept.moved.len(), kept.kept.len()), (0, 1));
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine\n");
    fs::remove_file(&taken).unwrap();
    apply(&place.ledger, &project, &place.plan()).unwrap();
    fs::write(&taken, "changed\n").unwrap();
    let back = undo(&place.ledger, &project).unwrap();
    assert_eq!(back.kept.len(), 1);
    assert_eq!(fs::read_to_string(&taken).unwrap(), "changed\n");

    // A capture that somebody edited is none.
    let captures = StateCapture::list(&project.join(".nba/captures")).unwrap();
    fs::write(captures.last().unwrap(), "{}").unwrap();
    assert!(place.plan().ready.to_string().contains("changed since"));
}
