//! The replica's lake in a real object store: listed whole, every shape told apart.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use futures::{StreamExt as _, TryStreamExt as _};
use nba_config::{S3Settings, SecretString};
use nba_etl::EspnShape;
use nba_etl::lake::{Inventory, Lake};
use nba_testkit::lake::quirks::LakeQuirk;
use nba_testkit::lake::{HooprFiles, LakeOptions, build};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::s3::{S3Credentials, S3Server};
use nba_testkit::sim::Universe;

#[tokio::test]
async fn every_document_of_a_lake_is_recognised() {
    let universe = Universe::new(1);
    let options = PlanOptions {
        scale: Scale::new(0.002).unwrap(),
        ..PlanOptions::default()
    };
    let plan = Plan::new(&universe, options).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), S3Credentials::random()).unwrap();
    let settings = S3Settings {
        endpoint: Some(server.endpoint().to_owned()),
        access_key_id: Some(SecretString::from(server.credentials().access_key.clone())),
        secret_access_key: Some(SecretString::from(server.credentials().secret_key.clone())),
        ..S3Settings::default()
    };
    let documents = LakeOptions {
        hoopr: HooprFiles::None,
        ..LakeOptions::default()
    };
    let written = build(
        &dir.path().join(&settings.bucket),
        &universe,
        &plan,
        &documents,
        &|_| {},
    )
    .unwrap();

    let lake = Lake::s3(&settings).await;
    let totals = lake.totals(&Inventory::default()).await.unwrap();
    assert_eq!(totals.all.objects, written.objects());
    assert_eq!(totals.all.bytes, written.bytes());

    let keys: Vec<String> = lake
        .inventory(&Inventory::of("espn_"))
        .map_ok(|object| object.key)
        .try_collect()
        .await
        .unwrap();
    let mut shapes: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut without_plays = 0;
    let mut found = lake.get_many(keys, NonZeroUsize::new(8).unwrap());
    while let Some((key, document)) = found.next().await {
        let document = document.unwrap();
        let shape = EspnShape::detect(&document.bytes);
        let prefix = document.object.prefix().to_owned();
        if prefix == "espn_play_by_play" && shape.plays() == Some(0) {
            without_plays += 1;
        }
        assert!(
            !matches!(shape, EspnShape::Unknown | EspnShape::Unreadable),
            "{key}: {shape}"
        );
        *shapes.entry((prefix, shape.to_string())).or_default() += 1;
    }
    let quirk = |quirk: LakeQuirk| written.quirks.get(quirk.name()).copied().unwrap_or(0);
    let count = |prefix: &str, shape: &str| {
        shapes
            .get(&(prefix.to_owned(), shape.to_owned()))
            .copied()
            .unwrap_or(0)
    };
    for prefix in ["espn_play_by_play", "espn_box_scores", "espn_team_stats"] {
        assert_eq!(
            count(prefix, "summary"),
            quirk(LakeQuirk::Summary),
            "{prefix}"
        );
        assert_eq!(
            count(prefix, "embedded"),
            quirk(LakeQuirk::Embedded),
            "{prefix}"
        );
        assert!(count(prefix, "page") > 60, "{shapes:?}");
    }
    assert!(quirk(LakeQuirk::Summary) > 0);
    assert_eq!(without_plays, quirk(LakeQuirk::NoPlays));
    assert!(count("espn_schedules", "page schedule") > 30, "{shapes:?}");
}
