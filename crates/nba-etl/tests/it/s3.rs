//! Lakes in a real object store.

use std::collections::BTreeSet;
use std::path::Path;

use futures::TryStreamExt as _;
use nba_config::{S3Settings, SecretString};
use nba_etl::lake::{Inventory, Lake, LakeError, LakeErrorKind};
use nba_testkit::proxy::{Fault, FaultProxy, Upstream};
use nba_testkit::s3::{S3Credentials, S3Server};
use nba_utils::Hint as _;

const BUCKET: &str = "nba-sim-raw-data-lake";

struct Store {
    server: S3Server,
    dir: tempfile::TempDir,
}

impl Store {
    fn start() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let server = S3Server::start(dir.path(), S3Credentials::random()).unwrap();
        server.create_bucket(BUCKET).unwrap();
        Store { server, dir }
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.dir.path().join(BUCKET).join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn settings(&self) -> S3Settings {
        settings(&self.server)
    }
}

fn settings(server: &S3Server) -> S3Settings {
    let keys = server.credentials();
    S3Settings {
        bucket: BUCKET.to_owned(),
        endpoint: Some(server.endpoint().to_owned()),
        access_key_id: Some(SecretString::from(keys.access_key.clone())),
        secret_access_key: Some(SecretString::from(keys.secret_key.clone())),
        ..S3Settings::default()
    }
}

async fn keys(lake: &Lake, what: &Inventory) -> BTreeSet<String> {
    let all: Vec<String> = lake
        .inventory(what)
        .map_ok(|o| o.key)
        .try_collect()
        .await
        .unwrap();
    let unique: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(all.len(), unique.len(), "an object was listed twice");
    unique
}

#[tokio::test]
async fn lists_every_page_of_every_prefix() {
    let store = Store::start();
    for number in 0..2_300 {
        store.put(&format!("espn_play_by_play/{number}.json"), b"{}");
    }
    store.put("espn_box_scores/1.json", b"1234");
    store.put("hoopr_phase1/bulk_pbp/pbp_2024.csv", b"");
    store.put("top.txt", b"123");
    let lake = Lake::s3(&store.settings()).await;
    let totals = lake.totals(&Inventory::default()).await.unwrap();
    assert_eq!(totals.all.objects, 2_303);
    assert_eq!(totals.all.bytes, 2 * 2_300 + 4 + 3);
    assert_eq!(totals.by_prefix["espn_play_by_play"].objects, 2_300);
    assert_eq!(totals.by_prefix[""].objects, 1);

    // The same folder read directly says the same.
    let folder = Lake::local(store.dir.path().join(BUCKET));
    assert_eq!(folder.totals(&Inventory::default()).await.unwrap(), totals);
}

#[tokio::test]
async fn a_long_listing_that_is_split_has_every_key_once() {
    let wanted: BTreeSet<String> = (0..60_000)
        .map(|number| format!("espn_{}/{}.json", number % 3, 400_000_000 + number * 37))
        .chain(["a/top.json", "z", "espn_1"].map(str::to_owned))
        .collect();
    let names = wanted.iter().cloned().collect();
    let server = S3Server::listing(BUCKET, names, S3Credentials::random()).unwrap();
    let lake = Lake::s3(&settings(&server)).await;
    for parallel in [1, 3, 16] {
        let what = Inventory {
            concurrency: std::num::NonZeroUsize::new(parallel).unwrap(),
            ..Inventory::default()
        };
        assert!(keys(&lake, &what).await == wanted, "{parallel} at once");
    }
}

#[tokio::test]
async fn lists_below_a_prefix_and_reads_with_it() {
    let store = Store::start();
    for key in [
        "copy/espn_schedules/1.json",
        "copy/espn_schedules/2.json",
        "other/x",
        "copy2/y",
    ] {
        store.put(key, key.as_bytes());
    }
    let settings = S3Settings {
        prefix: "copy/".to_owned(),
        ..store.settings()
    };
    let lake = Lake::s3(&settings).await;
    let all = keys(&lake, &Inventory::default()).await;
    assert_eq!(
        all,
        BTreeSet::from(["espn_schedules/1.json", "espn_schedules/2.json"].map(str::to_owned))
    );
    assert_eq!(
        keys(&lake, &Inventory::of("espn_schedules/2")).await.len(),
        1
    );
    let document = lake.get("espn_schedules/1.json").await.unwrap();
    assert_eq!(document.bytes.as_ref(), b"copy/espn_schedules/1.json");
    assert!(document.object.etag.is_some());
    assert!(document.object.modified.is_some());
}

#[tokio::test]
async fn each_trouble_has_its_own_name() {
    let store = Store::start();
    store.put("a.json", b"{}");
    let good = store.settings();

    let lake = Lake::s3(&good).await;
    let error = lake.get("b.json").await.unwrap_err();
    assert!(matches!(error, LakeError::NoSuchKey { .. }), "{error:?}");
    let error = Lake::s3(&good)
        .await
        .with_object_limit(1)
        .get("a.json")
        .await
        .unwrap_err();
    assert!(matches!(error, LakeError::TooLarge { .. }), "{error:?}");

    let other = S3Settings {
        bucket: "no-such-bucket".to_owned(),
        ..good.clone()
    };
    let error = Lake::s3(&other)
        .await
        .totals(&Inventory::default())
        .await
        .unwrap_err();
    assert!(matches!(error, LakeError::NoSuchBucket { .. }), "{error:?}");

    let secret = "wrong-secret-key-0123456789";
    let wrong = S3Settings {
        secret_access_key: Some(SecretString::from(secret)),
        ..good.clone()
    };
    let lake = Lake::s3(&wrong).await;
    let error = lake.totals(&Inventory::default()).await.unwrap_err();
    assert_eq!(error.kind(), LakeErrorKind::Denied, "{error:?}");
    assert!(error.hint().is_some());
    assert!(!format!("{error} {error:?} {lake:?}").contains(secret));

    let nobody = S3Settings {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..good
    };
    let error = Lake::s3(&nobody)
        .await
        .totals(&Inventory::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LakeErrorKind::Unreachable, "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn an_object_that_ends_early_is_an_error() {
    let store = Store::start();
    store.put("big.json", &vec![b'x'; 300_000]);
    let address = store
        .server
        .endpoint()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let proxy = FaultProxy::start(Upstream::Tcp(address)).unwrap();
    let settings = S3Settings {
        endpoint: Some(format!("http://{}", proxy.address())),
        ..store.settings()
    };
    let lake = Lake::s3(&settings).await;
    assert_eq!(lake.get("big.json").await.unwrap().bytes.len(), 300_000);
    proxy.cut();
    proxy.set(Fault::CutAfter { bytes: 100_000 });
    let error = lake.get("big.json").await.unwrap_err();
    assert_eq!(error.kind(), LakeErrorKind::Corrupt, "{error:?}");
    proxy.set(Fault::Refuse);
    let error = lake.get("big.json").await.unwrap_err();
    assert_eq!(error.kind(), LakeErrorKind::Unreachable, "{error:?}");
    assert!(Path::new(store.dir.path()).exists());
}
