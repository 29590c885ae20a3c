use super::*;

#[test]
fn names_survive_as_json_keys_and_values() {
    let table = TableName::new("odds", "a.b");
    let json = serde_json::to_string(&table).unwrap();
    assert_eq!(json, "\"odds.a.b\"");
    assert_eq!(serde_json::from_str::<TableName>(&json).unwrap(), table);
    for bad in ["\"games\"", "\".games\"", "\"public.\""] {
        assert!(serde_json::from_str::<TableName>(bad).is_err(), "{bad}");
    }
}

#[test]
fn nul_cannot_end_a_name_early() {
    assert_eq!(Ident::new("a\0b").to_string(), "\"ab\"");
    assert_eq!(literal("a\0b"), "'ab'");
}

proptest::proptest! {
    #[test]
    fn a_quoted_name_has_one_way_to_be_read(name in "[^\0]{0,40}") {
        let quoted = Ident::new(name.as_str()).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        proptest::prop_assert!(!inner.replace("\"\"", "").contains('"'));
        proptest::prop_assert_eq!(inner.replace("\"\"", "\""), name);
    }
}
