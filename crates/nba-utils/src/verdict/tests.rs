use proptest::prelude::*;

use super::{NO_REASON, Reasons, Verdict};

fn any_verdict() -> impl Strategy<Value = Verdict> {
    let reasons = || proptest::collection::vec(".{0,12}", 1..4);
    prop_oneof![
        Just(Verdict::Proven),
        reasons().prop_map(|list| Verdict::Refuted {
            reasons: Reasons::collect(list).unwrap()
        }),
        reasons().prop_map(|list| Verdict::NotProven {
            reasons: Reasons::collect(list).unwrap()
        }),
        ".{0,12}".prop_map(Verdict::not_applicable),
    ]
}

#[test]
fn json_form_is_fixed() {
    let check = |verdict: Verdict, json: &str| {
        assert_eq!(serde_json::to_string(&verdict).unwrap(), json);
        assert_eq!(serde_json::from_str::<Verdict>(json).unwrap(), verdict);
    };
    check(Verdict::Proven, r#"{"verdict":"proven"}"#);
    check(
        Verdict::refuted("a"),
        r#"{"verdict":"refuted","reasons":["a"]}"#,
    );
    check(
        Verdict::not_proven("a"),
        r#"{"verdict":"not_proven","reasons":["a"]}"#,
    );
    check(
        Verdict::not_applicable("a"),
        r#"{"verdict":"not_applicable","reason":"a"}"#,
    );
}

#[test]
fn json_without_a_reason_is_refused() {
    for json in [
        r#"{"verdict":"refuted","reasons":[]}"#,
        r#"{"verdict":"refuted"}"#,
        r#"{"verdict":"not_applicable"}"#,
        r#"{"verdict":"green"}"#,
        r#"{"reasons":["a"]}"#,
    ] {
        assert!(serde_json::from_str::<Verdict>(json).is_err(), "{json}");
    }
}

#[test]
fn worst_part_wins() {
    use Verdict as V;
    let check = |parts: Vec<Verdict>, expected: Verdict| assert_eq!(V::all(parts), expected);
    check(vec![], V::not_proven("nothing was checked"));
    check(vec![V::Proven, V::Proven], V::Proven);
    check(vec![V::not_applicable("x"), V::Proven], V::Proven);
    check(
        vec![V::not_applicable("x"), V::not_applicable("y")],
        V::not_applicable("x; y"),
    );
    check(vec![V::not_proven("x"), V::Proven], V::not_proven("x"));
    check(
        vec![V::not_proven("x"), V::refuted("y"), V::Proven],
        V::refuted("y"),
    );
    let both = V::all([V::refuted("x"), V::refuted("y")]);
    assert_eq!(both.reasons(), ["x", "y"]);
}

#[test]
fn exit_codes() {
    assert_eq!(Verdict::Proven.exit_code(), 0);
    assert_eq!(Verdict::refuted("x").exit_code(), 1);
    assert_eq!(Verdict::not_proven("x").exit_code(), 2);
    assert_eq!(Verdict::not_applicable("x").exit_code(), 2);
}

#[test]
fn text_names_every_reason() {
    assert_eq!(Verdict::Proven.to_string(), "proven");
    assert_eq!(
        Verdict::from_findings(["a", "b"]).to_string(),
        "refuted: a; b"
    );
    assert_eq!(
        Verdict::not_proven("  ").to_string(),
        format!("not proven: {NO_REASON}")
    );
}

proptest! {
    #[test]
    fn json_round_trip(verdict in any_verdict()) {
        let json = serde_json::to_string(&verdict).unwrap();
        prop_assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    }

    #[test]
    fn only_proven_parts_make_green(parts in proptest::collection::vec(any_verdict(), 0..6)) {
        let joined = Verdict::all(parts.clone());
        let green = parts.iter().any(Verdict::is_proven)
            && parts.iter().all(|part| matches!(part, Verdict::Proven | Verdict::NotApplicable { .. }));
        prop_assert_eq!(joined.is_proven(), green);
        prop_assert_eq!(joined.is_refuted(), parts.iter().any(Verdict::is_refuted));
    }

    #[test]
    fn joining_in_groups_changes_nothing(
        left in proptest::collection::vec(any_verdict(), 1..4),
        right in proptest::collection::vec(any_verdict(), 1..4),
    ) {
        let flat = Verdict::all(left.iter().chain(&right).cloned());
        let grouped = Verdict::all([Verdict::all(left), Verdict::all(right)]);
        prop_assert_eq!(flat, grouped);
    }
}
