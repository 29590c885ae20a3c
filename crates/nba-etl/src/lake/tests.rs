use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use nba_utils::Hint as _;

use super::*;

fn folder_with(keys: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for key in keys {
        let path = dir.path().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, key.as_bytes()).unwrap();
    }
    dir
}

async fn keys(lake: &Lake, what: &Inventory) -> BTreeSet<String> {
    lake.inventory(what)
        .map_ok(|o| o.key)
        .try_collect()
        .await
        .unwrap()
}

#[test]
fn prefixes_inside_one_another_are_listed_once() {
    let inventory = Inventory {
        prefixes: ["b/", "a/", "a/x/", "b/", "a"].map(str::to_owned).to_vec(),
        ..Inventory::default()
    };
    assert_eq!(inventory.disjoint(), ["a", "b/"]);
}

#[tokio::test]
async fn lists_and_reads_a_folder() {
    let dir = folder_with(&[
        "espn_schedules/1.json",
        "espn_schedules/2.json",
        "hoopr/a/b.csv",
        "top.txt",
    ]);
    let lake = Lake::local(dir.path());
    assert_eq!(keys(&lake, &Inventory::default()).await.len(), 4);
    let some = keys(&lake, &Inventory::of("espn_schedules/")).await;
    assert_eq!(
        some,
        BTreeSet::from(["espn_schedules/1.json", "espn_schedules/2.json"].map(str::to_owned))
    );

    let totals = lake.totals(&Inventory::default()).await.unwrap();
    assert_eq!(totals.all.objects, 4);
    assert_eq!(
        totals.by_prefix[""],
        PrefixTotal {
            objects: 1,
            bytes: 7
        }
    );

    let document = lake.get("hoopr/a/b.csv").await.unwrap();
    assert_eq!(document.digest, blake3::hash(b"hoopr/a/b.csv"));
    assert_eq!(document.object.size, 13);
}

#[tokio::test]
async fn a_lake_that_is_not_there_is_an_error_not_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::local(dir.path().join("nowhere"));
    let error = lake.totals(&Inventory::default()).await.unwrap_err();
    assert!(matches!(error, LakeError::NoSuchFolder { .. }), "{error}");
    assert_eq!(error.kind(), LakeErrorKind::NotFound);
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn refuses_keys_that_leave_the_folder_and_objects_that_are_too_large() {
    let dir = folder_with(&["inside/a"]);
    std::fs::write(dir.path().join("secret"), b"x").unwrap();
    let lake = Lake::local(dir.path().join("inside"));
    for key in ["../secret", "/etc/hostname", "", "a/../../secret"] {
        let error = lake.get(key).await.unwrap_err();
        assert!(matches!(error, LakeError::BadKey { .. }), "{key}: {error}");
    }
    assert!(matches!(
        lake.get("b").await.unwrap_err(),
        LakeError::NoSuchKey { .. }
    ));
    let lake = lake.with_object_limit(3);
    let error = lake.get("a").await.unwrap_err();
    assert!(
        matches!(
            error,
            LakeError::TooLarge {
                size: 8,
                limit: 3,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn reads_many_and_reports_each() {
    let dir = folder_with(&["a", "b", "c"]);
    let lake = Lake::local(dir.path());
    let all = ["a", "b", "missing", "c"].map(str::to_owned);
    let results: Vec<_> = lake
        .get_many(all, NonZeroUsize::new(2).unwrap())
        .collect()
        .await;
    assert_eq!(results.len(), 4);
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, r)| r.is_err())
        .map(|(k, _)| k.as_str())
        .collect();
    assert_eq!(failed, ["missing"]);
}
