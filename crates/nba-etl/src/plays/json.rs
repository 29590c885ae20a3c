//! JSON documents, plain or gzipped, whose form is found out by what is in them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use nba_boxscore::adapter::{data_nba, espn, espn_text, live, stats_v2, stats_v3};
use nba_boxscore::{GameLog, LogError, Side};
use nba_utils::Season;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Form;
use super::quick_json::Reading;

/// Why a document gave no game; the caller names the file.
#[derive(Debug)]
pub(super) enum Fault {
    /// No JSON, or not of its form.
    Json(serde_json::Error),
    /// JSON, but none of the forms we know.
    UnknownForm,
    /// The rows make no game.
    Log { game: String, error: LogError },
}

impl Fault {
    /// The same, of one document among several.
    pub(super) fn in_document(self, number: usize) -> Self {
        match self {
            Self::Json(error) => Self::Json(de::Error::custom(format!(
                "document {}: {error}",
                number + 1
            ))),
            other => other,
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// The keys that tell the forms apart.
#[derive(Deserialize)]
struct Keys {
    plays: Option<IgnoredAny>,
    boxscore: Option<IgnoredAny>,
    game: Option<IgnoredAny>,
    #[serde(rename = "resultSets")]
    result_sets: Option<IgnoredAny>,
    page: Option<IgnoredAny>,
    g: Option<IgnoredAny>,
    props: Option<IgnoredAny>,
    #[serde(rename = "postGameData")]
    post_game: Option<IgnoredAny>,
    rows: Option<IgnoredAny>,
}

/// Every document of a text: one, or one a line. A line that is none ends it.
pub(super) fn documents(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], serde_json::Error>> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    std::iter::from_fn(move || {
        let from = stream.byte_offset();
        let one = stream.next()?;
        Some(one.map(|_| bytes.get(from..stream.byte_offset()).unwrap_or_default()))
    })
}

/// Whether the first key is one of those that the live feed and NBA Stats v3 begin with.
fn begins_live(bytes: &[u8]) -> bool {
    let keys = bytes.trim_ascii_start().strip_prefix(b"{");
    keys.is_some_and(|keys| {
        let keys = keys.trim_ascii_start();
        keys.starts_with(b"\"meta\"") || keys.starts_with(b"\"game\"")
    })
}

/// Which form a document has, and its game.
pub(super) fn read(bytes: &[u8], by: Reading) -> Result<(Form, GameLog), Fault> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        let rows: Vec<BrefRow<'_>> = by.read(bytes)?;
        return bref_rows("", &rows).map(|log| (Form::Bref, log));
    }
    // Asking for the keys is one more pass over the document, and these say at once what they are.
    if begins_live(bytes)
        && let Ok(document) = by.read::<LiveDocument<'_>>(bytes)
    {
        return actions(&document.game.game_id.0, &document.game.actions, &[]);
    }
    let keys = match by.read::<AnyForm<'_>>(bytes) {
        Ok(document) => match document.game() {
            Ok(game) => return game,
            Err(keys) => keys,
        },
        // Its own form says what is wrong with it.
        Err(_) => by.read(bytes)?,
    };
    if keys.props.is_some() || keys.post_game.is_some() {
        return nba_page(bytes, by);
    }
    if keys.rows.is_some() {
        return bref_document(bytes, by).map(|log| (Form::Bref, log));
    }
    if keys.plays.is_some() && keys.boxscore.is_some() {
        return summary(&by.read(bytes)?).map(|log| (Form::EspnSummary, log));
    }
    if keys.result_sets.is_some() {
        return stats(&by.read(bytes)?).map(|log| (Form::NbaStatsV2, log));
    }
    if keys.page.is_some() {
        return page(&by.read(bytes)?).map(|log| (Form::EspnPage, log));
    }
    if keys.g.is_some() {
        return data_feed(&by.read(bytes)?).map(|log| (Form::DataNba, log));
    }
    if keys.game.is_some() {
        let document: LiveDocument<'_> = by.read(bytes)?;
        return actions(&document.game.game_id.0, &document.game.actions, &[]);
    }
    Err(Fault::UnknownForm)
}

/// A document of which only its keys will tell the form, read in the same pass.
#[derive(Deserialize)]
struct AnyForm<'a> {
    #[serde(borrow)]
    plays: Option<Vec<SummaryPlay<'a>>>,
    header: Option<Header>,
    boxscore: Option<BoxScore>,
    #[serde(borrow, rename = "resultSets")]
    sets: Option<Vec<ResultSet<'a>>>,
    #[serde(borrow)]
    page: Option<Page<'a>>,
    #[serde(borrow)]
    g: Option<DataGame<'a>>,
    game: Option<IgnoredAny>,
    props: Option<IgnoredAny>,
    #[serde(rename = "postGameData")]
    post_game: Option<IgnoredAny>,
    rows: Option<IgnoredAny>,
}

impl AnyForm<'_> {
    /// Its game; or what it has, where that has to be read in another way. The order of the forms is that of [`read`].
    fn game(self) -> Result<Result<(Form, GameLog), Fault>, Keys> {
        let some = |is: bool| is.then_some(IgnoredAny);
        let keys = Keys {
            plays: some(self.plays.is_some()),
            boxscore: some(self.boxscore.is_some()),
            game: self.game,
            result_sets: some(self.sets.is_some()),
            page: some(self.page.is_some()),
            g: some(self.g.is_some()),
            props: self.props,
            post_game: self.post_game,
            rows: self.rows,
        };
        if keys.props.is_some() || keys.post_game.is_some() || keys.rows.is_some() {
            return Err(keys);
        }
        Ok(match self {
            Self {
                plays: Some(plays),
                boxscore: Some(boxscore),
                header,
                ..
            } => {
                let Some(header) = header else {
                    return Err(keys);
                };
                let document = Summary {
                    plays,
                    header,
                    boxscore,
                };
                summary(&document).map(|log| (Form::EspnSummary, log))
            }
            Self {
                sets: Some(sets), ..
            } => stats(&StatsDocument { sets }).map(|log| (Form::NbaStatsV2, log)),
            Self {
                page: Some(found), ..
            } => page(&PageDocument { page: found }).map(|log| (Form::EspnPage, log)),
            Self { g: Some(g), .. } => {
                data_feed(&DataDocument { g }).map(|log| (Form::DataNba, log))
            }
            _ => return Err(keys),
        })
    }
}

/// A whole number that may be written as one, as a text, or as a real one without a fraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Loose(Option<i64>);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Loose;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Loose, E> {
                Ok(Loose(Some(value)))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Loose, E> {
                Ok(Loose(i64::try_from(value).ok()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Loose, E> {
                Ok(Loose(super::table::whole_of_real(value)))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Loose, E> {
                Ok(Loose(Some(i64::from(value))))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Loose, E> {
                Ok(Loose(value.trim().parse().ok()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Loose, E> {
                Ok(Loose(None))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Loose {
    fn id(self) -> Option<u64> {
        self.0
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| *value > 0)
    }

    fn count(self) -> Option<u16> {
        self.0.and_then(|value| u16::try_from(value).ok())
    }

    fn number(self) -> Option<u32> {
        self.0.and_then(|value| u32::try_from(value).ok())
    }
}

/// A text that may be null.
#[derive(Debug, Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or null")
            }

            fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(value)))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_owned())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn log_fault(game: &str) -> impl FnOnce(LogError) -> Fault {
    let game = game.to_owned();
    move |error| Fault::Log { game, error }
}

// ---- cdn.nba.com -------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct LiveDocument<'a> {
    #[serde(borrow)]
    game: LiveGame<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveGame<'a> {
    #[serde(borrow, default)]
    game_id: Text<'a>,
    #[serde(borrow)]
    actions: Vec<LiveAction<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveAction<'a> {
    #[serde(default)]
    action_number: Loose,
    #[serde(default)]
    period: Loose,
    #[serde(borrow, default)]
    clock: Text<'a>,
    #[serde(borrow, default)]
    action_type: Text<'a>,
    #[serde(borrow, default)]
    sub_type: Text<'a>,
    #[serde(borrow, default)]
    descriptor: Text<'a>,
    #[serde(borrow, default)]
    shot_result: Text<'a>,
    #[serde(default)]
    team_id: Loose,
    #[serde(borrow, default)]
    team_tricode: Text<'a>,
    #[serde(default)]
    person_id: Loose,
    #[serde(borrow, default)]
    player_name: Text<'a>,
    #[serde(borrow, default)]
    player_name_i: Text<'a>,
    #[serde(default)]
    assist_person_id: Loose,
    #[serde(default)]
    block_person_id: Loose,
    #[serde(default)]
    steal_person_id: Loose,
    #[serde(default)]
    foul_drawn_person_id: Loose,
    #[serde(default)]
    score_home: Loose,
    #[serde(default)]
    score_away: Loose,
    #[serde(default)]
    points_total: Loose,
    #[serde(default)]
    assist_total: Loose,
    #[serde(default)]
    rebound_offensive_total: Loose,
    #[serde(default)]
    rebound_defensive_total: Loose,
    #[serde(default)]
    turnover_total: Loose,
    #[serde(default)]
    foul_personal_total: Loose,
    #[serde(default)]
    x_legacy: Loose,
    #[serde(default)]
    y_legacy: Loose,
    // Of NBA Stats v3 alone.
    #[serde(borrow, default)]
    description: Text<'a>,
    #[serde(borrow, default)]
    location: Text<'a>,
    #[serde(default)]
    action_id: Loose,
}

fn pair(one: Loose, two: Loose) -> Option<[u16; 2]> {
    Some([one.count()?, two.count()?])
}

fn whole_pair(one: Loose, two: Loose) -> Option<[i64; 2]> {
    Some([one.0?, two.0?])
}

/// The live feed and NBA Stats v3 have the same frame: rows tell them apart.
fn actions(
    id: &str,
    actions: &[LiveAction<'_>],
    members: &[stats_v3::Member<'_>],
) -> Result<(Form, GameLog), Fault> {
    let is_v3 = |action: &LiveAction<'_>| {
        action.action_id.0.is_some()
            || matches!(
                &*action.action_type.0,
                "Made Shot" | "Missed Shot" | "Free Throw"
            )
    };
    if actions.iter().any(is_v3) {
        stats_actions(id, actions, members).map(|log| (Form::NbaStatsV3, log))
    } else {
        live_actions(id, actions).map(|log| (Form::NbaLive, log))
    }
}

fn stats_actions(
    id: &str,
    actions: &[LiveAction<'_>],
    members: &[stats_v3::Member<'_>],
) -> Result<GameLog, Fault> {
    let actions: Vec<stats_v3::Action<'_>> = actions
        .iter()
        .map(|action| stats_v3::Action {
            number: action.action_number.number(),
            period: action.period.0.unwrap_or(0),
            clock: &action.clock.0,
            kind: &action.action_type.0,
            sub_kind: &action.sub_type.0,
            text: &action.description.0,
            team: action.team_id.id(),
            team_name: &action.team_tricode.0,
            person: action.person_id.id(),
            surname: &action.player_name.0,
            name: &action.player_name_i.0,
            side: match &*action.location.0 {
                "h" => Some(Side::Home),
                "v" => Some(Side::Away),
                _ => None,
            },
            score: pair(action.score_home, action.score_away),
            place: whole_pair(action.x_legacy, action.y_legacy),
        })
        .collect();
    stats_v3::read(id, &actions, members).map_err(log_fault(id))
}

fn live_actions(id: &str, actions: &[LiveAction<'_>]) -> Result<GameLog, Fault> {
    let actions: Vec<live::Action<'_>> = actions
        .iter()
        .map(|action| live::Action {
            number: action.action_number.number(),
            period: action.period.0.unwrap_or(0),
            clock: &action.clock.0,
            kind: &action.action_type.0,
            sub_kind: &action.sub_type.0,
            descriptor: &action.descriptor.0,
            made: action.shot_result.0 == "Made",
            team: action.team_id.id(),
            team_name: &action.team_tricode.0,
            person: action.person_id.id().unwrap_or(0),
            name: if action.player_name_i.0.is_empty() {
                &action.player_name.0
            } else {
                &action.player_name_i.0
            },
            assist: action.assist_person_id.id(),
            block: action.block_person_id.id(),
            steal: action.steal_person_id.id(),
            fouled: action.foul_drawn_person_id.id(),
            score: pair(action.score_home, action.score_away),
            place: whole_pair(action.x_legacy, action.y_legacy),
            points: action.points_total.count(),
            assists: action.assist_total.count(),
            rebounds: pair(
                action.rebound_offensive_total,
                action.rebound_defensive_total,
            ),
            turnovers: action.turnover_total.count(),
            fouls: action.foul_personal_total.count(),
        })
        .collect();
    live::read(id, &actions, None).map_err(log_fault(id))
}

// ---- Pages of nba.com and wnba.com -------------------------------------------------------------------------------

#[derive(Deserialize)]
struct NbaPage<'a> {
    #[serde(borrow)]
    props: Option<NbaProps<'a>>,
    #[serde(borrow, rename = "postGameData")]
    post_game: Option<PostGame<'a>>,
    boxscore: Option<PageBox>,
    #[serde(borrow, rename = "gameID", default)]
    game_id: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NbaProps<'a> {
    #[serde(borrow)]
    page_props: PageProps<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageProps<'a> {
    #[serde(borrow)]
    play_by_play: Option<LiveGame<'a>>,
    game: Option<PageBox>,
}

#[derive(Deserialize)]
struct PostGame<'a> {
    #[serde(borrow, rename = "postPlayByPlayData", default)]
    periods: Vec<PagePeriod<'a>>,
}

#[derive(Deserialize)]
struct PagePeriod<'a> {
    #[serde(borrow, default)]
    actions: Vec<LiveAction<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PageBox {
    #[serde(default)]
    home_team: BoxMembers,
    #[serde(default)]
    away_team: BoxMembers,
}

#[derive(Deserialize, Default)]
struct BoxMembers {
    #[serde(default)]
    players: Vec<BoxMember>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BoxMember {
    #[serde(default)]
    person_id: Loose,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
}

fn nba_page(bytes: &[u8], by: Reading) -> Result<(Form, GameLog), Fault> {
    let page: NbaPage<'_> = by.read(bytes)?;
    if let Some(props) = page.props {
        let props = props.page_props;
        let plays = props.play_by_play.ok_or(Fault::UnknownForm)?;
        let members = members(props.game.as_ref());
        return actions(&plays.game_id.0, &plays.actions, &members);
    }
    let plays = page.post_game.ok_or(Fault::UnknownForm)?;
    let rows: Vec<LiveAction<'_>> = plays
        .periods
        .into_iter()
        .flat_map(|period| period.actions)
        .collect();
    if rows.is_empty() {
        return Err(Fault::UnknownForm);
    }
    actions(&page.game_id.0, &rows, &members(page.boxscore.as_ref()))
}

fn members(game: Option<&PageBox>) -> Vec<stats_v3::Member<'_>> {
    let Some(game) = game else {
        return Vec::new();
    };
    let teams = [(Side::Home, &game.home_team), (Side::Away, &game.away_team)];
    let mut members = Vec::new();
    for (side, team) in teams {
        members.extend(team.players.iter().filter_map(|player| {
            Some(stats_v3::Member {
                side,
                id: player.person_id.id()?,
                first: player.first_name.as_deref().unwrap_or(""),
                surname: player.family_name.as_deref().unwrap_or(""),
            })
        }));
    }
    members
}

// ---- Basketball-Reference ----------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct BrefDocument<'a> {
    #[serde(borrow, default)]
    bref_file: Text<'a>,
    #[serde(borrow)]
    rows: Vec<BrefRow<'a>>,
}

#[derive(Deserialize)]
struct BrefRow<'a> {
    #[serde(borrow, default)]
    cells: Vec<Text<'a>>,
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn bref_document(bytes: &[u8], by: Reading) -> Result<GameLog, Fault> {
    let document: BrefDocument<'_> = by.read(bytes)?;
    let name = document.bref_file.0.split('.').next().unwrap_or_default();
    bref_rows(name.trim_end_matches("_pbp"), &document.rows)
}

fn bref_rows(id: &str, rows: &[BrefRow<'_>]) -> Result<GameLog, Fault> {
    super::bref::read_cells(id, rows.iter().map(|row| row.cells.as_slice()))
}

// ---- NBA Stats ---------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct StatsDocument<'a> {
    #[serde(borrow, rename = "resultSets")]
    sets: Vec<ResultSet<'a>>,
}

#[derive(Deserialize)]
struct ResultSet<'a> {
    name: String,
    headers: Vec<String>,
    #[serde(borrow, rename = "rowSet")]
    rows: Rows<'a>,
}

/// A cell of a table.
enum Cell<'a> {
    Whole(i64),
    Text(Cow<'a, str>),
    /// Nothing, or what no column we ask for has.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cell<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cell")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Cell<'de>, E> {
                Ok(Cell::Whole(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Cell<'de>, E> {
                Ok(i64::try_from(value).map_or(Cell::Other, Cell::Whole))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Cell<'de>, E> {
                Ok(Cell::Other)
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Cell<'de>, E> {
                Ok(Cell::Other)
            }

            fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Cell<'de>, E> {
                Ok(Cell::Text(Cow::Borrowed(value)))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Cell<'de>, E> {
                Ok(Cell::Text(Cow::Owned(value.to_owned())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Cell<'de>, E> {
                Ok(Cell::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Cell<'de>, A::Error> {
                IgnoredAny.visit_seq(list).map(|_| Cell::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Cell<'de>, A::Error> {
                IgnoredAny.visit_map(object).map(|_| Cell::Other)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The rows of a table, all their cells in one list: a list of its own for each row takes longer to make than to read.
#[derive(Default)]
struct Rows<'a> {
    cells: Vec<Cell<'a>>,
    /// Where each row ends in `cells`.
    ends: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn iter(&self) -> impl Iterator<Item = &[Cell<'a>]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let row = self.cells.get(start..*end).unwrap_or_default();
            start = *end;
            row
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Rows<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Rows<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows<'de>, A::Error> {
                let mut rows = Rows::default();
                while list.next_element_seed(Row(&mut rows.cells))?.is_some() {
                    rows.ends.push(rows.cells.len());
                }
                Ok(rows)
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

/// Reads one row behind the others.
struct Row<'r, 'a>(&'r mut Vec<Cell<'a>>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Row<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Row<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cells")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(cell) = list.next_element()? {
            self.0.push(cell);
        }
        Ok(())
    }
}

fn stats(document: &StatsDocument<'_>) -> Result<GameLog, Fault> {
    let set = document
        .sets
        .iter()
        .find(|set| set.name == "PlayByPlay")
        .ok_or(Fault::UnknownForm)?;
    let places = super::stats_v2::COLUMNS
        .map(|column| set.headers.iter().position(|header| header == column));
    let cell = |row, column: usize| -> &Cell<'_> {
        let row: &[Cell<'_>] = row;
        let place = places.get(column).copied().flatten();
        place
            .and_then(|place| row.get(place))
            .unwrap_or(&Cell::Other)
    };
    let id = match set.rows.iter().next().map(|row| cell(row, 0)) {
        Some(Cell::Text(text)) => &**text,
        _ => "",
    };
    let mut reader = stats_v2::Reader::new(id);
    for row in set.rows.iter() {
        let text = |column: usize| match cell(row, column) {
            Cell::Text(text) => &**text,
            _ => "",
        };
        let whole = |column: usize| match cell(row, column) {
            Cell::Whole(value) => Some(*value),
            _ => None,
        };
        let person = |first: usize| stats_v2::Person {
            kind: whole(first),
            id: whole(first + 1),
            name: text(first + 2),
            team: whole(first + 3),
            team_name: text(first + 4),
        };
        let read = stats_v2::Row {
            number: whole(1),
            kind: whole(2).unwrap_or(0),
            action: whole(3).unwrap_or(0),
            period: whole(4).unwrap_or(0),
            clock: text(5),
            home: text(6),
            neutral: text(7),
            visitor: text(8),
            score: text(9),
            people: [person(10), person(15), person(20)],
        };
        reader.row(&read).map_err(log_fault(id))?;
    }
    Ok(reader.finish())
}

// ---- ESPN summary ------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Summary<'a> {
    #[serde(borrow)]
    plays: Vec<SummaryPlay<'a>>,
    header: Header,
    #[serde(default)]
    boxscore: BoxScore,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    id: Loose,
    season: Option<HeaderSeason>,
    competitions: Vec<Competition>,
}

#[derive(Deserialize)]
struct HeaderSeason {
    /// The one it ends in.
    #[serde(default)]
    year: Loose,
}

#[derive(Deserialize)]
struct Competition {
    competitors: Vec<Competitor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Competitor {
    home_away: String,
    team: Identified,
}

#[derive(Deserialize, Default)]
struct Identified {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    abbreviation: Option<String>,
}

#[derive(Deserialize, Default)]
struct BoxScore {
    #[serde(default)]
    players: Vec<BoxTeam>,
}

#[derive(Deserialize)]
struct BoxTeam {
    #[serde(default)]
    statistics: Vec<BoxStatistics>,
}

#[derive(Deserialize)]
struct BoxStatistics {
    #[serde(default)]
    athletes: Vec<BoxAthlete>,
}

#[derive(Deserialize)]
struct BoxAthlete {
    athlete: Named,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    display_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SummaryPlay<'a> {
    #[serde(default)]
    sequence_number: Loose,
    #[serde(borrow, default)]
    r#type: PlayType<'a>,
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(default)]
    home_score: Loose,
    #[serde(default)]
    away_score: Loose,
    period: PlayPeriod,
    #[serde(borrow, default)]
    clock: PlayClock<'a>,
    #[serde(default)]
    scoring_play: bool,
    #[serde(default)]
    score_value: Loose,
    team: Option<Identified>,
    #[serde(default)]
    participants: Vec<Participant>,
    coordinate: Option<Coordinate>,
    shooting_play: Option<bool>,
    #[serde(default)]
    points_attempted: Loose,
}

#[derive(Deserialize)]
struct Coordinate {
    #[serde(default)]
    x: Loose,
    #[serde(default)]
    y: Loose,
}

#[derive(Deserialize, Default)]
struct PlayType<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
}

#[derive(Deserialize)]
struct PlayPeriod {
    #[serde(default)]
    number: Loose,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PlayClock<'a> {
    #[serde(borrow, default)]
    display_value: Text<'a>,
}

#[derive(Deserialize)]
struct Participant {
    athlete: Option<Identified>,
}

fn summary(document: &Summary<'_>) -> Result<GameLog, Fault> {
    let id = document
        .header
        .id
        .0
        .map(|id| id.to_string())
        .unwrap_or_default();
    let mut teams = espn::Teams {
        ids: [0; 2],
        names: [""; 2],
    };
    for competitor in document
        .header
        .competitions
        .iter()
        .flat_map(|competition| &competition.competitors)
    {
        let side = usize::from(competitor.home_away != "home");
        teams.ids[side] = competitor.team.id.id().unwrap_or(0);
        teams.names[side] = competitor.team.abbreviation.as_deref().unwrap_or("");
    }
    let plays = document.plays.iter().map(|play| {
        let mut athletes = [None; 3];
        for (place, participant) in athletes.iter_mut().zip(&play.participants) {
            *place = participant.athlete.as_ref().and_then(|one| one.id.id());
        }
        espn::Play {
            number: play.sequence_number.number(),
            period: play.period.number.0.unwrap_or(0),
            clock: &play.clock.display_value.0,
            kind: &play.r#type.text.0,
            text: &play.text.0,
            team: play.team.as_ref().and_then(|team| team.id.id()),
            scoring: play.scoring_play,
            score_value: play.score_value.0.unwrap_or(0),
            shooting: play.shooting_play,
            attempted: play.points_attempted.0,
            score: pair(play.home_score, play.away_score),
            place: play
                .coordinate
                .as_ref()
                .and_then(|one| whole_pair(one.x, one.y)),
            athletes,
        }
    });
    let mut log = espn::read(&id, teams, plays).map_err(log_fault(&id))?;
    let year = document.header.season.as_ref();
    log.season = year.and_then(|one| Season::from_end_year(one.year.0?).ok());
    let names: HashMap<u64, &str> = document
        .boxscore
        .players
        .iter()
        .flat_map(|team| &team.statistics)
        .flat_map(|statistics| &statistics.athletes)
        .filter_map(|one| Some((one.athlete.id.id()?, one.athlete.display_name.as_str())))
        .collect();
    for player in log.teams.iter_mut().flat_map(|team| &mut team.players) {
        if let Some(name) = player.id.and_then(|id| names.get(&id)) {
            (*name).clone_into(&mut player.name);
        }
    }
    Ok(log)
}

// ---- ESPN page ---------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct PageDocument<'a> {
    #[serde(borrow)]
    page: Page<'a>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    content: PageContent<'a>,
}

#[derive(Deserialize)]
struct PageContent<'a> {
    #[serde(borrow)]
    gamepackage: Package<'a>,
}

#[derive(Deserialize)]
struct Package<'a> {
    #[serde(borrow)]
    pbp: Option<PagePlays<'a>>,
    #[serde(rename = "gmStrp", default)]
    strip: Strip,
}

#[derive(Deserialize, Default)]
struct Strip {
    #[serde(default)]
    gid: Loose,
    /// When the game began, by UTC.
    #[serde(default)]
    dt: Option<String>,
}

#[derive(Deserialize)]
struct PagePlays<'a> {
    #[serde(borrow, rename = "playGrps", default)]
    groups: Vec<Vec<PagePlay<'a>>>,
    tms: Option<PageTeams>,
}

#[derive(Deserialize)]
struct PageTeams {
    home: Option<PageTeam>,
    away: Option<PageTeam>,
}

#[derive(Deserialize)]
struct PageTeam {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    abbrev: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PagePlay<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(borrow, default)]
    home_away: Text<'a>,
    #[serde(default)]
    home_score: Loose,
    #[serde(default)]
    away_score: Loose,
    period: PlayPeriod,
    #[serde(borrow)]
    clock: Option<PlayClock<'a>>,
}

fn page(document: &PageDocument<'_>) -> Result<GameLog, Fault> {
    let package = &document.page.content.gamepackage;
    let plays = package.pbp.as_ref().ok_or(Fault::UnknownForm)?;
    let id = package
        .strip
        .gid
        .0
        .map(|id| id.to_string())
        .unwrap_or_default();
    let rows = plays.groups.iter().flatten().map(|play| espn_text::Row {
        // The game's id, then the number without padding.
        number: play
            .id
            .0
            .strip_prefix(id.as_str())
            .and_then(|number| number.parse().ok()),
        period: play.period.number.0.unwrap_or(0),
        clock: play
            .clock
            .as_ref()
            .map_or("", |clock| clock.display_value.0.as_ref()),
        text: &play.text.0,
        side: match play.home_away.0.as_ref() {
            "home" => Some(Side::Home),
            "away" => Some(Side::Away),
            _ => None,
        },
        score: pair(play.home_score, play.away_score),
    });
    let mut log = espn_text::read(&id, rows).map_err(log_fault(&id))?;
    let day = package.strip.dt.as_deref().and_then(|time| time.get(..10));
    log.season = day.and_then(|day| Season::from_date(day.parse().ok()?).ok());
    if let Some(teams) = &plays.tms {
        for (team, found) in log.teams.iter_mut().zip([&teams.home, &teams.away]) {
            if let Some(found) = found {
                team.id = found.id.id();
                found.abbrev.clone_into(&mut team.name);
            }
        }
    }
    Ok(log)
}

// ---- data.nba.com ------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct DataDocument<'a> {
    #[serde(borrow)]
    g: DataGame<'a>,
}

#[derive(Deserialize)]
struct DataGame<'a> {
    #[serde(borrow, default)]
    gid: Text<'a>,
    #[serde(borrow, default)]
    pd: Vec<DataPeriod<'a>>,
}

#[derive(Deserialize)]
struct DataPeriod<'a> {
    p: Loose,
    #[serde(borrow, default)]
    pla: Vec<DataPlay<'a>>,
}

#[derive(Deserialize)]
struct DataPlay<'a> {
    #[serde(default)]
    evt: Loose,
    #[serde(borrow, default)]
    cl: Text<'a>,
    #[serde(borrow, default)]
    de: Text<'a>,
    #[serde(default)]
    etype: Loose,
    #[serde(default)]
    mtype: Loose,
    #[serde(default)]
    tid: Loose,
    #[serde(default)]
    pid: Loose,
    #[serde(default)]
    opid: Loose,
    #[serde(default)]
    epid: Loose,
    #[serde(default)]
    hs: Loose,
    #[serde(default)]
    vs: Loose,
}

fn data_feed(document: &DataDocument<'_>) -> Result<GameLog, Fault> {
    let id = &document.g.gid.0;
    if document.g.pd.is_empty() {
        return Err(Fault::UnknownForm);
    }
    let plays: Vec<data_nba::Play<'_>> = document
        .g
        .pd
        .iter()
        .flat_map(|period| period.pla.iter().map(move |play| (period.p, play)))
        .map(|(period, play)| data_nba::Play {
            number: play.evt.0,
            period: period.0.unwrap_or(0),
            clock: &play.cl.0,
            text: &play.de.0,
            kind: play.etype.0.unwrap_or(-1),
            action: play.mtype.0.unwrap_or(0),
            team: play.tid.0.unwrap_or(0),
            player: play.pid.0.unwrap_or(0),
            opponent: play.opid.0,
            helper: play.epid.0,
            score: pair(play.hs, play.vs).unwrap_or_default(),
        })
        .collect();
    data_nba::read(id, &plays, None).map_err(log_fault(id))
}
