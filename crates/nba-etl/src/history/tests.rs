use super::*;

fn begun(id: &str, job: &str, started_at: DateTime<Utc>) -> Begun {
    Begun {
        run_id: id.to_owned(),
        job: job.to_owned(),
        script: None,
        command: vec![
            "sh".to_owned(),
            "-c".to_owned(),
            "it's \"quoted\"".to_owned(),
        ],
        host: "here".to_owned(),
        pid: 1,
        target: None,
        log: None,
        started_at,
    }
}

fn finished(verdict: Verdict) -> Finished {
    Finished {
        ending: "exit status 0".to_owned(),
        elapsed: Duration::from_millis(1500),
        verdict,
        effects: serde_json::json!([]),
        counters: serde_json::json!({"errors": 0}),
        survivors: 2,
    }
}

#[tokio::test]
async fn a_run_is_remembered_from_its_beginning_to_its_end() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/history.db");
    let history = History::open(&path).await.unwrap();
    let run = begun("0a1", "etl.espn", Utc::now());
    history.begin(&run).await.unwrap();
    assert!(history.begin(&run).await.is_err(), "an id is used once");
    history.beat("0a1", Some((3, 10))).await.unwrap();
    let found = history.find("0a").await.unwrap();
    assert!(found.is_running(Utc::now()));
    assert_eq!(found.progress, Some((3, 10)));
    assert_eq!(found.command, run.command);
    assert_eq!(found.verdict.as_str(), "not_proven");

    history
        .finish("0a1", &finished(Verdict::refuted("nothing")))
        .await
        .unwrap();
    history.close().await;
    let history = History::open(&path).await.unwrap();
    let found = history.find("0a1").await.unwrap();
    assert_eq!(found.verdict, Verdict::refuted("nothing"));
    assert_eq!(found.elapsed, Some(Duration::from_millis(1500)));
    assert_eq!((found.survivors, found.is_running(Utc::now())), (2, false));
    assert_eq!(found.counters["errors"], 0);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_run_that_was_killed_is_lost_and_not_running_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(&dir.path().join("h.db")).await.unwrap();
    let long_ago = Utc::now() - chrono::TimeDelta::minutes(5);
    history.begin(&begun("1", "a", long_ago)).await.unwrap();
    let found = history.find("1").await.unwrap();
    assert!(found.is_lost(Utc::now()) && !found.is_running(Utc::now()));
    assert_eq!(found.verdict.as_str(), "not_proven");
}

#[tokio::test]
async fn freshness_counts_what_was_proven_and_not_what_ran() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(&dir.path().join("h.db")).await.unwrap();
    let limit = Duration::from_secs(3600);
    assert_eq!(
        history.fresh("a", limit).await.unwrap().as_str(),
        "not_proven"
    );
    for (number, verdict) in [Verdict::refuted("0 files"), Verdict::refuted("0 files")]
        .into_iter()
        .enumerate()
    {
        let id = number.to_string();
        history.begin(&begun(&id, "a", Utc::now())).await.unwrap();
        history.finish(&id, &finished(verdict)).await.unwrap();
    }
    assert!(history.fresh("a", limit).await.unwrap().is_refuted());
    history.begin(&begun("9", "a", Utc::now())).await.unwrap();
    history
        .finish("9", &finished(Verdict::Proven))
        .await
        .unwrap();
    assert!(history.fresh("a", limit).await.unwrap().is_proven());
    assert!(
        history
            .fresh("a", Duration::ZERO)
            .await
            .unwrap()
            .is_refuted()
    );
    assert_eq!(history.since_proven("a").await.unwrap().1, 0);
    assert_eq!(history.jobs().await.unwrap(), ["a"]);
    assert_eq!(history.recent(Some("b"), 5).await.unwrap(), []);
    assert_eq!(history.recent(None, 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn several_processes_may_write_at_once_and_open_it_first_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h.db");
    let writers = (0..8).map(|writer| {
        let path = path.clone();
        tokio::spawn(async move {
            let history = History::open(&path).await.unwrap();
            for number in 0..10 {
                let id = format!("{writer}-{number}");
                history.begin(&begun(&id, "a", Utc::now())).await.unwrap();
                history
                    .finish(&id, &finished(Verdict::Proven))
                    .await
                    .unwrap();
            }
            history.close().await;
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let history = History::open(&path).await.unwrap();
    assert_eq!(history.recent(None, 1000).await.unwrap().len(), 80);
    assert!(history.find("1-").await.is_err());
    assert!(history.find("").await.is_err());
    assert!(history.find("x").await.is_err());
}

#[tokio::test]
async fn what_is_no_history_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h.db");
    std::fs::write(
        &path,
        "this is a text file and no database at all, with enough bytes in it",
    )
    .unwrap();
    assert!(matches!(
        History::open(&path).await,
        Err(HistoryError::Open { .. })
    ));
    let path = dir.path().join("newer.db");
    let history = History::open(&path).await.unwrap();
    sqlx::raw_sql("pragma user_version = 99")
        .execute(&history.pool)
        .await
        .unwrap();
    history.close().await;
    assert!(matches!(
        History::open(&path).await,
        Err(HistoryError::Newer { .. })
    ));
}
