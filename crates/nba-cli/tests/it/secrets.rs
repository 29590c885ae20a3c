//! A password is used and never shown.

use crate::contract::{self, BAD, GOOD};
use crate::program::{Place, Ran};
use crate::world::{World, credentials};
use nba_config::envfile::EnvFile;
use std::path::Path;

/// Quotes, percent, a backslash, a line break, a comment sign, a space, a letter beyond ASCII.
const PASSWORD: &str = "s'e\"c%r\\t\net#1 ü";

/// Parts by which it is recognised in any spelling: as it is, as JSON, in a URL, quoted for a shell.
const TRACES: [&str; 6] = ["e\"c%r", "e\\\"c%r", "c%25r", "et#1", "et%231", "%C3%BC"];

const ROLE: &str = "guarded";

pub(crate) fn secrets_stay_secret(world: &World) {
    let quoted = PASSWORD.replace('\'', "''").replace('\\', "\\\\");
    world.sql(
        "postgres",
        &format!("create role {ROLE} superuser login password E'{quoted}'"),
    );
    let hba = Path::new(&world.data()).join("data/pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("local all {ROLE} scram-sha-256\n{rules}")).unwrap();
    world.sql("postgres", "select pg_reload_conf()");

    let right = world.project("secrets_right");
    write_credentials(&right, world, PASSWORD);
    // The password is needed, and it is the right one.
    assert!(
        right
            .nba(&["db", "query", "select current_user as u"])
            .exits(0)
            .out
            .contains(ROLE)
    );
    every_sample_keeps_it(&right, GOOD);
    every_sample_keeps_it(&right, BAD);
    let printed = right.nba(&[
        "etl",
        "run",
        "--",
        "cat",
        &credentials(&right).display().to_string(),
    ]);
    keeps_it(&printed.exits(2).says("DB_PASSWORD"));

    let wrong = world.project("secrets_wrong");
    write_credentials(&wrong, world, &format!("{PASSWORD}x"));
    for words in [
        &["db", "identity"][..],
        &["db", "identity", "--json"],
        &["baseline", "capture", "-vv"],
    ] {
        keeps_it(&wrong.nba(words).exits(2).says("28P01"));
    }

    // The same in a URL, sound and unsound.
    let bare = Place::empty(&world.dir().join("secrets_bare"));
    let encoded: String = PASSWORD
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let url = |password: &str| {
        format!(
            "postgres://{ROLE}:{password}@/nba_simulator?host={}",
            world.socket()
        )
    };
    let by_url = bare.with("DATABASE_URL", url(&encoded));
    keeps_it(&by_url.nba(&["db", "identity"]).exits(0));
    keeps_it(&by_url.nba(&["config", "show", "-vv"]).exits(0).says("***"));
    // Not encoded, as people paste it.
    let pasted = bare.with("DATABASE_URL", url("s'e\"c%r/et#1 ü"));
    for words in [
        &["db", "identity"][..],
        &["config", "show", "--json"],
        &["config", "check"],
        &["doctor", "-vv"],
    ] {
        keeps_it(&pasted.nba(words));
    }

    for place in [&right, &wrong, &bare] {
        no_file_has_it(&place.project, &mut 0);
    }
    // The search finds what it is for.
    let mut found = 0;
    no_file_matches(&right.home, &mut found, &mut |_| ());
    assert!(found > 0, "no file was looked at");
    let file = std::fs::read_to_string(credentials(&right)).unwrap();
    assert!(trace(&file).is_some(), "the credentials file itself has it");
}

fn write_credentials(place: &Place, world: &World, password: &str) {
    let socket = world.socket();
    let entries = [
        ("DB_HOST", socket.as_str()),
        ("DB_PORT", "5432"),
        ("DB_NAME", "nba_simulator"),
        ("DB_USER", ROLE),
        ("DB_PASSWORD", password),
    ];
    std::fs::write(credentials(place), EnvFile::write(entries)).unwrap();
}

fn every_sample_keeps_it(place: &Place, samples: &[contract::Sample]) {
    let log = place.project.join("nba.log").display().to_string();
    for sample in samples {
        keeps_it(&contract::run(place, &["-vv", "--log-file", &log], sample));
    }
    assert!(Path::new(&log).is_file(), "there is no log to look at");
}

fn trace(text: &str) -> Option<&'static str> {
    TRACES.into_iter().find(|trace| text.contains(trace))
}

#[track_caller]
fn keeps_it(ran: &Ran) {
    for text in [&ran.out, &ran.err] {
        assert_eq!(trace(text), None, "{ran}");
    }
}

/// No file of a project has it: state, reports, logs.
fn no_file_has_it(folder: &Path, seen: &mut usize) {
    no_file_matches(folder, seen, &mut |path| {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        assert_eq!(trace(&text), None, "{}", path.display());
    });
}

fn no_file_matches(folder: &Path, seen: &mut usize, check: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_file_matches(&path, seen, check);
        } else {
            *seen += 1;
            check(&path);
        }
    }
}
