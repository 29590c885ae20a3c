//! `nba dims`: the legacy inventory, its masks, and who may say what is expected.

use crate::world::World;

pub(crate) fn who_measures_does_not_approve(world: &World) {
    let place = world.project("dims");
    place
        .nba(&["dims", "approve"])
        .exits(2)
        .says("nothing has been measured yet");
    place
        .nba(&[
            "dims",
            "verify",
            "code_base",
            "aws_inventory",
            "--by",
            "cron",
        ])
        .exits(1);
    let waiting = place.nba(&["dims", "approve", "--json"]).exits(0).json();
    let metric = "code_base.python_files";
    assert!(waiting["waiting"][metric].is_object(), "{waiting}");
    // Nothing could be measured (F24): it is not in the queue, and cannot be brought into it.
    let masked = "aws_inventory.rds_allocated_storage_gb";
    assert!(waiting["waiting"][masked].is_null(), "{waiting}");
    let approve = |metric: &str, by: &str| {
        place.nba(&["dims", "approve", metric, "--by", by, "--reason", "moved"])
    };
    approve(masked, "ann")
        .exits(2)
        .says("has no value to approve");
    approve(metric, "Cron")
        .exits(2)
        .says("who measured a value cannot approve it");
    let inventory = place.project.join("inventory/metrics.yaml");
    let documented = std::fs::read(&inventory).unwrap();
    approve(metric, "ann").exits(0).says("approved by ann");
    // It counts from the next run on, and stands in the ledger, not in the inventory.
    let verify = || place.nba(&["dims", "verify", metric, "--by", "cron"]);
    verify().exits(0).says("by ann");
    assert_eq!(std::fs::read(&inventory).unwrap(), documented);
    approve(metric, "ann").exits(2).says("as expected");
    // The file of the last run is only believed when it is the one on record.
    let run = place.project.join(".nba/dims/last-run.json");
    let text = std::fs::read_to_string(&run).unwrap();
    std::fs::write(&run, text.replace("cron", "eve")).unwrap();
    approve(metric, "cron").exits(2).says("measure again");
    // Somebody writes another documented value: what was approved in its place is void.
    let changed = String::from_utf8(documented)
        .unwrap()
        .replace("1746", "1747");
    std::fs::write(&inventory, changed).unwrap();
    verify().exits(1).says("is void");
}

pub(crate) fn both_inventories_are_compared(world: &World) {
    let place = world.project("dims-both");
    let both = place.nba(&["dims", "compare", "code_base"]).exits(0);
    assert!(both.out.contains("2 agree, 0 differ"), "{both}");
    // The legacy program calls the value of its mask a measurement (F34).
    let masked = place
        .nba(&[
            "dims",
            "compare",
            "aws_inventory.rds_allocated_storage_gb",
            "--json",
        ])
        .exits(2)
        .json();
    let record = &masked["metrics"]["aws_inventory.rds_allocated_storage_gb"];
    assert_eq!(record["legacy"]["value"], "0", "{masked}");
    assert_eq!(record["native"], serde_json::Value::Null, "{masked}");
    assert_eq!(record["masked"], true, "{masked}");
    // A legacy program that says something else is refuted by name.
    let program = place.project.join("scripts/monitoring/dims_cli.py");
    let text = std::fs::read_to_string(&program).unwrap();
    std::fs::write(
        &program,
        text.replace("return int(text)", "return int(text) + 1"),
    )
    .unwrap();
    place
        .nba(&["dims", "compare", "code_base.test_files"])
        .exits(1)
        .says("legacy");
    place
        .nba(&["ledger", "show", "--limit", "3"])
        .exits(0)
        .says("dims compare");
    // Hooks of the inventory that cannot do what they are for.
    let config = place.project.join("inventory/config.yaml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str("events:\n  hooks:\n    - name: scraper_complete\n      trigger: scraper_complete\n      metrics: [\"code_base.*\"]\n    - name: second\n      trigger: scraper_complete\n      metrics: [\"nosuch.*\"]\n");
    std::fs::write(&config, text).unwrap();
    place
        .nba(&["dims", "events"])
        .exits(1)
        .says("never gets to this one");
    place
        .nba(&["dims", "verify", "--hook", "scraper_complete"])
        .exits(1)
        .says("code_base.test_files");
}
