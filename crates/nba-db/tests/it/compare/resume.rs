//! Interrupted comparisons go on, and give what an uninterrupted one gives.

use std::io;
use std::path::Path;

use nba_db::compare::{
    CompareError, CompareSpec, Comparison, Difference, Mode, Observer, Progress,
};
use nba_utils::Verdict;

use super::{Seen, World};

const TABLES: &str = "
create table l (id int primary key, v text);
insert into l select n, 'row ' || n from generate_series(1, 2000) n;
create table r (like l including all);
insert into r select * from l where id % 200 <> 0;
update r set v = 'other' where id % 90 = 0;
analyze l; analyze r;";

fn spec(mode: Mode, file: &Path) -> CompareSpec {
    CompareSpec {
        mode: Some(mode),
        piece_rows: 50.try_into().unwrap(),
        listed: 12,
        checkpoint: Some(file.to_owned()),
        ..CompareSpec::default()
    }
}

/// Stops at the n-th difference, as a full disk would.
struct Stopping(u32);

impl Observer for Stopping {
    fn difference(&mut self, _: &Difference) -> io::Result<()> {
        self.0 -= 1;
        if self.0 == 0 {
            return Err(io::Error::other("stopped here"));
        }
        Ok(())
    }

    fn progress(&mut self, progress: Progress) {
        assert!(progress.parts_done <= progress.parts);
    }
}

fn essence(comparison: &Comparison) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        comparison.verdict.clone(),
        comparison.totals,
        comparison.differences.clone(),
        comparison.by_column.clone(),
        (
            comparison.left.rows,
            comparison.right.rows,
            comparison.truncated,
        ),
    )
}

#[tokio::test]
async fn an_interrupted_comparison_goes_on_where_it_was() {
    let world = World::new(TABLES).await;
    let folder = tempfile::tempdir().unwrap();
    for way in world
        .ways()
        .into_iter()
        .filter(|way| way.mode != Mode::Multiset)
    {
        let whole = folder.path().join(format!("{} whole", way.name));
        let uninterrupted = way.compare("l", "r", spec(way.mode, &whole)).await;
        assert_eq!(uninterrupted.assembly.resumed_parts, 0);
        let file = folder.path().join(way.name);
        for differences in [9, 20, 29] {
            let outcome = way
                .try_compare("l", "r", spec(way.mode, &file), &mut Stopping(differences))
                .await;
            // Between two databases differences are told last, so that it stops there each time.
            assert!(
                matches!(outcome, Err(CompareError::Observer(_))),
                "{outcome:?}"
            );
        }
        // What a crash leaves at the end is cut off.
        let mut torn = std::fs::read(&file).unwrap();
        torn.extend_from_slice(b"0123456789abcdef {\"finished\":{\"run\":9");
        std::fs::write(&file, torn).unwrap();
        let mut seen = Seen::default();
        let resumed = way
            .try_compare("l", "r", spec(way.mode, &file), &mut seen)
            .await
            .unwrap();
        assert_eq!(essence(&resumed), essence(&uninterrupted), "{}", way.name);
        assert_eq!(
            u64::try_from(seen.0.len()).unwrap(),
            resumed.totals.differences()
        );
        assert!(resumed.assembly.resumed_parts > 0, "{:?}", resumed.assembly);
        if way.name != "stream between two" {
            assert!(
                resumed.assembly.snapshots > 1,
                "{}: {:?}",
                way.name,
                resumed.assembly
            );
        }
        assert!(
            resumed.notes.iter().any(|note| note.contains("no write")),
            "{:?}",
            resumed.notes
        );
        // Everything is there already.
        let again = way
            .try_compare("l", "r", spec(way.mode, &file), &mut ())
            .await
            .unwrap();
        assert_eq!(essence(&again), essence(&uninterrupted));
        assert_eq!(again.assembly.resumed_parts, again.assembly.parts);
    }
    world.stop().await;
}

#[tokio::test]
async fn parts_of_different_times_prove_nothing_once_the_table_was_written() {
    let world = World::new(TABLES).await;
    world
        .run("delete from r; insert into r select * from l; select pg_stat_force_next_flush()")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("progress");
    let way = world.ways()[0];
    let first = way.compare("l", "r", spec(Mode::Join, &file)).await;
    assert!(first.verdict.is_proven(), "{:?}", first.verdict);
    world
        .run("update r set v = 'written' where id = 1000")
        .await;
    crate::support::eventually("the write is counted", || async {
        let found = way.compare("l", "r", spec(Mode::Join, &file)).await;
        assert_eq!(found.totals.differences(), 0, "the earlier reading is what was asked for");
        matches!(&found.verdict, Verdict::NotProven { reasons } if reasons.as_slice().iter().any(|reason| reason.contains("may have been written")))
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn a_checkpoint_of_something_else_is_refused_and_left_as_it_is() {
    let world = World::new(TABLES).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("progress");
    let ways = world.ways();
    ways[0].compare("l", "r", spec(Mode::Join, &file)).await;
    let streamed = folder.path().join("streamed");
    ways[1]
        .compare("l", "r", spec(Mode::Stream, &streamed))
        .await;
    let kept = std::fs::read(&file).unwrap();
    let ignoring = CompareSpec {
        ignore: [("v".to_owned(), "not now".to_owned())].into(),
        ..spec(Mode::Join, &file)
    };
    for (way, left, right, spec, expected) in [
        (ways[0], "r", "l", spec(Mode::Join, &file), "left relation"),
        (
            ways[2],
            "l",
            "r",
            spec(Mode::Stream, &streamed),
            "right database",
        ),
        (
            ways[1],
            "l",
            "r",
            spec(Mode::Stream, &file),
            "mode was `join`",
        ),
        (ways[0], "l", "r", ignoring, "columns"),
    ] {
        let error = way
            .try_compare(left, right, spec, &mut ())
            .await
            .unwrap_err();
        assert!(
            matches!(error, CompareError::OtherCheckpoint { .. }),
            "{error}"
        );
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_eq!(std::fs::read(&file).unwrap(), kept);
    }
    // A file that is none is not touched, and damage inside one is an error.
    let other = folder.path().join("notes.txt");
    for text in ["my notes", "0123456789abcdef and more\n"] {
        std::fs::write(&other, text).unwrap();
        let error = ways[0]
            .try_compare("l", "r", spec(Mode::Join, &other), &mut ())
            .await
            .unwrap_err();
        assert!(matches!(error, CompareError::Checkpoint { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), text);
    }
    let mut damaged = kept.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&file, damaged).unwrap();
    let error = ways[0]
        .try_compare("l", "r", spec(Mode::Join, &file), &mut ())
        .await
        .unwrap_err();
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("is damaged"),
        "{error}"
    );
    world.stop().await;
}
