//! Which crate may see which, and what must not come along.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Names of the crates a crate brings along, with its default features.
fn brought_along(krate: &str) -> BTreeSet<String> {
    let output = Command::new("cargo")
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}", "--package", krate])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != krate)
        .map(str::to_owned)
        .collect()
}

/// `krate` sees exactly these of our crates.
fn check(krate: &str, ours: &[&str]) {
    let seen: BTreeSet<String> = brought_along(krate)
        .into_iter()
        .filter(|name| name.starts_with("nba-"))
        .collect();
    let allowed: BTreeSet<String> = ours.iter().map(|name| (*name).to_owned()).collect();
    assert!(
        seen.is_subset(&allowed),
        "{krate} sees {seen:?}, allowed are {allowed:?}"
    );
}

#[test]
fn dependencies_point_one_way() {
    check("nba-utils", &[]);
    check("nba-boxscore", &["nba-utils"]);
    check("nba-config", &["nba-utils"]);
    check("nba-db", &["nba-utils", "nba-config"]);
    let etl = ["nba-utils", "nba-config", "nba-db", "nba-boxscore"];
    check("nba-etl", &etl);
    let monitoring = [&etl[..], &["nba-etl"]].concat();
    check("nba-monitoring", &monitoring);
    let migration = [&monitoring[..], &["nba-monitoring"]].concat();
    check("nba-migration", &migration);
}

#[test]
fn the_database_crate_alone_has_no_object_store_web_or_terminal_code() {
    let unwanted = |names: &BTreeSet<String>| -> Vec<String> {
        names
            .iter()
            .filter(|name| {
                name.starts_with("aws-sdk")
                    || [
                        "axum",
                        "hyper",
                        "clap",
                        "indicatif",
                        "comfy-table",
                        "anstream",
                        "parquet",
                    ]
                    .contains(&name.as_str())
            })
            .cloned()
            .collect()
    };
    assert_eq!(unwanted(&brought_along("nba-db")), Vec::<String>::new());
    // The same question asked where the answer is known to be yes.
    assert!(!unwanted(&brought_along("nba-cli")).is_empty());
}

#[test]
fn there_is_one_tls_stack() {
    let all = brought_along("nba-cli");
    assert!(all.contains("rustls"));
    for other in ["openssl", "openssl-sys", "native-tls", "ring"] {
        assert!(!all.contains(other), "{other} came along");
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let repository = repository();
    let mut folders: Vec<PathBuf> = fs::read_dir(repository.join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("tests/it"))
        .filter(|folder| folder.exists())
        .collect();
    folders.push(repository.join("tests/e2e"));
    for folder in folders {
        let main = fs::read_to_string(folder.join("main.rs")).unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_module = path.extension().is_some_and(|e| e == "rs") && name != "main";
            assert!(
                !is_module || main.contains(&format!("mod {name};")),
                "{} is not part of {}",
                path.display(),
                folder.join("main.rs").display()
            );
        }
    }
}
