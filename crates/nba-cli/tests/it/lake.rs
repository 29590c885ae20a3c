//! `nba lake`.

use crate::world::World;

pub(crate) fn a_copy_is_proven_or_not(world: &World) {
    let place = world.project("lake_copies");
    for (key, text) in [
        ("espn_schedules/20240115.json", "[]"),
        ("espn_play_by_play/1.json", "{}"),
    ] {
        let file = place.project.join("lake").join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    place
        .nba(&[
            "lake",
            "sync",
            "--path",
            "lake",
            "--to",
            "copy",
            "--dry-run",
        ])
        .exits(2)
        .says("would fetch 2 of 2");
    place
        .nba(&["lake", "sync", "--path", "lake", "--to", "copy"])
        .exits(0)
        .says("fetched 2 of 2");
    place
        .nba(&["lake", "sync", "--path", "lake", "--to", "copy"])
        .exits(0)
        .says("fetched 0 of 2");
    place
        .nba(&["lake", "verify", "--path", "lake", "--copy", "copy"])
        .exits(0)
        .says("same: 2 objects");
    let monday = place
        .nba(&[
            "lake",
            "inventory",
            "--path",
            "lake",
            "--manifest",
            "monday.parquet",
            "--content",
            "--json",
        ])
        .exits(0);
    assert_eq!(monday.json()["totals"]["all"]["objects"], 2);
    place
        .nba(&[
            "lake",
            "verify",
            "--against",
            "monday.parquet",
            "--copy",
            "copy",
        ])
        .exits(0);
    std::fs::write(place.project.join("copy/espn_play_by_play/1.json"), "[]").unwrap();
    let different = place
        .nba(&[
            "lake", "verify", "--path", "lake", "--copy", "copy", "--json",
        ])
        .exits(1);
    assert_eq!(different.json()["different"]["count"], 1);
    place
        .nba(&[
            "lake",
            "verify",
            "--against",
            "monday.parquet",
            "--copy",
            "copy",
        ])
        .exits(1)
        .says("same size, other content");
    let drill = [
        "lake",
        "drill",
        "--path",
        "lake",
        "--against",
        "monday.parquet",
    ];
    place
        .nba(&drill)
        .exits(0)
        .says("same: 2 of 2 objects drawn from 2");
    std::fs::remove_file(place.project.join("lake/espn_play_by_play/1.json")).unwrap();
    place.nba(&drill).exits(1).says("espn_play_by_play/1.json");
    place
        .nba(&[
            "lake",
            "inventory",
            "--path",
            "lake",
            "--manifest",
            "friday.parquet",
            "--content",
        ])
        .exits(0);
    place
        .nba(&["lake", "diff", "monday.parquet", "friday.parquet"])
        .exits(1)
        .says("only left: espn_play_by_play/1.json");
    place
        .nba(&[
            "lake",
            "get",
            "espn_schedules/20240115.json",
            "--path",
            "lake",
            "--to",
            "single",
        ])
        .exits(0);
    assert_eq!(
        std::fs::read_to_string(place.project.join("single/espn_schedules/20240115.json")).unwrap(),
        "[]"
    );
    place
        .nba(&[
            "lake",
            "get",
            "espn_schedules/20240115.json",
            "--path",
            "lake",
            "--to",
            "single",
        ])
        .exits(2)
        .says("is already in");
}
