//! Whatever is done to the rows of a document, nothing wrong is called proven.

use nba_testkit::sim::Game;
use nba_utils::Verdict;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::{SHAPES, Shape, games, truth};

/// One change of a document.
#[derive(Debug, Clone)]
enum Harm {
    /// A row once more, so many rows later.
    Twice(Index, usize),
    /// Two neighbours of one moment in the other order.
    Swap(Index),
    /// All rows of a moment, turned around.
    Turn(Index),
    /// A row lacks a field.
    Without(Index, Index),
    /// A field is null.
    Null(Index, Index),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let index = any::<Index>;
    let one = prop_oneof![
        (index(), 0usize..6).prop_map(|(at, later)| Harm::Twice(at, later)),
        index().prop_map(Harm::Swap),
        index().prop_map(Harm::Turn),
        (index(), index()).prop_map(|(at, field)| Harm::Without(at, field)),
        (index(), index()).prop_map(|(at, field)| Harm::Null(at, field)),
    ];
    prop::collection::vec(one, 1..24)
}

/// Rows with the place each had before anything was done; headings stay where they are.
pub(super) struct Rows<'a> {
    shape: &'a Shape,
    rows: Vec<(usize, Value)>,
    /// Rows that lack something. One thing each: who loses his id and his text in one row has left no trace in it.
    lacking: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn new(shape: &'a Shape, rows: Vec<Value>) -> Self {
        Self {
            shape,
            rows: rows.into_iter().enumerate().collect(),
            lacking: Vec::new(),
        }
    }

    pub(super) fn is_heading(row: &Value) -> bool {
        row.get(0)
            .and_then(Value::as_str)
            .is_some_and(|cell| cell.eq_ignore_ascii_case("time"))
    }

    fn moment(&self, at: usize) -> Option<Vec<Option<&Value>>> {
        let (_, row) = &self.rows[at];
        let fields = self.shape.moment.iter().map(|field| row.pointer(field));
        (!Self::is_heading(row)).then(|| fields.collect())
    }

    fn are_of_one_moment(&self, one: usize, other: usize) -> bool {
        self.moment(one).is_some() && self.moment(one) == self.moment(other)
    }

    fn harm(&mut self, harm: &Harm) {
        let count = self.rows.len();
        match harm {
            Harm::Twice(at, later) => {
                let at = at.index(count);
                if Self::is_heading(&self.rows[at].1) {
                    return;
                }
                let mut to = at;
                while to < at + later && to + 1 < count && self.are_of_one_moment(at, to + 1) {
                    to += 1;
                }
                let row = self.rows[at].clone();
                self.rows.insert(to + 1, row);
            }
            Harm::Swap(at) => {
                let at = at.index(count - 1);
                if self.are_of_one_moment(at, at + 1) {
                    self.rows.swap(at, at + 1);
                }
            }
            Harm::Turn(at) => {
                let at = at.index(count);
                let mut from = at;
                while from > 0 && self.are_of_one_moment(at, from - 1) {
                    from -= 1;
                }
                let mut until = at + 1;
                while until < count && self.are_of_one_moment(at, until) {
                    until += 1;
                }
                self.rows[from..until].reverse();
            }
            Harm::Without(at, field) | Harm::Null(at, field) => {
                let fields = self.shape.fields;
                let field = fields[field.index(fields.len())];
                self.lack(at.index(count), field, matches!(harm, Harm::Without(..)));
            }
        }
    }

    fn lack(&mut self, at: usize, field: &str, altogether: bool) {
        let (place, row) = &mut self.rows[at];
        if Self::is_heading(row) || self.lacking.contains(place) {
            return;
        }
        let (parent, name) = field.rsplit_once('/').unwrap();
        let parent = row.pointer_mut(parent);
        match parent {
            Some(Value::Object(fields)) if fields.contains_key(name) => {
                self.lacking.push(*place);
                if altogether {
                    fields.remove(name);
                } else {
                    fields.insert(name.to_owned(), Value::Null);
                }
            }
            Some(Value::Array(cells)) => {
                self.lacking.push(*place);
                if let Some(cell) = name.parse().ok().and_then(|at: usize| cells.get_mut(at)) {
                    *cell = Value::Null;
                }
            }
            _ => {}
        }
    }

    fn values(&self) -> Vec<Value> {
        self.rows.iter().map(|(_, row)| row.clone()).collect()
    }
}

/// A game whose players have a key of their own in every form, and that is proven in each as it is.
pub(super) fn generated() -> &'static Game {
    static GAME: std::sync::OnceLock<Game> = std::sync::OnceLock::new();
    GAME.get_or_init(|| games(1).next().unwrap())
}

#[test]
fn the_game_is_proven_before_anything_is_done_to_it() {
    let game = generated();
    for shape in &SHAPES {
        assert!(shape.key.is_clear(game), "{}", shape.name);
        let found = verdict(shape, game, &(shape.rows)(game));
        assert_eq!(found, Ok(Verdict::Proven), "{}", shape.name);
    }
}

/// What is said of a document, and that it is not wrong.
pub(super) fn verdict(shape: &Shape, game: &Game, rows: &[Value]) -> Result<Verdict, String> {
    // Refusing the document is an answer, too.
    let Ok(log) = shape.read(game, rows) else {
        return Ok(Verdict::not_proven("refused"));
    };
    let (ours, found) = truth::counted(&log, shape.key);
    let verdict = found.counts();
    let played = truth::played(game, shape.key);
    if verdict == Verdict::Proven && ours != played {
        let wrong: Vec<_> = played
            .iter()
            .filter(|(key, counts)| ours.get(*key) != Some(*counts))
            .map(|(key, counts)| (key, counts, ours.get(key)))
            .collect();
        return Err(format!("{}: proven and wrong: {wrong:?}", shape.name));
    }
    Ok(verdict)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn a_harmed_document_is_never_wrongly_proven(shape in 0..SHAPES.len(), harms in harms()) {
        let shape = &SHAPES[shape];
        let game = generated();
        let mut rows = Rows::new(shape, (shape.rows)(game));
        for harm in &harms {
            rows.harm(harm);
        }
        if let Err(wrong) = verdict(shape, game, &rows.values()) {
            prop_assert!(false, "{}", wrong);
        }
    }
}

/// What the rows say happened, to tell which of them leave no trace when they are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trace {
    /// Something is done with the ball.
    Act,
    /// A foul, or a row beside another one: nothing but later figures of the same player tells that it was there.
    Faint,
    /// Nothing counts.
    None,
}

/// All texts of a row, in small letters.
fn texts(row: &Value, into: &mut String) {
    match row {
        Value::String(text) => *into += &format!("{} ", text.to_lowercase()),
        Value::Array(cells) => cells.iter().for_each(|cell| texts(cell, into)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, into)),
        _ => {}
    }
}

pub(super) fn trace(row: &Value) -> Trace {
    const ACTS: [&str; 19] = [
        "jump shot",
        "jumpshot",
        "layup",
        "dunk",
        "jumper",
        "hook",
        "tip shot",
        "point shot",
        "free throw",
        "freethrow",
        "2pt",
        "3pt",
        "rebound",
        "turnover",
        "bad pass",
        "traveling",
        "lost ball",
        "3-pt",
        "2-pt",
    ];
    let mut text = String::new();
    texts(row, &mut text);
    if ACTS.iter().any(|word| text.contains(word)) {
        Trace::Act
    } else if ["foul", "steal", "block"]
        .iter()
        .any(|word| text.contains(word))
    {
        Trace::Faint
    } else {
        Trace::None
    }
}

/// Whether a row is the first or the last of its period that does something with the ball.
fn is_at_an_edge(rows: &Rows<'_>, at: usize) -> bool {
    let period = |row: &Value| {
        rows.shape
            .moment
            .len()
            .gt(&1)
            .then(|| row.pointer(rows.shape.moment[0]).cloned())
    };
    let own = period(&rows.rows[at].1);
    let others = |mut range: Box<dyn Iterator<Item = &(usize, Value)> + '_>| {
        !range.any(|(_, row)| trace(row) == Trace::Act)
    };
    let same = |(_, row): &&(usize, Value)| !Rows::is_heading(row) && period(row) == own;
    others(Box::new(rows.rows[..at].iter().rev().take_while(same)))
        || others(Box::new(rows.rows[at + 1..].iter().take_while(same)))
}

/// Lost rows show, except those that hand no ball over.
#[test]
fn a_lost_row_is_noticed() {
    let game = generated();
    for (number, shape) in SHAPES
        .iter()
        .enumerate()
        .filter(|(_, shape)| shape.followed)
    {
        let whole = Rows::new(shape, (shape.rows)(game));
        let (mut noticed, mut tried) = (0, 0);
        for at in (number..whole.rows.len()).step_by(11) {
            let row = &whole.rows[at].1;
            if Rows::is_heading(row) || trace(row) == Trace::None {
                continue;
            }
            let mut rest = whole.values();
            rest.remove(at);
            tried += 1;
            match verdict(shape, game, &rest) {
                Ok(Verdict::Proven) => {}
                Ok(_) => noticed += 1,
                Err(wrong) => assert!(
                    trace(row) == Trace::Faint || is_at_an_edge(&whole, at),
                    "row {at}, {row}: {wrong}"
                ),
            }
        }
        assert!(noticed > tried / 2, "{}: {noticed} of {tried}", shape.name);
    }
}

/// Each field by itself, in rows that have it: the harms of the property above bite.
#[test]
fn fields_that_are_missing_show() {
    let game = generated();
    for shape in &SHAPES {
        let whole = Rows::new(shape, (shape.rows)(game));
        let (mut unproven, mut proven) = (0, 0);
        for (number, field) in shape.fields.iter().enumerate() {
            let has = |at: &usize| {
                let row = &whole.rows[*at].1;
                let value = row.pointer(field);
                !Rows::is_heading(row) && value.is_some_and(|value| !value.is_null() && value != "")
            };
            let places: Vec<usize> = (0..whole.rows.len()).filter(has).collect();
            for at in places.iter().skip(number).step_by(places.len() / 3 + 1) {
                let mut rows = Rows::new(shape, whole.values());
                rows.lack(*at, field, number % 2 == 0);
                assert!(rows.lacking.contains(at), "{field}");
                match verdict(shape, game, &rows.values()).unwrap() {
                    Verdict::Proven => proven += 1,
                    _ => unproven += 1,
                }
            }
        }
        eprintln!("{}: {proven} proven, {unproven} not", shape.name);
        // A score more or less is no loss where every row has one.
        assert!(unproven > 0 || shape.fields.len() == 1, "{}", shape.name);
        assert!(proven > 0, "{}", shape.name);
    }
}
