//! `nba demo`.

use crate::program::{Place, Running, is_alive, wait_for};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn the_demo_finds_everything_and_leaves_nothing() {
    let (dir, place) = place();
    let mut demo = place.spawn(&["demo", "--scale", "0.001", "--json"]);
    let servers = servers_of(&mut demo);
    let ran = demo.ends_within(Duration::from_secs(240)).exits(0);
    let story = ran.json();
    assert_eq!(story["verdict"], "proven", "{ran}");
    assert_eq!(
        (&story["healthy_before"], &story["legacy_script"]["verdict"]),
        (&true.into(), &"not_proven".into())
    );
    // A script is caught doing nothing, and a port takes over once it agrees, not before.
    let porting = &story["porting"];
    let steps = porting["steps"].as_array().unwrap();
    let told: Vec<&str> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "silent script",
            "dual run",
            "unexplained",
            "explained",
            "switch",
            "dual run",
            "dual run",
            "dual run",
            "promotion"
        ]
    );
    assert!(
        steps.iter().all(|step| step["as_it_should"] == true),
        "{porting:#}"
    );
    // The way back: every step came out as it has to, the red ones red.
    let safety = &story["safety"];
    let steps = safety["steps"].as_array().unwrap();
    let told: Vec<&str> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "capture",
            "preflight",
            "remedies",
            "restore point",
            "backup",
            "rehearsal",
            "preflight",
            "phase",
            "setup",
            "phase",
            "dual runs",
            "speed",
            "phase",
            "data loss",
            "alarm",
            "rollback",
            "phase",
            "identity and content",
            "evidence"
        ]
    );
    assert!(
        steps.iter().all(|step| step["as_it_should"] == true),
        "{safety:#}"
    );
    let defects = story["defects"].as_array().unwrap();
    assert_eq!(defects.len(), 5);
    for defect in defects {
        assert_eq!(defect["found"], true, "{defect:#}");
    }
    is_gone(&servers, dir.path(), Duration::from_secs(1));
}

#[test]
fn a_killed_demo_leaves_nothing_either() {
    let (dir, place) = place();
    let mut demo = place.spawn(&["demo", "--scale", "0.02"]);
    let servers = servers_of(&mut demo);
    // In the middle of the build: rows are being loaded.
    let base = servers[0].folder.join("data/base");
    let databases = |base: &Path| std::fs::read_dir(base).map_or(0, Iterator::count);
    wait_for("database", Duration::from_secs(60), || {
        (databases(&base) > 3).then_some(())
    });
    assert!(!demo.has_ended());
    demo.signal("KILL");
    wait_for("end", Duration::from_secs(5), || {
        demo.has_ended().then_some(())
    });
    is_gone(&servers, dir.path(), Duration::from_secs(10));
}

#[test]
fn an_interrupted_demo_leaves_nothing_either() {
    let (dir, place) = place();
    let mut demo = place.spawn(&["demo", "--scale", "0.02"]);
    let servers = servers_of(&mut demo);
    demo.signal("INT");
    let ran = demo.ends_within(Duration::from_secs(10)).exits(2);
    assert!(ran.err.contains("interrupted"), "{ran}");
    is_gone(&servers, dir.path(), Duration::from_secs(1));
}

/// A folder for temporary files that nobody else uses.
fn place() -> (tempfile::TempDir, Place) {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let place = Place::empty(dir.path()).with("TMPDIR", temporary.display().to_string());
    (dir, place)
}

/// What guards a server, and the folder it is to remove.
struct Server {
    guardian: u32,
    folder: PathBuf,
}

/// The servers that a program has started so far; at least one.
fn servers_of(program: &mut Running) -> Vec<Server> {
    let parent = program.id();
    wait_for("server", Duration::from_secs(30), || {
        assert!(!program.has_ended(), "it ended before it had a server");
        let servers: Vec<Server> = children_of(parent).into_iter().filter_map(server).collect();
        (!servers.is_empty()).then_some(servers)
    })
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let after_name = stat.rsplit(')').next().unwrap_or_default();
            after_name.split_whitespace().nth(1) == Some(&parent.to_string())
        })
        .collect()
}

fn server(guardian: u32) -> Option<Server> {
    let words = std::fs::read_to_string(format!("/proc/{guardian}/cmdline")).ok()?;
    let mut words = words
        .split('\0')
        .skip_while(|word| *word != "nba-pg-guardian");
    let log = PathBuf::from(words.nth(1)?);
    Some(Server {
        guardian,
        folder: log.parent()?.to_owned(),
    })
}

fn is_gone(servers: &[Server], dir: &Path, limit: Duration) {
    for server in servers {
        wait_for("end of the server", limit, || {
            (!is_alive(server.guardian)).then_some(())
        });
        wait_for("removal of its folder", limit, || {
            (!server.folder.exists()).then_some(())
        });
    }
    for folder in ["tmp", "home", "project"] {
        let left: Vec<_> = std::fs::read_dir(dir.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(left, Vec::<PathBuf>::new());
    }
}
