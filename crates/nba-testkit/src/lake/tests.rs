use std::collections::BTreeSet;
use std::sync::OnceLock;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use super::*;
use crate::plan::{PlanOptions, Scale};

struct Built {
    dir: tempfile::TempDir,
    plan: Plan,
    report: LakeReport,
}

fn plan(scale: f64) -> (Universe, Plan) {
    let universe = Universe::new(1);
    let options = PlanOptions {
        scale: Scale::new(scale).unwrap(),
        ..PlanOptions::default()
    };
    let plan = Plan::new(&universe, options).unwrap();
    (universe, plan)
}

fn make(scale: f64, options: &LakeOptions) -> Built {
    let (universe, plan) = plan(scale);
    let dir = tempfile::tempdir().unwrap();
    let report = build(dir.path(), &universe, &plan, options, &|_| {}).unwrap();
    Built { dir, plan, report }
}

/// The documents of 180 games, shared by the tests of one process that only read.
fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    let options = LakeOptions {
        hoopr: HooprFiles::None,
        ..LakeOptions::default()
    };
    BUILT.get_or_init(|| make(0.004, &options))
}

/// A smaller lake with everything in it.
fn complete() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| make(0.001, &LakeOptions::default()))
}

fn read(built: &Built, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(built.dir.path().join(prefix))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn package(bytes: &[u8]) -> Option<Value> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    document.pointer("/page/content/gamepackage").cloned()
}

fn plays(package: &Value) -> Vec<&Value> {
    let groups = package.pointer("/pbp/playGrps").and_then(Value::as_array);
    groups
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten()
        .collect()
}

#[test]
fn the_report_counts_what_is_there() {
    let built = complete();
    let names: BTreeSet<&str> = built.report.by_prefix.keys().map(String::as_str).collect();
    let all = [
        "espn_box_scores",
        "espn_play_by_play",
        "espn_schedules",
        "espn_team_stats",
        "hoopr_parquet",
        "hoopr_phase1",
    ];
    assert_eq!(names, BTreeSet::from(all));
    for prefix in ["espn_play_by_play", "espn_schedules"] {
        let files = read(built, prefix);
        let size = built.report.by_prefix[prefix];
        assert_eq!(u64::try_from(files.len()).unwrap(), size.objects);
        let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(u64::try_from(bytes).unwrap(), size.bytes);
    }
    assert_eq!(built.report.games, built.plan.rows("public.games"));
    assert_eq!(
        built.report.by_prefix["espn_play_by_play"].objects,
        built.report.games
    );
}

#[test]
fn documents_say_what_the_plan_says() {
    let built = built();
    let (universe, _) = plan(0.004);
    let mut with_plays = 0;
    let files: BTreeMap<String, Vec<u8>> = read(built, "espn_play_by_play").into_iter().collect();
    for planned in built
        .plan
        .games
        .iter()
        .filter(|game| game.feeds.has(Feeds::GAMES))
    {
        let header = universe.header(planned.index);
        let id = planned
            .other_id
            .map_or(header.game_id.clone(), |id| id.to_string());
        let bytes = &files[&id];
        let Some(package) = package(bytes) else {
            assert!(
                !planned.feeds.has(Feeds::PLAY_BY_PLAY),
                "{id} must be a page"
            );
            continue;
        };
        assert_eq!(package["gmStrp"]["gid"], id.as_str());
        let ids: BTreeSet<String> = plays(&package)
            .iter()
            .map(|play| play["id"].to_string().trim_matches('"').to_owned())
            .filter(|id| !id.is_empty())
            .collect();
        if planned.feeds.has(Feeds::PLAY_BY_PLAY) {
            with_plays += 1;
            assert_eq!(Some(ids.len()), planned.plays.map(usize::from), "{id}");
        }
        assert!(ids.iter().all(|play| play.starts_with(&id)));
    }
    assert!(with_plays > 30);
}

#[test]
fn a_box_score_adds_up_to_the_final_score() {
    let mut checked = 0;
    for (id, bytes) in read(built(), "espn_box_scores") {
        let Some(package) = package(&bytes) else {
            continue;
        };
        for team in package["bxscr"].as_array().unwrap() {
            let side = if team["tm"]["hm"] == true {
                "home"
            } else {
                "away"
            };
            let final_score = package["gmStrp"]["tms"]
                .as_array()
                .unwrap()
                .iter()
                .find(|strip| strip["homeAway"] == side)
                .map(|strip| strip["score"].as_str().unwrap().parse::<u32>().unwrap());
            let points: u32 = team["stats"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|group| group["athlts"].as_array())
                .flatten()
                .filter_map(|athlete| athlete["stats"][13].as_str())
                .map(|points| points.parse::<u32>().unwrap())
                .sum();
            assert_eq!(Some(points), final_score, "{id} {side}");
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn quirks_come_at_their_rates() {
    // Simulating is not needed for most draws, but for those that look into the box: a few hundred games will do.
    let report = &built().report;
    let share = |quirk: quirks::LakeQuirk| {
        let count = report.quirks.get(quirk.name()).copied().unwrap_or(0);
        u32::try_from(count * 1000 / report.games).unwrap()
    };
    assert!(
        (250..360).contains(&share(quirks::LakeQuirk::NoPlays)),
        "{report:?}"
    );
    assert!(
        (50..160).contains(&share(quirks::LakeQuirk::NoBox)),
        "{report:?}"
    );
    assert!(
        (90..220).contains(&share(quirks::LakeQuirk::NoTeamStats)),
        "{report:?}"
    );
    assert!(
        (70..170).contains(&share(quirks::LakeQuirk::DuplicatePlay)),
        "{report:?}"
    );
    assert!(share(quirks::LakeQuirk::Summary) > 0, "{report:?}");
    // The rare ones are counted over many games without simulating them: the draw alone.
    let (universe, _) = plan(0.004);
    let header = universe.header(20_000);
    let options = SimOptions::default();
    let game = simulate(&header, &options).unwrap();
    let planned = built().plan.games[0];
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut game = game;
    for index in 0..20_000 {
        game.header.index = index;
        let planned = PlannedGame {
            feeds: Feeds::GAMES.with(Feeds::ESPN_PLAYS),
            ..planned
        };
        let entry = LakeGame {
            game: &game,
            planned: &planned,
            id: "1",
            shapes: Shapes::Documented,
        };
        for quirk in quirks::all().iter().filter(|quirk| quirk.shown_by(&entry)) {
            *seen.entry(quirk.name()).or_default() += 1;
        }
    }
    let between = |quirk: quirks::LakeQuirk, low: u32, high: u32| {
        let count = seen.get(quirk.name()).copied().unwrap_or(0);
        assert!((low..high).contains(&count), "{quirk:?}: {count}");
    };
    between(quirks::LakeQuirk::Embedded, 40, 100);
    between(quirks::LakeQuirk::DuplicatePlay, 3_000, 3_700);
    between(quirks::LakeQuirk::NumberIds, 60, 150);
    between(quirks::LakeQuirk::EmptyId, 60, 150);
    between(quirks::LakeQuirk::GroupNotList, 40, 100);
    between(quirks::LakeQuirk::NullClock, 90, 190);
    between(quirks::LakeQuirk::NoBox, 2_900, 3_500);
    between(quirks::LakeQuirk::NoTeamStats, 2_700, 3_300);
    between(quirks::LakeQuirk::DateWithSeconds, 1, 20_000);
    between(quirks::LakeQuirk::MissingReferee, 1, 20_000);
    between(quirks::LakeQuirk::MissingTotals, 1, 20_000);
}

#[test]
fn a_summary_is_stored_under_all_three_keys() {
    let built = built();
    let [plays, boxes, teams] = ["espn_play_by_play", "espn_box_scores", "espn_team_stats"]
        .map(|prefix| read(built, prefix));
    let mut summaries = 0;
    for ((plays, boxes), teams) in plays.iter().zip(&boxes).zip(&teams) {
        let document: Option<Value> = serde_json::from_slice(&plays.1).ok();
        let summary =
            document.is_some_and(|d| d.get("boxscore").is_some() && d.get("header").is_some());
        assert_eq!(
            summary,
            plays.1 == boxes.1
                && boxes.1 == teams.1
                && package(&plays.1).is_none()
                && plays.1[0] == b'{'
        );
        summaries += u64::from(summary);
    }
    assert_eq!(
        Some(&summaries),
        built.report.quirks.get(quirks::LakeQuirk::Summary.name())
    );
}

#[test]
fn old_names_hold_the_same_documents() {
    let options = LakeOptions {
        prefixes: Prefixes::Both,
        hoopr: HooprFiles::None,
        ..LakeOptions::default()
    };
    let both = make(0.001, &options);
    assert_eq!(read(&both, "pbp"), read(&both, "espn_play_by_play"));
    assert_eq!(read(&both, "schedule"), read(&both, "espn_schedules"));
    assert!(!both.report.by_prefix.contains_key("hoopr_phase1"));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let digest = |built: &Built| {
        let mut files = Vec::new();
        let mut folders = vec![built.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(built.dir.path()).unwrap().to_owned();
                    files.push((name, std::fs::read(path).unwrap()));
                }
            }
        }
        files.sort();
        files
    };
    let (a, b) = (complete(), &make(0.001, &LakeOptions::default()));
    assert!(digest(a) == digest(b));
    assert_eq!(a.report, b.report);
}

#[test]
fn hoopr_files_hold_the_planned_rows_in_both_forms() {
    let built = complete();
    for (table, csv_folder, _, parquet_folder) in [
        ("public.hoopr_play_by_play", "bulk_pbp", "", "play_by_play"),
        (
            "public.hoopr_player_box",
            "bulk_player_box",
            "",
            "player_box",
        ),
        ("public.hoopr_team_box", "bulk_team_box", "", "team_box"),
        ("public.hoopr_schedule", "bulk_schedule", "", "schedule"),
    ] {
        let planned = built.plan.rows(table);
        let mut csv_rows = 0;
        for (_, bytes) in read(built, &format!("hoopr_phase1/{csv_folder}")) {
            // Play texts of one line hold no line ends, but type names do.
            let text = String::from_utf8(bytes).unwrap();
            let mut quoted = false;
            let ends = text.bytes().filter(|byte| {
                quoted ^= *byte == b'"';
                *byte == b'\n' && !quoted
            });
            csv_rows += u64::try_from(ends.count() - 1).unwrap();
        }
        assert_eq!(csv_rows, planned, "{table} as csv");

        let mut parquet_rows = 0;
        for entry in
            std::fs::read_dir(built.dir.path().join("hoopr_parquet").join(parquet_folder)).unwrap()
        {
            let file = std::fs::File::open(entry.unwrap().path()).unwrap();
            let reader = SerializedFileReader::new(file).unwrap();
            parquet_rows += u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap();
        }
        assert_eq!(parquet_rows, planned, "{table} as parquet");
    }
}

#[test]
fn parquet_has_the_sources_types() {
    let folder = complete().dir.path().join("hoopr_parquet/play_by_play");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    assert!(
        paths[0]
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("pbp_20")
    );
    let reader = SerializedFileReader::new(std::fs::File::open(&paths[0]).unwrap()).unwrap();
    let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    let cells: BTreeMap<&String, &Field> = row.get_column_iter().collect();
    let field = |name: &str| cells[&name.to_owned()];
    assert_eq!(cells.len(), 63);
    assert!(matches!(field("id"), Field::Double(_)));
    assert!(matches!(field("game_id"), Field::Int(_)));
    assert!(matches!(field("scoring_play"), Field::Bool(_)));
    assert!(matches!(field("text"), Field::Str(_)));
    assert!(matches!(field("game_date"), Field::Date(_)));
    assert!(
        matches!(field("clock_display_value"), Field::Str(text) if text == "12:00.0"),
        "{row:?}"
    );
}

#[test]
fn refuses_a_folder_with_something_in_it() {
    let (universe, plan) = plan(0.001);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine"), b"").unwrap();
    let error = build(
        dir.path(),
        &universe,
        &plan,
        &LakeOptions::default(),
        &|_| {},
    )
    .unwrap_err();
    assert!(matches!(error, LakeError::NotEmpty { .. }));
    assert!(error.hint().is_some());
}

#[test]
fn shapes_can_be_spread_evenly() {
    let options = LakeOptions {
        hoopr: HooprFiles::None,
        shapes: Shapes::Evenly,
        ..LakeOptions::default()
    };
    let built = make(0.001, &options);
    let mut by_shape: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, bytes) in read(&built, "espn_box_scores") {
        let document = serde_json::from_slice::<Value>(&bytes);
        let shape = match document {
            Ok(document) if document.get("page").is_some() => "page",
            Ok(_) => "summary",
            Err(_) => "embedded",
        };
        *by_shape.entry(shape).or_default() += 1;
    }
    assert_eq!(by_shape.len(), 3, "{by_shape:?}");
    assert!(by_shape.values().all(|games| *games >= 8), "{by_shape:?}");
    let scoreboards = read(&built, "espn_schedules")
        .iter()
        .filter(|(_, bytes)| bytes.starts_with(b"{\"day\""))
        .count();
    assert!(scoreboards >= 10, "{scoreboards}");
}
