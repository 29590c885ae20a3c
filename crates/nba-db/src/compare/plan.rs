//! What is compared with what, decided before a row is read.

use super::describe::{Described, Place};
use super::error::CompareError;
use super::outcome::{IgnoredColumn, SchemaDifference, Side};
use super::pair::{Pair, TextOf, column_sql};
use super::spec::{CompareSpec, Mode, Relation};

/// Columns of one statement's result, at most: PostgreSQL's own limit is 1,664.
const MOST_COLUMNS: usize = 1_600;

/// Both sides, brought together.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) mode: Mode,
    pub(super) mode_reason: String,
    /// The columns compared, those of the key first.
    pub(super) pairs: Vec<Pair>,
    /// Number of key columns.
    pub(super) key: usize,
    pub(super) key_proven_unique: bool,
    pub(super) ignored: Vec<IgnoredColumn>,
    pub(super) schema: Vec<SchemaDifference>,
    pub(super) notes: Vec<String>,
    /// What stands behind `from` on each side.
    pub(super) from: [String; 2],
    /// Whether the statements must see the role's own search path.
    pub(super) own_search_path: bool,
    /// Whether texts have other bytes on the two servers.
    pub(super) recode_hash: bool,
    /// Whether both sides are in one database.
    pub(super) same_place: bool,
    /// Rows of the larger side, about.
    pub(super) estimate: u64,
    /// Bytes of the larger side, about.
    pub(super) bytes: u64,
    /// Sides of which a sample of rows can be taken.
    pub(super) can_sample: [bool; 2],
}

fn spec_error(problem: String, hint: &'static str) -> CompareError {
    CompareError::Spec { problem, hint }
}

impl Plan {
    /// Decides; `same_place` says that both sides are one database.
    pub(super) fn new(
        places: [&Place; 2],
        sides: [&Described; 2],
        relations: [&Relation; 2],
        spec: &CompareSpec,
        same_place: bool,
    ) -> Result<Self, CompareError> {
        let [left, right] = sides;
        refuse_self(sides, relations, spec, same_place)?;
        refuse_unknown(left, right, spec)?;
        let recode = !places.iter().all(|place| place.keeps_byte_order());
        let mut columns = Columns::pair(left, right, spec, recode)?;
        let key = choose_key(left, right, spec, &columns.pairs)?;
        for name in &key {
            if spec.tolerance.contains_key(name) {
                return Err(spec_error(
                    format!("`{name}` is part of the key and cannot have a tolerance"),
                    "a key tells rows apart exactly: leave the tolerance out, or give another key",
                ));
            }
        }
        for (name, tolerance) in &spec.tolerance {
            let pair = columns
                .pairs
                .iter_mut()
                .find(|pair| pair.compared.left == *name);
            let Some(pair) = pair else {
                return Err(spec_error(
                    format!("`{name}` has a tolerance but is not compared"),
                    "leave the tolerance out",
                ));
            };
            pair.allow(tolerance).map_err(|problem| {
                spec_error(
                    format!("`{name}` {problem}, so it cannot have a tolerance"),
                    "leave the tolerance out",
                )
            })?;
        }
        let mut pairs = Vec::with_capacity(columns.pairs.len());
        for name in &key {
            if let Some(at) = columns
                .pairs
                .iter()
                .position(|pair| pair.compared.left == *name)
            {
                pairs.push(columns.pairs.remove(at).into_key());
            }
        }
        pairs.append(&mut columns.pairs);
        let names = |side: usize| -> Vec<&str> {
            pairs[..key.len()]
                .iter()
                .map(|pair| match side {
                    0 => pair.compared.left.as_str(),
                    _ => pair.compared.right.as_str(),
                })
                .collect()
        };
        let proven = [left.proves(&names(0)), right.proves(&names(1))];
        let key_proven_unique = !key.is_empty() && proven == [true, true];
        let (mode, mode_reason) = choose_mode(
            sides,
            spec,
            &pairs,
            key.len(),
            key_proven_unique,
            same_place,
        )?;
        let mut notes = columns.notes;
        if !key.is_empty() && !key_proven_unique {
            let unproven = match proven {
                [false, false] => "either side",
                [false, true] => "the left",
                _ => "the right",
            };
            notes.push(format!(
                "no unique index over columns without NULL proves the key on {unproven}; repeated keys are counted"
            ));
        }
        if mode == Mode::Multiset && !spec.tolerance.is_empty() {
            return Err(spec_error(
                "a tolerance needs a key, which says which row is compared with which".to_owned(),
                "give --key, or leave the tolerance out",
            ));
        }
        let facts = |side: usize| sides[side].table.as_ref();
        let largest = |of: fn(&super::describe::TableFacts) -> u64| {
            [0, 1]
                .into_iter()
                .filter_map(|side| facts(side).map(of))
                .max()
                .unwrap_or(0)
        };
        Ok(Self {
            mode,
            mode_reason,
            key: if mode == Mode::Multiset { 0 } else { key.len() },
            key_proven_unique: key_proven_unique && mode != Mode::Multiset,
            ignored: columns.ignored,
            schema: columns.schema,
            notes,
            from: [left.from.clone(), right.from.clone()],
            own_search_path: relations
                .iter()
                .any(|relation| matches!(relation, Relation::Query(_))),
            recode_hash: places[0].encoding != places[1].encoding,
            same_place,
            estimate: largest(|table| table.rows),
            bytes: largest(|table| table.bytes),
            can_sample: [0, 1].map(|side| {
                facts(side).is_some_and(|table| matches!(table.kind.as_str(), "r" | "m" | "p"))
            }),
            pairs,
        })
    }

    /// The left names of the key columns.
    pub(super) fn key_names(&self) -> Vec<String> {
        self.pairs[..self.key]
            .iter()
            .map(|pair| pair.compared.left.clone())
            .collect()
    }

    /// The column of a pair on a side, of the relation called `alias`.
    pub(super) fn column(&self, side: usize, at: usize, alias: &str) -> String {
        let compared = &self.pairs[at].compared;
        let name = if side == 0 {
            &compared.left
        } else {
            &compared.right
        };
        column_sql(alias, name)
    }

    /// The pairs whose texts only the server of a side can tell, with the types.
    pub(super) fn told_by_server(&self, side: usize) -> Vec<(usize, &str)> {
        self.pairs
            .iter()
            .enumerate()
            .filter_map(|(at, pair)| match &pair.text[side] {
                TextOf::Server(sql) => Some((at, sql.as_str())),
                _ => None,
            })
            .collect()
    }

    /// Goes on as a merge of two streams.
    pub(super) fn fall_back(&mut self, reason: String) {
        self.mode = Mode::Stream;
        self.mode_reason = reason;
    }
}

fn refuse_self(
    sides: [&Described; 2],
    relations: [&Relation; 2],
    spec: &CompareSpec,
    same_place: bool,
) -> Result<(), CompareError> {
    let oid = |side: &Described| side.table.as_ref().map(|table| table.oid);
    let same = match (oid(sides[0]), oid(sides[1])) {
        (Some(left), Some(right)) => left == right,
        (None, None) => relations[0] == relations[1],
        _ => false,
    };
    if same && same_place && !spec.same_relation {
        return Err(spec_error(
            format!(
                "both sides are {} of the same database: comparing it with itself cannot fail",
                relations[0]
            ),
            "check the two targets; --same-relation compares it all the same",
        ));
    }
    Ok(())
}

fn refuse_unknown(
    left: &Described,
    right: &Described,
    spec: &CompareSpec,
) -> Result<(), CompareError> {
    let unknown = |what: &str, side: Side, name: &str, known: &Described| {
        let names: Vec<&str> = known.columns.iter().map(|c| c.name.as_str()).collect();
        spec_error(
            format!(
                "the {what} names `{name}`, which is no column of the {side}: {}",
                names.join(", ")
            ),
            "names are case-sensitive, and given as they are on the left",
        )
    };
    for name in spec.key.iter().flatten() {
        if left.column(name).is_none() {
            return Err(unknown("key", Side::Left, name, left));
        }
    }
    let mut taken = Vec::new();
    for (from, to) in &spec.map {
        if left.column(from).is_none() {
            return Err(unknown("map", Side::Left, from, left));
        }
        if right.column(to).is_none() {
            return Err(unknown("map", Side::Right, to, right));
        }
        if taken.contains(&to) {
            return Err(spec_error(
                format!("the map leads two columns to `{to}`"),
                "a column on the right can stand for one on the left",
            ));
        }
        taken.push(to);
    }
    for name in spec.ignore.keys() {
        if left.column(name).is_none() && right.column(name).is_none() {
            return Err(unknown("list of ignored columns", Side::Left, name, left));
        }
    }
    for name in spec.tolerance.keys() {
        if left.column(name).is_none() {
            return Err(unknown("tolerance", Side::Left, name, left));
        }
    }
    Ok(())
}

/// What became of the columns.
struct Columns {
    pairs: Vec<Pair>,
    ignored: Vec<IgnoredColumn>,
    schema: Vec<SchemaDifference>,
    notes: Vec<String>,
}

impl Columns {
    fn pair(
        left: &Described,
        right: &Described,
        spec: &CompareSpec,
        recode: bool,
    ) -> Result<Self, CompareError> {
        let mut found = Self {
            pairs: Vec::new(),
            ignored: Vec::new(),
            schema: Vec::new(),
            notes: Vec::new(),
        };
        let mut used = Vec::new();
        for column in &left.columns {
            let mapped = spec.map.get(&column.name);
            let name = mapped.unwrap_or(&column.name);
            // A column on the right that the map gives to another one is not free.
            let taken = mapped.is_none() && spec.map.values().any(|to| to == name);
            let other = right.column(name).filter(|_| !taken);
            if let Some(other) = other {
                used.push(other.name.as_str());
            }
            if let Some(reason) = spec.ignore.get(&column.name) {
                let mut sides = vec![Side::Left];
                sides.extend(other.map(|_| Side::Right));
                found.ignored.push(IgnoredColumn {
                    column: column.name.clone(),
                    sides,
                    reason: reason.clone(),
                });
                continue;
            }
            let Some(other) = other else {
                found.schema.push(SchemaDifference::OnlyOn {
                    side: Side::Left,
                    column: column.name.clone(),
                    declared: column.declared.clone(),
                });
                continue;
            };
            if column.declared != other.declared {
                found.schema.push(SchemaDifference::Type {
                    column: column.name.clone(),
                    left: column.declared.clone(),
                    right: other.declared.clone(),
                });
            }
            let pair = Pair::new(column, other, recode);
            if pair.compared.left_type.starts_with("timestamp")
                && pair.compared.right_type.starts_with("timestamp")
                && column.kind.oid != other.kind.oid
            {
                found.notes.push(format!(
                    "`{}` has a time zone on one side only; the other is taken for UTC",
                    column.name
                ));
            }
            found.pairs.push(pair);
        }
        for column in &right.columns {
            if used.contains(&column.name.as_str()) {
                continue;
            }
            match spec.ignore.get(&column.name) {
                // The name may mean a column on the left, which has another partner.
                Some(reason) if left.column(&column.name).is_none() => {
                    found.ignored.push(IgnoredColumn {
                        column: column.name.clone(),
                        sides: vec![Side::Right],
                        reason: reason.clone(),
                    });
                }
                _ => found.schema.push(SchemaDifference::OnlyOn {
                    side: Side::Right,
                    column: column.name.clone(),
                    declared: column.declared.clone(),
                }),
            }
        }
        if found.pairs.is_empty() {
            return Err(spec_error(
                "the two sides have no column in common that is to be compared".to_owned(),
                "give --map for columns with other names",
            ));
        }
        if found.pairs.len() > MOST_COLUMNS {
            return Err(spec_error(
                format!("more than {MOST_COLUMNS} columns cannot be compared at once"),
                "compare two queries, each with a part of the columns",
            ));
        }
        Ok(found)
    }
}

/// The left names of the key columns; none means that there is no key.
fn choose_key(
    left: &Described,
    right: &Described,
    spec: &CompareSpec,
    pairs: &[Pair],
) -> Result<Vec<String>, CompareError> {
    let pair_of = |name: &str| pairs.iter().find(|pair| pair.compared.left == name);
    if let Some(key) = &spec.key {
        if spec.mode == Some(Mode::Multiset) {
            return Err(spec_error(
                "a multiset has no key".to_owned(),
                "leave the key out, or the mode",
            ));
        }
        if key.is_empty() {
            return Err(spec_error(
                "the key has no columns".to_owned(),
                "leave it out to have one looked for",
            ));
        }
        for (at, name) in key.iter().enumerate() {
            if pair_of(name).is_none() {
                return Err(spec_error(
                    format!(
                        "the key column `{name}` is not compared: it is ignored, or only on the left"
                    ),
                    "a key needs its columns on both sides; give --map for other names",
                ));
            }
            if key[..at].contains(name) {
                return Err(spec_error(
                    format!("the key names `{name}` twice"),
                    "name each column once",
                ));
            }
        }
        return Ok(key.clone());
    }
    if spec.mode == Some(Mode::Multiset) {
        return Ok(Vec::new());
    }
    // Keys by their left names, those of the left first.
    let on_left = left.unique.iter().cloned();
    let on_right = right.unique.iter().filter_map(|index| {
        index
            .iter()
            .map(|name| {
                let pair = pairs.iter().find(|pair| pair.compared.right == *name)?;
                Some(pair.compared.left.clone())
            })
            .collect()
    });
    let mut candidates: Vec<(u8, Vec<String>)> = on_left
        .chain(on_right)
        .filter_map(|key| {
            let of_key: Option<Vec<&Pair>> = key.iter().map(|name| pair_of(name)).collect();
            let of_key = of_key?;
            let lefts: Vec<&str> = of_key.iter().map(|p| p.compared.left.as_str()).collect();
            let rights: Vec<&str> = of_key.iter().map(|p| p.compared.right.as_str()).collect();
            let sides = u8::from(left.proves(&lefts)) + u8::from(right.proves(&rights));
            (sides > 0).then_some((sides, key))
        })
        .collect();
    // Stable: of equally good ones the first.
    candidates.sort_by_key(|(sides, _)| std::cmp::Reverse(*sides));
    match candidates.into_iter().next() {
        Some((_, key)) => Ok(key),
        None if spec.mode.is_some() => Err(spec_error(
            "no unique index tells which columns are the key".to_owned(),
            "give --key, or let rows be compared as a multiset",
        )),
        None => Ok(Vec::new()),
    }
}

fn choose_mode(
    sides: [&Described; 2],
    spec: &CompareSpec,
    pairs: &[Pair],
    key: usize,
    proven: bool,
    same_place: bool,
) -> Result<(Mode, String), CompareError> {
    let asked = "as asked".to_owned();
    if spec.mode == Some(Mode::Multiset) {
        return Ok((Mode::Multiset, asked));
    }
    if key == 0 {
        return Ok((
            Mode::Multiset,
            "neither side has a unique index over columns without NULL that both have".to_owned(),
        ));
    }
    if spec.mode == Some(Mode::Stream) {
        return Ok((Mode::Stream, asked));
    }
    let obstacle = if !same_place {
        Some("the sides are not in one database".to_owned())
    } else if !proven {
        Some("no unique index proves the key on both sides".to_owned())
    } else if !sides.iter().all(|side| side.is_plain_table()) {
        Some("a side is no plain table".to_owned())
    } else if pairs.len() * 2 + 2 > MOST_COLUMNS {
        Some("there are too many columns for one statement".to_owned())
    } else {
        pairs[..key].iter().find_map(|pair| {
            let reason = pair.joinable.err()?;
            Some(format!(
                "`{}` cannot be joined: {reason}",
                pair.compared.left
            ))
        })
    };
    match (obstacle, spec.mode) {
        (None, Some(_)) => Ok((Mode::Join, asked)),
        (None, None) => Ok((
            Mode::Join,
            "one database, and a unique index on both sides".to_owned(),
        )),
        (Some(obstacle), None) => Ok((Mode::Stream, obstacle)),
        (Some(obstacle), Some(mode)) => Err(spec_error(
            format!("{mode} mode is not possible here: {obstacle}"),
            "leave the mode out",
        )),
    }
}
