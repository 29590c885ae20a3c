use super::*;

proptest::proptest! {
    #[test]
    fn rows_are_counted_however_they_are_cut(
        text in "[a\n]{0,60}",
        cuts in proptest::collection::vec(0_usize..60, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut counter = RowCounter::new(CopyFormat::Text);
        let mut from = 0;
        for to in cuts {
            counter.add(&text.as_bytes()[from..to]);
            from = to;
        }
        proptest::prop_assert_eq!(counter.total(0), u64::try_from(text.lines().count()).unwrap());
    }
}

#[test]
fn fields_are_escaped() {
    let mut rows = TextRows::default();
    rows.text("")
        .text("\\N")
        .text("a\tb\nc\rd\\")
        .optional(None)
        .optional(Some("x"))
        .display(-1)
        .end_row();
    assert_eq!(rows.as_bytes(), b"\t\\\\N\ta\\tb\\nc\\rd\\\\\t\\N\tx\t-1\n");
    assert_eq!(rows.rows(), 1);
    assert_eq!(rows.take().len(), 26);
    assert!(rows.as_bytes().is_empty());
}
