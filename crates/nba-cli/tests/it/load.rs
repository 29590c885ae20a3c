//! `nba load`: documents into tables, killed in the middle, gone on with, repeated, refused.

use std::path::PathBuf;
use std::time::Duration;

use crate::program::wait_for;
use crate::world::World;

const DATABASE: &str = "loads";

pub(crate) fn a_killed_load_goes_on_and_a_second_changes_nothing(world: &World) {
    let place = world.own_database(DATABASE);
    place.nba(&["testkit", "lake", "lake", "--quiet"]).exits(0);
    let sql = |sql: &str| world.sql(DATABASE, sql);
    sql("truncate play_by_play cascade");
    let load = |more: &[&str]| {
        let mut words = vec!["--json", "load", "espn", "lake", "--table", "play_by_play"];
        words.extend(more);
        place.nba(&words)
    };
    let dry = load(&["--dry-run"]).json();
    assert_eq!(dry["dry_run"], true, "{dry}");
    assert!(dry["total"]["read"].as_u64() > Some(5_000), "{dry}");
    assert_eq!(sql("select count(*)::text from play_by_play"), ["0"]);

    // The server holds the load up at a year in the middle, for as long as the test needs to kill it there.
    let years =
        sql("select distinct extract(year from game_date)::int4::text from games order by 1");
    let middle = &years[years.len() / 2];
    sql(&format!(
        "create function hold() returns trigger language plpgsql as $$ begin \
           if exists (select from games where game_id = new.game_id and extract(year from game_date) >= {middle}) \
           then perform pg_sleep(600); end if; return new; end $$; \
         create trigger hold before insert on play_by_play for each row execute function hold()"
    ));
    let mut running = place.spawn(&["load", "espn", "lake", "--table", "play_by_play"]);
    wait_for("the load to be held up", Duration::from_secs(120), || {
        let held = "select 1::text from pg_stat_activity where datname = 'loads' and wait_event = 'PgSleep'";
        (!sql(held).is_empty()).then_some(())
    });
    running.kill();
    sql(
        "select pg_terminate_backend(pid)::text from pg_stat_activity where datname = 'loads' and wait_event = 'PgSleep'",
    );
    wait_for("its session to end", Duration::from_secs(60), || {
        let held = "select 1::text from pg_stat_activity where datname = 'loads' and wait_event = 'PgSleep'";
        sql(held).is_empty().then_some(())
    });
    sql("drop trigger hold on play_by_play");
    let kept = sql("select count(*)::text from play_by_play");
    let late = sql(&format!(
        "select count(*)::text from play_by_play join games using (game_id) where extract(year from game_date) >= {middle}"
    ));
    assert_eq!(late, ["0"], "a year is loaded whole or not at all");

    let resumed = load(&[]).json();
    assert!(resumed["resumed"].as_u64() > Some(0), "{resumed}");
    assert_eq!(resumed["total"]["read"], dry["total"]["read"], "{resumed}");
    let rows = sql("select count(*)::text from play_by_play");
    assert_ne!(rows, kept);
    assert_eq!(
        rows[0],
        resumed["total"]["inserted"].to_string(),
        "{resumed}"
    );

    // Again: everything is read, and nothing is written.
    let again = load(&[]).json();
    assert_eq!(again["resumed"], 0, "{again}");
    assert_eq!(again["total"]["inserted"], 0, "{again}");
    assert_eq!(again["total"]["updated"], 0, "{again}");
    assert_eq!(again["total"]["unchanged"].to_string(), rows[0], "{again}");

    // A document that is cut off is set aside with its place; the others are loaded.
    let victim = sql("select max(game_id) from play_by_play").remove(0);
    let file = place
        .project
        .join(format!("lake/espn_play_by_play/{victim}.json"));
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let cut = load(&[]).exits(1).json();
    assert_eq!(cut["total"]["unreadable"], 1, "{cut}");
    let quarantine = PathBuf::from(cut["quarantine"].as_str().unwrap());
    let lines = std::fs::read_to_string(quarantine).unwrap();
    let line: serde_json::Value = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|line: &serde_json::Value| line["item"] == 0)
        .unwrap();
    assert_eq!(line["file"], format!("espn_play_by_play/{victim}.json"));
    assert!(line["column"].as_u64() > Some(0), "{line}");
    std::fs::write(&file, &whole).unwrap();

    // Nor does one play that does not fit stop its year.
    let text = String::from_utf8(whole.clone()).unwrap();
    let long = text.replacen(
        "\"displayValue\":\"12:00\"",
        "\"displayValue\":\"12:00 and some\"",
        1,
    );
    assert_ne!(long, text);
    std::fs::write(&file, long).unwrap();
    let bad = load(&[]).exits(1).json();
    assert_eq!(bad["total"]["unreadable"], 0, "{bad}");
    assert!(bad["divergences"].to_string().contains("ROW-1"), "{bad}");
    assert_eq!(bad["total"]["inserted"], 0, "{bad}");
    std::fs::write(&file, &whole).unwrap();

    // One document by itself.
    sql(&format!(
        "delete from play_by_play where game_id = '{victim}'"
    ));
    let path = file.display().to_string();
    let single = place
        .nba(&["--json", "load", "espn", &path, "--table", "play_by_play"])
        .json();
    assert!(single["total"]["inserted"].as_u64() > Some(0), "{single}");
    assert_eq!(sql("select count(*)::text from play_by_play"), rows);

    // Without a key that tells rows apart nothing is loaded, and the way out is named.
    sql("alter table play_by_play drop constraint play_by_play_pkey cascade");
    place
        .nba(&["load", "espn", "lake", "--table", "play_by_play"])
        .exits(2)
        .says("create unique index concurrently on public.play_by_play (play_id)");

    let season = place.project.join("lake/hoopr_parquet/team_box");
    let season = season.display().to_string();
    place
        .nba(&["load", "hoopr", &season])
        .exits(2)
        .says("create unique index concurrently on public.hoopr_team_box (game_id, team_id)");
    sql("create unique index on hoopr_team_box (game_id, team_id)");
    place
        .nba(&["load", "hoopr", &season])
        .exits(0)
        .says("verdict proven");
    let same = place
        .nba(&["--json", "load", "hoopr", &season])
        .exits(0)
        .json();
    assert_eq!(same["total"]["unchanged"], same["total"]["read"], "{same}");

    // Once its capability is switched, only the side it is switched to writes; other tables are nobody's business still.
    sql("delete from hoopr_team_box");
    let capability = ["switch", "set", "etl.hoopr.team_box", "off"];
    place
        .nba(&[&capability[..], &["--by", "me", "--why", "a test"]].concat())
        .exits(0);
    place
        .nba(&["load", "hoopr", &season])
        .exits(2)
        .says("`hoopr_team_box` may not be written now")
        .says("it is off")
        .says("nba switch list");
    assert_eq!(sql("select count(*)::text from hoopr_team_box"), ["0"]);
    place.nba(&["load", "hoopr", &season, "--dry-run"]).exits(0);

    for (words, problem) in [
        (&["espn", "nosuch"][..], "`nosuch` does not exist"),
        (&["espn", "lake", "--table", "odds"], "what is: "),
        (&["hoopr", "lake", "--years", "1900"], "`1900` is no year"),
        (&["hoopr", "nba.toml"], "is no file of a hoopR table"),
        (
            &["hoopr", "lake", "--years", "2150"],
            "there is nothing to load",
        ),
    ] {
        let words: Vec<&str> = ["load"].iter().chain(words).copied().collect();
        place.nba(&words).exits(2).says(problem);
    }
}
