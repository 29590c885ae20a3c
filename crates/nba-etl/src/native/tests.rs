use std::collections::BTreeSet;
use std::path::Path;

use super::Divergence;

#[test]
fn every_divergence_has_a_name_of_its_own_and_a_line_in_the_documentation() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/divergences.md");
    let text = std::fs::read_to_string(page).unwrap();
    let ids: BTreeSet<&str> = Divergence::ALL.iter().map(|one| one.id()).collect();
    assert_eq!(ids.len(), Divergence::ALL.len());
    for id in ids {
        assert!(text.contains(&format!("\n| {id} | ")), "{id}");
    }
}
