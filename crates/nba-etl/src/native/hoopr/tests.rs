use std::borrow::Cow;

use chrono::NaiveDate;

use super::cell::{Kind, Manner, Value, python_float, value};
use super::eastern;
use super::facts::{Dtype, Seen};
use super::source::Cell;
use super::*;

fn manner(kind: Kind, mode: Mode, dtype: Option<Dtype>) -> Manner {
    Manner {
        mode,
        kind,
        digits: true,
        dtype,
    }
}

/// What pandas takes a column for decides how its ids are written (ETL dossier 3.4).
#[test]
fn one_gap_spoils_a_column() {
    for (cells, dtype) in [
        (&["13", "1966"][..], Dtype::Whole),
        (&["13", ""], Dtype::Real),
        (&["13", "NA"], Dtype::Real),
        (&["", "NA"], Dtype::Real),
        (&["13.5", "2"], Dtype::Real),
        (&["13", "x"], Dtype::Object),
        (&["TRUE", "FALSE"], Dtype::Truth),
        (&["TRUE", ""], Dtype::Object),
        (&["TRUE", "1"], Dtype::Object),
        (&["12:00", ""], Dtype::Object),
    ] {
        let mut seen = Seen::default();
        for cell in cells {
            seen.add(cell);
        }
        assert_eq!(seen.dtype(), dtype, "{cells:?}");
    }
    let compat = |text, dtype| {
        value(
            Cell::Text(text),
            &manner(Kind::Text(None), Mode::Compat, Some(dtype)),
        )
        .unwrap()
    };
    let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
    assert_eq!(compat("13", Dtype::Real), text("13.0"));
    assert_eq!(compat("13", Dtype::Whole), text("13"));
    assert_eq!(compat("007", Dtype::Whole), text("7"));
    assert_eq!(compat("TRUE", Dtype::Truth), text("True"));
    assert_eq!(compat("12:00", Dtype::Object), text("12:00"));
    assert_eq!(compat("nan", Dtype::Object), Value::Null);
    assert_eq!(compat("--", Dtype::Object), text("--"));
}

#[test]
fn correct_mode_keeps_ids_as_they_are() {
    let correct = |cell, kind, dtype| value(cell, &manner(kind, Mode::Correct, dtype));
    let text = |text: &'static str| Ok(Value::Text(Cow::Borrowed(text)));
    let csv = Some(Dtype::Object);
    let of = |cell| correct(cell, Kind::Text(Some(20)), csv);
    assert_eq!(of(Cell::Text("13.0")), text("13"));
    assert_eq!(of(Cell::Text("35:42")), text("35:42"));
    assert_eq!(of(Cell::Text("NA")), Ok(Value::Null));
    assert_eq!(of(Cell::Text("None")), text("None"));
    assert_eq!(of(Cell::Real(13.0)), text("13"));
    assert_eq!(of(Cell::Real(13.5)), text("13.5"));
    for (cell, kind, expected) in [
        (Cell::Text("+12"), Kind::Whole(32), Ok(Value::Whole(12))),
        (Cell::Text("--"), Kind::Whole(32), Ok(Value::Null)),
        (Cell::Text("38.0"), Kind::Whole(32), Ok(Value::Whole(38))),
        (Cell::Text("TRUE"), Kind::Whole(32), Ok(Value::Whole(1))),
        (Cell::Text("TRUE"), Kind::Truth, Ok(Value::Truth(true))),
        (Cell::Truth(true), Kind::Double, Ok(Value::Whole(1))),
        (
            Cell::Real(4_013_078_561.0),
            Kind::Double,
            Ok(Value::Real(4_013_078_561.0)),
        ),
        (
            Cell::Text("2024-01-19 22:30:00-05:00"),
            Kind::Moment,
            Ok(Value::Moment(
                NaiveDate::from_ymd_opt(2024, 1, 19)
                    .unwrap()
                    .and_hms_opt(22, 30, 0)
                    .unwrap(),
            )),
        ),
        (
            Cell::Text("2024-01-20T00:30Z"),
            Kind::Date,
            Ok(Value::Date(NaiveDate::from_ymd_opt(2024, 1, 20).unwrap())),
        ),
        (
            Cell::Text("3000000000"),
            Kind::Whole(32),
            Err("is `3000000000`, not a whole number of 32 bits".to_owned()),
        ),
        (
            Cell::Text("100.0"),
            Kind::Numeric(Some(2)),
            Err("is `100.0`, not a number with 2 digits before the point".to_owned()),
        ),
        (
            Cell::Text("99.99951"),
            Kind::Numeric(Some(2)),
            Err("is `99.99951`, not a number with 2 digits before the point".to_owned()),
        ),
        (
            Cell::Text("2024-13-01"),
            Kind::Date,
            Err("is `2024-13-01`, not a date".to_owned()),
        ),
        (
            Cell::Text("ab"),
            Kind::Text(Some(1)),
            Err("is `ab`, not a text of at most 1 characters".to_owned()),
        ),
    ] {
        assert_eq!(correct(cell, kind, csv), expected, "{cell:?}");
    }
    // Of a parquet file, an empty text is NULL, and `NA` is a text.
    assert_eq!(
        correct(Cell::Text(""), Kind::Text(None), None),
        Ok(Value::Null)
    );
    assert_eq!(
        correct(Cell::Text("NA"), Kind::Text(None), None),
        text("NA")
    );
}

#[test]
fn floats_are_written_as_python_does() {
    for (value, text) in [
        (13.0, "13.0"),
        (0.5, "0.5"),
        (1e16, "1e+16"),
        (1.5e22, "1.5e+22"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-214_748_340.0, "-214748340.0"),
        (0.0, "0.0"),
    ] {
        assert_eq!(python_float(value), text);
    }
}

#[test]
fn instants_become_eastern_time() {
    let at = |text: &str| NaiveDate::parse_and_remainder(text, "%Y-%m-%d").unwrap().0;
    for (utc, eastern_hour) in [
        // Winter and summer, and both sides of each change.
        ("2024-01-20 00:30", "2024-01-19 19:30"),
        ("2024-06-18 00:30", "2024-06-17 20:30"),
        ("2024-03-10 06:59", "2024-03-10 01:59"),
        ("2024-03-10 07:00", "2024-03-10 03:00"),
        ("2024-11-03 05:59", "2024-11-03 01:59"),
        ("2024-11-03 06:00", "2024-11-03 01:00"),
        ("2003-04-06 06:59", "2003-04-06 01:59"),
        ("2003-04-06 07:00", "2003-04-06 03:00"),
        ("2003-10-26 06:00", "2003-10-26 01:00"),
    ] {
        let parse = |text: &str| {
            let time = chrono::NaiveTime::parse_from_str(&text[11..], "%H:%M").unwrap();
            at(text).and_time(time)
        };
        assert_eq!(eastern::from_utc(parse(utc)), parse(eastern_hour), "{utc}");
    }
}

#[test]
fn a_file_is_what_its_columns_say() {
    for (columns, table) in [
        (&["game_id", "sequence_number"][..], Some(Table::PlayByPlay)),
        (
            &["game_id", "athlete_id", "team_id", "team_score"],
            Some(Table::PlayerBox),
        ),
        (&["game_id", "team_id", "team_score"], Some(Table::TeamBox)),
        (&["id", "home_id", "away_id"], Some(Table::Schedule)),
        (&["table", "column", "r_type"], None),
        (&[], None),
    ] {
        assert_eq!(Table::of_columns(columns), table, "{columns:?}");
    }
    assert_eq!(season_of("team_box_2024_2025.parquet"), Some(2024));
    assert_eq!(season_of("team_box.csv"), None);
}

proptest::proptest! {
    #[test]
    fn no_cell_panics(text in ".{0,40}", number in proptest::num::f64::ANY, whole in proptest::num::i64::ANY) {
        for kind in [Kind::Whole(16), Kind::Whole(32), Kind::Whole(64), Kind::Double, Kind::Numeric(Some(2)), Kind::Numeric(None),
            Kind::Truth, Kind::Date, Kind::Moment, Kind::Text(None), Kind::Text(Some(3))] {
            for mode in [Mode::Compat, Mode::Correct] {
                for dtype in [None, Some(Dtype::Object), Some(Dtype::Real), Some(Dtype::Whole), Some(Dtype::Truth)] {
                    for cell in [Cell::Text(&text), Cell::Real(number), Cell::Whole(whole)] {
                        let _ = value(cell, &manner(kind, mode, dtype));
                    }
                }
            }
        }
    }

    #[test]
    fn no_file_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), parquet in proptest::bool::ANY) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut content = if parquet { b"PAR1".to_vec() } else { b"game_id,team_id,team_score\n".to_vec() };
        content.extend(bytes);
        if parquet { content.extend(b"PAR1"); }
        std::fs::write(file.path(), content).unwrap();
        let _ = probe(file.path());
    }
}

proptest::proptest! {
    /// What is written as CSV is read again, over several lines and with quotes where needed.
    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(proptest::collection::vec("[ -~\n\r\té☃]{0,12}", 3), 0..12)) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = csv::Writer::from_path(file.path()).unwrap();
        writer.write_record(["game_id", "team_id", "team_score"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        writer.flush().unwrap();
        let mut found: Vec<Vec<String>> = Vec::new();
        for_each_row(file.path(), Form::Csv, &[0, 1, 2], &mut |_, cells| {
            let cells = cells.unwrap();
            found.push(cells.iter().map(|cell| match cell {
                Cell::Text(text) => (*text).to_owned(),
                other => format!("{other:?}"),
            }).collect());
            Ok(())
        }).unwrap();
        proptest::prop_assert_eq!(found, rows);
    }
}
