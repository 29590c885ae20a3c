//! An old script runs only while its capability is switched to it, and alone.

use crate::program::wait_for;
use crate::world::World;
use std::time::Duration;

const CAPABILITY: &str = "etl.slow";

/// A script that does not end before it is told to.
const SCRIPT: &str = "#!/usr/bin/env python3\nimport os, time\nif __name__ == '__main__':\n    open('started', 'a').write('x')\n    while not os.path.exists('go'):\n        time.sleep(0.05)\n    open('written', 'a').write('x')\n";

pub(crate) fn a_script_runs_only_while_it_may_write(world: &World) {
    let place = world.project("permits");
    let at = |name: &str| place.project.join(name);
    std::fs::write(at("scripts/etl/slow_loader.py"), SCRIPT).unwrap();
    std::fs::write(
        at("nba.toml"),
        format!("[entry_points]\n\"{CAPABILITY}\" = \"slow_loader\"\n"),
    )
    .unwrap();
    let switch = |to: &str| {
        place
            .nba(&[
                "switch", "set", CAPABILITY, to, "--by", "me", "--why", "a test",
            ])
            .exits(0);
    };
    let run = [
        "etl",
        "run",
        "slow_loader",
        "--expect",
        "files:.",
        "--timeout",
        "80",
    ];

    // Nothing was ever switched: it may. While it works it is taken away from it: it ends what it began, and that was the last time.
    let running = place.spawn(&run);
    wait_for("the script", Duration::from_secs(60), || {
        at("started").exists().then_some(())
    });
    switch("off");
    std::fs::write(at("go"), "").unwrap();
    let ran = running.ends_within(Duration::from_secs(60));
    assert!(at("written").exists(), "{ran}");
    place
        .nba(&run)
        .exits(2)
        .says("the old script may not write `etl.slow` now: it is off");
    assert_eq!(std::fs::read_to_string(at("started")).unwrap(), "x");
    // By its path as well, and for one unit: the name is not what counts.
    place
        .nba(&["etl", "run", "scripts/etl/slow_loader.py", "--unit", "1"])
        .exits(2)
        .says("may not write");
    let history = place.nba(&["etl", "history", "--json"]).exits(0).json();
    assert_eq!(
        history["runs"].as_array().map(Vec::len),
        Some(1),
        "what may not run leaves no run: {history}"
    );

    // Back to the old script, and it writes again; what it acted for is on record.
    switch("legacy");
    place.nba(&run);
    assert_eq!(std::fs::read_to_string(at("started")).unwrap(), "xx");
    let records = place
        .nba(&["ledger", "show", "--limit", "1", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        records[0]["figures"]["capabilities"][0], CAPABILITY,
        "{records}"
    );
    assert_eq!(records[0]["figures"]["epoch"], 2, "{records}");
}

/// A script is asked what it takes, and one that cannot be run is named; nothing is done by asking.
pub(crate) fn a_wrapped_script_is_probed(world: &World) {
    let place = world.project("probe");
    let at = |name: &str| place.project.join("scripts/etl").join(name);
    let good = "import argparse, sys\nopen('imported', 'a').close()\nif __name__ == '__main__':\n    argparse.ArgumentParser().parse_args()\n    open('ran', 'w').close()\n";
    std::fs::write(at("good_loader.py"), good).unwrap();
    let plain = "if __name__ == '__main__':\n    open('ran', 'w').close()\n";
    std::fs::write(at("plain_loader.py"), plain).unwrap();
    place
        .nba(&["etl", "probe", "good_loader", "plain_loader"])
        .exits(0);
    assert!(place.project.join("imported").exists());
    assert!(!place.project.join("ran").exists(), "asking is not running");
    for (name, text, words) in [
        (
            "no_import.py",
            good.replace("sys", "nothing_of_this_name"),
            "nothing_of_this_name",
        ),
        ("no_syntax.py", plain.replace("':", "'"), "SyntaxError"),
    ] {
        std::fs::write(at(name), text).unwrap();
        let ran = place.nba(&["etl", "probe", name, "--json"]).exits(1);
        let reasons = ran.json()["scripts"][0]["reasons"].to_string();
        assert!(reasons.contains(words), "{ran}");
    }
}
