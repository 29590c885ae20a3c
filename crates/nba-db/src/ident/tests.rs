use super::*;

#[test]
fn names_survive_as_json_keys_and_values() {
    let table = TableName::new("odds", "a.b");
    let json = serde_json::to_string(&table).unwrap();
    assert_eq!(json, r#""odds.\"a.b\"""#);
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
    fn no_two_tables_are_written_alike(schema in "[a-c.\"]{1,6}", name in "[a-c.\"]{1,6}") {
        let table = TableName::new(schema, name);
        proptest::prop_assert_eq!(&TableName::parse(&table.to_string()), &table);
        proptest::prop_assert_eq!(TableName::try_from(table.to_string()).unwrap(), table);
    }

    #[test]
    fn a_quoted_name_has_one_way_to_be_read(name in "[^\0]{0,40}") {
        let quoted = Ident::new(name.as_str()).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        proptest::prop_assert!(!inner.replace("\"\"", "").contains('"'));
        proptest::prop_assert_eq!(inner.replace("\"\"", "\""), name);
    }
}
