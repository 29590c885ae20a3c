//! `nba ledger`.

use crate::world::World;

pub(crate) fn an_edited_ledger_is_refused(world: &World) {
    let place = world.project("ledger");
    for _ in 0..3 {
        place.nba(&["etl", "run", "--", "true"]).exits(2);
    }
    place
        .nba(&["ledger", "verify"])
        .exits(0)
        .says("proven: 3 records");
    let file = place.project.join(".nba/ledger.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // One byte of the second record: a reason reads a little better.
    lines[1] = lines[1].replacen("is no evidence", "is so evidence", 1);
    let edited = lines.join("\n") + "\n";
    assert_eq!(
        text.bytes()
            .zip(edited.bytes())
            .filter(|(a, b)| a != b)
            .count(),
        1
    );
    std::fs::write(&file, edited).unwrap();

    let ran = place.nba(&["ledger", "verify"]).exits(1);
    assert!(ran.out.contains("line 2"), "{ran}");
    assert_eq!(
        place.nba(&["ledger", "verify", "--json"]).exits(1).json()["findings"][0]["line"],
        2
    );
}
