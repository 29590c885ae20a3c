//! The list of known divergences names tests: each of them is there.

use std::path::Path;

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let list = std::fs::read_to_string(root.join("docs/boxscore-divergences.md")).unwrap();
    let mut sources = String::new();
    for folder in [
        "crates/nba-boxscore/src",
        "crates/nba-boxscore/tests",
        "crates/nba-etl/tests",
        "crates/nba-cli/tests",
    ] {
        for entry in walkdir::WalkDir::new(root.join(folder)) {
            let entry = entry.unwrap();
            if entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "rs")
            {
                sources += &std::fs::read_to_string(entry.path()).unwrap();
            }
        }
    }
    let mut defects = Vec::new();
    let mut checked = 0;
    for row in list.lines().filter(|row| row.starts_with("| BX-")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [defect, _, _, shown_by] = cells[..] else {
            panic!("{row}")
        };
        defects.push(defect.to_owned());
        let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || shown_by == "by design", "{row}");
        for name in names.iter().filter(|name| name.contains("::")) {
            let name = name.rsplit("::").next().unwrap();
            assert!(
                sources.contains(&format!("fn {name}("))
                    || sources.contains(&format!("mod {name}")),
                "{defect}: no test `{name}`"
            );
            checked += 1;
        }
    }
    let all: Vec<String> = (1..=44).map(|number| format!("BX-{number:02}")).collect();
    assert_eq!(defects, all);
    assert!(checked > 40, "{checked}");
}
