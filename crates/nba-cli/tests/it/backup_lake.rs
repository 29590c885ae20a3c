//! A backup that holds the list of the lake's objects, and what finds a list that is not the one.

use crate::world::World;

pub(crate) fn a_backup_holds_the_list_of_the_lake(world: &World) {
    let place = world.small_database("backup_lake");
    for (key, text) in [("a/1.json", "[]"), ("a/2.json", "{}")] {
        let file = place.project.join("lake").join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    place
        .nba(&["backup", "create", "--lake", "nosuch"])
        .exits(2)
        .says("`nosuch` is no folder");
    let created = place
        .nba(&["backup", "create", "--lake", "lake", "--json"])
        .exits(0)
        .json();
    assert_eq!(created["lake"]["objects"], 2, "{created}");
    place
        .nba(&["backup", "verify"])
        .exits(0)
        .says("with the list of 2 objects of the lake");

    // Another list of the same lake, whole in itself and with its digest in the manifest's list of files, is not the one.
    let folder = place
        .project
        .join("backups")
        .join(created["name"].as_str().unwrap());
    let list = folder.join("lake.parquet");
    let original = std::fs::read(&list).unwrap();
    std::fs::write(place.project.join("lake/a/3.json"), "1").unwrap();
    place
        .nba(&[
            "lake",
            "inventory",
            "--path",
            "lake",
            "--manifest",
            "other.parquet",
            "--facts",
        ])
        .exits(0);
    let other = std::fs::read(place.project.join("other.parquet")).unwrap();
    std::fs::write(&list, other).unwrap();
    place
        .nba(&["backup", "verify"])
        .exits(1)
        .says("the list of the lake holds 3 objects");
    let mut damaged = original.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&list, damaged).unwrap();
    place
        .nba(&["backup", "verify"])
        .exits(1)
        .says("lake.parquet");
    std::fs::remove_file(&list).unwrap();
    place
        .nba(&["backup", "verify"])
        .exits(1)
        .says("lake.parquet");
    std::fs::write(&list, original).unwrap();
    place.nba(&["backup", "verify"]).exits(0);
}
