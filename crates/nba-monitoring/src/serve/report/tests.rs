use std::time::Duration;

use nba_utils::Verdict;

use super::*;
use crate::checks::{Observation, TableVolume};
use crate::evidence::EvidenceRow;
use crate::rules::Criticality;
use crate::watch::{Monitor, Policy};

const EVIL: &str = "<script>alert('x')</script> & \"more\"";
const HOUR: Duration = Duration::from_secs(3_600);

fn start() -> DateTime<Utc> {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

fn hour(hour: i64) -> DateTime<Utc> {
    start() + TimeDelta::hours(hour)
}

/// Ten days, one look per hour: lost rows on the first day, a full disk for some hours of the last week, a role that may not see
/// since the last one, and half a day without a look. Ends at hour 240.
async fn watch(folder: &Path) {
    let mut monitor = Monitor::open(folder, start(), Policy::default()).unwrap();
    for at in (0..=240).filter(|at| !(150..162).contains(at)) {
        let look = |id: &str, verdict, message: &str| {
            Observation::new(id, Criticality::Critical, verdict, Some(5.0), message)
        };
        let bad = |bad: bool, verdict: Verdict| if bad { verdict } else { Verdict::Proven };
        let seen = vec![
            look(
                "volume.tables",
                bad((2..20).contains(&at), Verdict::refuted("rows are gone")),
                "rows are gone",
            ),
            look(
                "db.free_space",
                bad((100..110).contains(&at), Verdict::refuted(EVIL)),
                EVIL,
            ),
            look(
                "db.lock_waits",
                bad(at >= 230, Verdict::not_proven("not shown")),
                "not shown",
            ),
        ];
        monitor.state.memory.volumes.tables = rows(at);
        monitor
            .tick(hour(at), HOUR, 40 + u64::try_from(at % 3).unwrap(), seen)
            .await;
    }
    monitor.save().unwrap();
    monitor.history().close().await;
}

/// Estimated rows, as the look at volumes leaves them.
fn rows(at: i64) -> BTreeMap<String, TableVolume> {
    let volume = |rows| TableVolume {
        rows,
        ..TableVolume::default()
    };
    let games = 1_000.0 + f64::from(i32::try_from(at).unwrap());
    BTreeMap::from([
        ("public.games".to_owned(), volume(games)),
        ("public.teams".to_owned(), volume(30.0)),
    ])
}

fn chapters() -> Vec<Chapter> {
    vec![Chapter {
        title: "Dual runs".to_owned(),
        summary: "0 of 1 proven".to_owned(),
        records: vec![EvidenceRow {
            at: hour(200),
            subject: EVIL.to_owned(),
            verdict: "refuted".to_owned(),
            detail: "3 rows differ".to_owned(),
            digest: "0123".to_owned(),
        }],
    }]
}

#[tokio::test]
async fn a_week_says_what_was_wrong_since_when_and_for_how_long() {
    let folder = tempfile::tempdir().unwrap();
    watch(folder.path()).await;
    let week = Week::read(folder.path(), hour(240), chapters())
        .await
        .unwrap();
    assert_eq!(
        week.standing,
        Standing::Unknown,
        "db.lock_waits cannot be told"
    );
    assert_eq!(week.problem, None);
    let outages: Vec<_> = week
        .outages
        .iter()
        .map(|outage| {
            (
                outage.check.as_str(),
                outage.level,
                outage.since,
                outage.until,
            )
        })
        .collect();
    // What goes on comes first; what ended before the week is not in it. The end is the second good look.
    assert_eq!(
        outages,
        [
            ("db.lock_waits", Level::Unknown, hour(230), None),
            ("monitor", Level::Unknown, hour(149), Some(hour(162))),
            ("db.free_space", Level::Critical, hour(100), Some(hour(111))),
        ]
    );
    assert_eq!(week.unwatched_minutes, 13 * 60);
    let looks = 168 + 1 - 12;
    assert_eq!(week.looks, looks, "one per hour, but for half a day");
    let check = |id: &str| week.checks.iter().find(|check| check.id == id).unwrap();
    assert_eq!(check("db.free_space").bad_hours, 10);
    assert_eq!(check("volume.tables").bad_hours, 0);
    assert_eq!(week.cost.look_ms_max, Some(42.0));
    assert!(week.cost.disk_bytes > 10_000, "{:?}", week.cost);
    let json = serde_json::to_value(&week).unwrap();
    assert_eq!(json["outages"][0]["until"], serde_json::Value::Null);
    assert_eq!(json["standing"], "unknown");
}

#[tokio::test]
async fn the_page_is_one_file_and_what_was_text_is_no_markup() {
    let folder = tempfile::tempdir().unwrap();
    watch(folder.path()).await;
    let week = Week::read(folder.path(), hour(240), chapters())
        .await
        .unwrap();
    let page = week.html();
    for expected in [
        "db.lock_waits",
        "since 2026-01-20 02:00, goes on",
        "since 2026-01-14 16:00, for 11 h",
        "public.games",
        "+168",
        "3 rows differ",
        "<svg class=\"spark\"",
        "<svg class=\"chart\"",
        "1 of 2 tables changed",
    ] {
        assert!(page.contains(expected), "`{expected}`: {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    for outside in ["http://", "https://", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(outside), "`{outside}`: {page}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
    let text = week.text();
    for expected in [
        "db.free_space: bad looks in 10 of 157 hours",
        "db.lock_waits since 2026-01-20 02:00, goes on: not shown",
        "+168",
        "watching: ",
        "dual runs: 0 of 1 proven",
    ] {
        assert!(text.contains(expected), "`{expected}`: {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_makes_no_report_and_a_watch_that_stopped_no_healthy_one() {
    let folder = tempfile::tempdir().unwrap();
    let read = async |at: i64| Week::read(folder.path(), hour(at), Vec::new()).await;
    assert!(matches!(read(240).await, Err(ReportError::Nothing { .. })));
    watch(folder.path()).await;
    // Nobody has watched for two days.
    let week = read(288).await.unwrap();
    assert_eq!(week.standing, Standing::Unknown);
    assert!(week.problem.unwrap().contains("nobody watches"));
    assert_eq!(week.unwatched_minutes, (13 + 48) * 60);
    // A past that cannot be read is no week without trouble.
    std::fs::write(
        folder.path().join("history.db"),
        "this is no database at all",
    )
    .unwrap();
    for beside in ["history.db-wal", "history.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(beside));
    }
    assert!(matches!(read(240).await, Err(ReportError::History(_))));
    std::fs::write(folder.path().join("state.json"), "{").unwrap();
    assert!(matches!(read(240).await, Err(ReportError::State(_))));
}
