//! `nba config`.

use crate::program::Place;
use crate::world::World;
use serde_json::Value;

/// A complete family of variables that names a server by another name.
const OTHER: [(&str, &str); 5] = [
    ("RDS_HOST", "other.replica.invalid"),
    ("RDS_PORT", "5432"),
    ("RDS_DATABASE", "nba_simulator"),
    ("RDS_USERNAME", "somebody"),
    ("RDS_PASSWORD", "a-word"),
];

pub(crate) fn settings_say_where_they_came_from(world: &World) {
    let place = world.project("settings");
    place
        .nba(&["config", "check"])
        .exits(0)
        .says("verdict  proven");
    let host = |place: &Place, flags: &[&str]| {
        let shown = place
            .nba(&[&["config", "show", "--json"], flags].concat())
            .exits(0)
            .json();
        let fields = shown["database"]["fields"]
            .as_array()
            .unwrap_or_else(|| panic!("{shown:#}"));
        let source = fields
            .iter()
            .find(|field| field["field"] == "host")
            .unwrap()["source"]
            .clone();
        (shown, source)
    };
    let (_, source) = host(&place, &[]);
    assert!(
        source["path"]
            .as_str()
            .unwrap()
            .ends_with("nba-sim-credentials.env"),
        "{source}"
    );
    assert_eq!(
        (&source["line"], &source["variable"]),
        (&Value::from(3), &Value::from("DB_HOST"))
    );

    // The environment wins over the file and says what it won over.
    let elsewhere = OTHER
        .iter()
        .fold(place.clone(), |place, (name, value)| {
            place.with(name, *value)
        })
        .with("DB_HOST", "other.replica.invalid");
    let (shown, source) = host(&elsewhere, &["--target", "db"]);
    assert_eq!(source["kind"], "environment", "{source}");
    let values = shown["values"].as_array().unwrap();
    let value = values
        .iter()
        .find(|value| value["key"] == "family.db.host")
        .unwrap();
    assert_eq!(value["value"], "other.replica.invalid");
    assert_eq!(value["overrides"][0]["value"], world.socket().as_str());

    // A flag wins over both.
    let url = format!("postgres:///postgres?host={}&user=postgres", world.socket());
    let (shown, _) = host(&elsewhere, &["--target", &url]);
    assert!(
        shown["database"]["url"]
            .as_str()
            .unwrap()
            .starts_with("postgres:///postgres?"),
        "{shown:#}"
    );
    let asked = elsewhere.nba(&[
        "--target",
        &url,
        "db",
        "query",
        "--json",
        "select current_database() as d",
    ]);
    assert_eq!(asked.exits(0).json()[0]["d"], "postgres");

    // Two families, two servers: nobody guesses.
    let torn = OTHER
        .iter()
        .fold(place, |place, (name, value)| place.with(name, *value));
    let check = torn.nba(&["config", "check"]).exits(1);
    assert!(check.out.contains("conflict"), "{check}");
    assert_eq!(
        torn.nba(&["config", "check", "--json"]).exits(1).json()["verdict"],
        "refuted"
    );
    torn.nba(&["db", "identity"])
        .exits(2)
        .says("other.replica.invalid")
        .says("hint: ");
    // Told which one, the program goes on.
    torn.nba(&["--target", "db", "db", "identity"]).exits(0);
}

#[test]
fn without_a_target_nothing_is_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::empty(dir.path());
    for words in [
        &["db", "identity"][..],
        &["db", "query", "select 1"],
        &["db", "counts"],
        &["db", "catalog"],
        &["baseline", "capture"],
        &["etl", "run", "--expect-rows", "games", "--", "true"],
    ] {
        let ran = place.nba(words).exits(2).says("error: ").says("hint: ");
        assert!(
            ran.out.is_empty() && ran.err.contains("no database"),
            "{ran}"
        );
        // Being quiet is no reason to hide an error.
        place
            .nba(&[&["--quiet"], words].concat())
            .exits(2)
            .says("error: ");
    }
    place.nba(&["config", "check"]).exits(2).says("no database");
    place.nba(&["config", "show"]).exits(0);
    place
        .nba(&["--target", "nosuch", "db", "identity"])
        .exits(2)
        .says("nosuch");
    place
        .nba(&["--project", "/nonexistent", "config", "show"])
        .exits(2)
        .says("`/nonexistent`");
    assert!(
        !place.project.join(".nba").exists(),
        "a failed command left its state behind"
    );
}
