//! Manifests, verification and synchronisation against a real object store and against faults on the way.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use nba_config::{S3Settings, SecretString};
use nba_etl::lake::{
    DrillOptions, Inventory, Lake, LakeError, Manifest, ManifestError, ManifestOptions,
    SyncOptions, diff, download, drill, sync, verify_copy, verify_manifest,
};
use nba_testkit::proxy::{Fault, FaultProxy, Upstream};
use nba_testkit::s3::{S3Credentials, S3Server};

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

    fn path(&self, key: &str) -> PathBuf {
        self.dir.path().join(BUCKET).join(key)
    }

    fn put(&self, key: &str, text: &str) {
        write(&self.path(key), text);
    }

    fn settings(&self) -> S3Settings {
        let keys = self.server.credentials();
        S3Settings {
            bucket: BUCKET.to_owned(),
            endpoint: Some(self.server.endpoint().to_owned()),
            access_key_id: Some(SecretString::from(keys.access_key.clone())),
            secret_access_key: Some(SecretString::from(keys.secret_key.clone())),
            ..S3Settings::default()
        }
    }

    async fn lake(&self) -> Lake {
        Lake::s3(&self.settings()).await
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn four() -> NonZeroUsize {
    NonZeroUsize::new(4).unwrap()
}

fn filled() -> Store {
    let store = Store::start();
    for number in 0..40 {
        store.put(
            &format!("espn_play_by_play/{number}.json"),
            &format!("{{\"id\": {number}}}"),
        );
    }
    store.put("espn_schedules/20240115.json", "[]");
    store
}

#[tokio::test]
async fn a_copy_is_proven_and_every_defect_in_it_is_named() {
    let store = filled();
    let lake = store.lake().await;
    let copy = store.dir.path().join("copy");
    let all = Inventory::default();
    let report = sync(&lake, &copy, &SyncOptions::default()).await.unwrap();
    assert_eq!((report.listed, report.fetched, report.present), (41, 41, 0));
    assert!(report.verdict().is_proven());
    let report = verify_copy(&lake, &copy, &all, four()).await.unwrap();
    assert_eq!(report.same, 41);
    assert!(report.verdict().is_proven(), "{report:?}");

    // One file gone, one with a flipped byte and the same size, one longer, one too many, one a link.
    std::fs::remove_file(copy.join("espn_play_by_play/1.json")).unwrap();
    write(&copy.join("espn_play_by_play/2.json"), "{\"id\": 3}");
    write(&copy.join("espn_play_by_play/4.json"), "{\"id\": 4} ");
    write(&copy.join("espn_play_by_play/notes.txt"), "mine");
    std::fs::remove_file(copy.join("espn_play_by_play/5.json")).unwrap();
    std::os::unix::fs::symlink(
        copy.join("espn_play_by_play/6.json"),
        copy.join("espn_play_by_play/5.json"),
    )
    .unwrap();
    let report = verify_copy(&lake, &copy, &all, four()).await.unwrap();
    assert_eq!(report.missing.first, ["espn_play_by_play/1.json"]);
    assert_eq!(report.extra.first, ["espn_play_by_play/notes.txt"]);
    let mut different = report.different.first.clone();
    different.sort();
    assert_eq!(
        different,
        [
            "espn_play_by_play/2.json (same size, other content)",
            "espn_play_by_play/4.json (10 bytes instead of 9)",
            "espn_play_by_play/5.json (not a regular file)",
        ]
    );
    assert!(report.verdict().is_refuted());
    // The other prefix is untouched.
    let schedules = Inventory::of("espn_schedules/");
    assert!(
        verify_copy(&lake, &copy, &schedules, four())
            .await
            .unwrap()
            .verdict()
            .is_proven()
    );
    let nothing = Inventory::of("no_such_prefix/");
    assert_eq!(
        verify_copy(&lake, &copy, &nothing, four())
            .await
            .unwrap()
            .verdict()
            .as_str(),
        "not_proven"
    );

    // Synchronising brings back what is missing, deletes nothing, and keeps what it did not make.
    let report = sync(&lake, &copy, &SyncOptions::default()).await.unwrap();
    assert_eq!(report.fetched, 1);
    assert_eq!(report.kept.count, 2, "{report:?}");
    assert_eq!(report.verdict().as_str(), "not_proven");
    assert_eq!(
        std::fs::read_to_string(copy.join("espn_play_by_play/notes.txt")).unwrap(),
        "mine"
    );
    assert_eq!(
        std::fs::read_to_string(copy.join("espn_play_by_play/4.json")).unwrap(),
        "{\"id\": 4} "
    );
}

#[tokio::test]
async fn only_older_files_are_replaced_and_only_when_asked_to() {
    let store = filled();
    let lake = store.lake().await;
    let copy = store.dir.path().join("copy");
    let mut options = SyncOptions::default();
    options.dry_run = true;
    let report = sync(&lake, &copy, &options).await.unwrap();
    assert_eq!(report.fetched, 41);
    assert_eq!(report.verdict().as_str(), "not_proven");
    assert!(!copy.exists());
    options.dry_run = false;
    sync(&lake, &copy, &options).await.unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
    let file = copy.join("espn_play_by_play/7.json");
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(old)
        .unwrap();
    store.put("espn_play_by_play/7.json", "{\"id\": 7, \"final\": true}");
    let report = sync(&lake, &copy, &options).await.unwrap();
    assert_eq!((report.fetched, report.kept.count), (0, 1), "{report:?}");
    options.update = true;
    let report = sync(&lake, &copy, &options).await.unwrap();
    assert_eq!((report.fetched, report.replaced), (1, 1));
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "{\"id\": 7, \"final\": true}"
    );
    let again = sync(&lake, &copy, &options).await.unwrap();
    assert_eq!((again.fetched, again.present), (0, 41));
}

#[tokio::test]
async fn a_manifest_tells_later_what_was_there() {
    let store = filled();
    let lake = store.lake().await;
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let mut options = ManifestOptions::default();
    options.content = true;
    options.facts = true;
    let monday = Manifest::take(&lake, &options).await.unwrap();
    monday.write(&file("monday.parquet")).unwrap();
    let read = Manifest::read(&file("monday.parquet")).unwrap();
    assert_eq!(read, monday);
    assert_eq!(read.totals().all.objects, 41);
    // Evidence is not overwritten.
    assert!(monday.write(&file("monday.parquet")).is_err());
    assert!(diff(&monday, &read).verdict().is_proven());

    let copy = store.dir.path().join("copy");
    sync(&lake, &copy, &SyncOptions::default()).await.unwrap();
    let report = verify_manifest(&monday, &copy, four()).await.unwrap();
    assert!(report.verdict().is_proven(), "{report:?}");
    write(&copy.join("espn_play_by_play/9.json"), "{\"id\": 8}");
    let report = verify_manifest(&monday, &copy, four()).await.unwrap();
    assert_eq!(report.different.count, 1);

    store.put("espn_play_by_play/100.json", "{}");
    store.put("espn_play_by_play/8.json", "{\"id\": 9}");
    std::fs::remove_file(store.path("espn_play_by_play/3.json")).unwrap();
    let friday = Manifest::take(&lake, &options).await.unwrap();
    let found = diff(&monday, &friday);
    assert_eq!(found.added.first, ["espn_play_by_play/100.json"]);
    assert_eq!(found.removed.first, ["espn_play_by_play/3.json"]);
    assert_eq!(found.changed.first, ["espn_play_by_play/8.json"]);
    assert!(found.verdict().is_refuted());
    // The listing alone cannot tell a change of the same size.
    let bare = |manifest: &Manifest| {
        let mut bare = manifest.clone();
        for entry in &mut bare.entries {
            (entry.etag, entry.checksum, entry.blake3) = (None, None, None);
        }
        bare
    };
    let found = diff(&bare(&monday), &bare(&monday));
    assert_eq!(found.undecided.count, 41);
    assert_eq!(found.verdict().as_str(), "not_proven");
    let mut part = ManifestOptions::default();
    part.what = Inventory::of("espn_schedules/");
    let part = Manifest::take(&lake, &part).await.unwrap();
    assert!(diff(&part, &friday).scope.is_some());

    // A manifest that was changed is none.
    let mut bytes = std::fs::read(file("monday.parquet")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    std::fs::write(file("broken.parquet"), &bytes).unwrap();
    assert!(Manifest::read(&file("broken.parquet")).is_err());
    std::fs::write(file("text.parquet"), "no parquet").unwrap();
    assert!(matches!(
        Manifest::read(&file("text.parquet")),
        Err(ManifestError::File { .. })
    ));
}

#[tokio::test]
async fn an_etag_of_parts_is_recognised() {
    let store = Store::start();
    let lake = store.lake().await;
    let bytes = vec![b'x'; 9 * 1024 * 1024];
    // boto3's upload of 9 MiB: two parts, of 8 MiB and of 1 MiB.
    let file = store.dir.path().join("file");
    std::fs::write(&file, &bytes).unwrap();
    let etag = {
        use md5::{Digest as _, Md5};
        let mut all = Md5::new();
        for part in bytes.chunks(8 * 1024 * 1024) {
            all.update(Md5::digest(part));
        }
        let hex: String = all.finalize().iter().map(|b| format!("{b:02x}")).collect();
        format!("{hex}-2")
    };
    assert_eq!(
        nba_etl::lake::etag_of_file(&file, &etag).unwrap(),
        Some(true)
    );
    assert_eq!(
        nba_etl::lake::etag_of_file(&file, &etag.replace("-2", "-3")).unwrap(),
        None
    );
    assert_eq!(
        nba_etl::lake::etag_of_file(&file, &"0".repeat(32)).unwrap(),
        None
    );
    assert_eq!(nba_etl::lake::etag_of_file(&file, "no-etag").unwrap(), None);

    // New objects are written with a checksum, and never over another one.
    lake.put_new("backups/a.json", Bytes::from_static(b"{}"))
        .await
        .unwrap();
    let error = lake
        .put_new("backups/a.json", Bytes::from_static(b"[]"))
        .await
        .unwrap_err();
    assert!(matches!(error, LakeError::AlreadyThere { .. }), "{error:?}");
    assert_eq!(
        lake.get("backups/a.json").await.unwrap().bytes.as_ref(),
        b"{}"
    );
    assert!(lake.put_new("../escape", Bytes::new()).await.is_err());
    let facts = lake.facts("backups/a.json").await.unwrap();
    assert!(facts.checksum.unwrap().starts_with("sha256:"));
    let folder = Lake::local(store.dir.path().join("folder"));
    folder
        .put_new("a/b.json", Bytes::from_static(b"1"))
        .await
        .unwrap();
    assert!(matches!(
        folder.put_new("a/b.json", Bytes::new()).await,
        Err(LakeError::AlreadyThere { .. })
    ));
}

#[tokio::test]
async fn a_broken_transfer_leaves_nothing_and_is_tried_again() {
    let store = Store::start();
    let body = "x".repeat(400_000);
    store.put("big.json", &body);
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
    let copy = store.dir.path().join("copy");
    proxy.set(Fault::CutAfter { bytes: 100_000 });
    let error = download(&lake, "big.json", &copy.join("big.json"))
        .await
        .unwrap_err();
    assert!(matches!(error, LakeError::Damaged { .. }), "{error:?}");
    assert_eq!(
        std::fs::read_dir(&copy).unwrap().count(),
        0,
        "a part was left behind"
    );
    // The next try succeeds when the network is back, in the middle of the waiting.
    let healing = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        proxy.cut();
        proxy.set(Fault::None);
    };
    let file = copy.join("big.json");
    let (fetched, ()) = tokio::join!(download(&lake, "big.json", &file), healing);
    let fetched = fetched.unwrap();
    assert_eq!(fetched.digests.size, 400_000);
    assert_eq!(
        std::fs::read_to_string(copy.join("big.json")).unwrap(),
        body
    );
    assert!(matches!(
        download(&lake, "big.json", &copy.join("big.json")).await,
        Err(LakeError::AlreadyThere { .. })
    ));
    assert!(matches!(
        download(&lake, "nosuch", &copy.join("x")).await,
        Err(LakeError::NoSuchKey { .. })
    ));
}

/// A sample is fetched and compared; whatever an object became since the manifest is found in it.
#[tokio::test]
async fn a_sample_of_the_lake_comes_back_or_the_drill_says_what_does_not() {
    let store = filled();
    let lake = store.lake().await;
    let mut options = ManifestOptions::default();
    options.content = true;
    options.facts = true;
    let manifest = Manifest::take(&lake, &options).await.unwrap();
    let practise = async |sample: usize, seed: &str| {
        let scratch = tempfile::tempdir().unwrap();
        let options = DrillOptions::new(NonZeroUsize::new(sample).unwrap(), seed);
        let found = drill(&lake, &manifest, &options, scratch.path()).await;
        let mut names: Vec<_> = walk(scratch.path());
        names.sort();
        found.map(|found| (found, names))
    };
    let (found, first) = practise(10, "monday").await.unwrap();
    assert!(found.verdict.is_proven(), "{:?}", found.verdict);
    assert_eq!(
        (found.sample, found.objects, found.report.same),
        (10, 41, 10)
    );
    // This store keeps no versions, and none is claimed.
    assert_eq!(found.versioned, 0);
    let (_, again) = practise(10, "monday").await.unwrap();
    assert_eq!(first, again, "anybody can draw it again");
    let (_, other) = practise(10, "tuesday").await.unwrap();
    assert_ne!(first, other, "another day, other objects");

    // One is overwritten by as many bytes, one is gone, one arrives damaged or shorter: a drill of all finds each.
    store.put("espn_play_by_play/7.json", "{\"id\": 8}");
    std::fs::remove_file(store.path("espn_play_by_play/8.json")).unwrap();
    store.put("espn_play_by_play/9.json", "{}");
    let (found, _) = practise(1000, "all").await.unwrap();
    assert!(found.verdict.is_refuted());
    assert_eq!((found.sample, found.report.same), (41, 38));
    let said = found.verdict.to_string();
    for key in ["7.json", "8.json", "9.json"] {
        assert!(said.contains(key), "{key}: {said}");
    }
    // A store that does not answer is no finding about its objects.
    let gone = Lake::s3(&S3Settings {
        bucket: "no-such-bucket".to_owned(),
        ..store.settings()
    })
    .await;
    let scratch = tempfile::tempdir().unwrap();
    let options = DrillOptions::new(NonZeroUsize::MIN, "monday");
    let outcome = drill(&gone, &manifest, &options, scratch.path()).await;
    assert!(
        !outcome.is_ok_and(|found| found.verdict.is_proven()),
        "nothing came back"
    );
}

/// The files below a folder, by their relative paths.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = PathBuf::from(path.file_name().unwrap());
            found.extend(walk(&path).into_iter().map(|file| name.join(file)));
        } else {
            found.push(PathBuf::from(path.file_name().unwrap()));
        }
    }
    found
}
