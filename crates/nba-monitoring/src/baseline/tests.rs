use super::*;

#[test]
fn names_that_would_leave_the_folder_are_refused() {
    for name in ["default", "2025-11-08T10.00.00", "pre_phase-1"] {
        assert_eq!(BaselineName::new(name).unwrap().as_str(), name);
    }
    for name in [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "a b",
        "é",
        &"x".repeat(129),
    ] {
        assert!(
            matches!(BaselineName::new(name), Err(BaselineError::Name(_))),
            "{name}"
        );
    }
}

#[test]
fn listing_an_absent_folder_gives_no_names() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(list(&folder.path().join("none")).unwrap(), []);
    std::fs::create_dir_all(folder.path().join(".draft-x-1")).unwrap();
    assert_eq!(list(folder.path()).unwrap(), []);
}
