//! Which of the three document shapes an ESPN file has; all three live under the same keys (ETL dossier 2.1).
//!
//! The legacy loaders read the first shape only and count the second as "skipped": the reason to look before reading.
//!
//! ```
//! use nba_etl::EspnShape;
//!
//! let page = br#"{"page":{"content":{"gamepackage":{"pbp":{"playGrps":[[{"id":"4010000011"}]]}}}}}"#;
//! let shape = EspnShape::detect(page);
//! assert_eq!(shape, EspnShape::Page { plays: 1 });
//! assert!(shape.legacy_loaders_read_it());
//! assert_eq!(EspnShape::detect(b"not json").plays(), None);
//! ```

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

#[cfg(test)]
mod tests;

/// What introduces the object inside an HTML document of the third shape.
pub const EMBEDDED_MARK: &str = "window.espn.gamepackageData";

/// Shape of one document, with the number of plays it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EspnShape {
    /// Format 1: the page document, `page.content.gamepackage`.
    Page {
        /// Plays in the lists of `pbp.playGrps`; 0 for box-score and team pages and for games without plays.
        plays: usize,
    },
    /// Format 1 of a day: `page.content.schedule` or `page.content.events`.
    PageSchedule {
        /// Games of all days in the document.
        games: usize,
    },
    /// Format 2: the summary API, top-level `boxscore` and `header`.
    Summary {
        /// Entries of the flat list `plays`.
        plays: usize,
    },
    /// Format 2 of a day: the scoreboard, top-level `events`.
    Scoreboard {
        /// Entries of `events`.
        games: usize,
    },
    /// Format 3: a game package that was embedded in HTML, bare or still in its page.
    Embedded {
        /// Plays in the lists of `pbp.playGrps`.
        plays: usize,
    },
    /// Valid JSON that is none of these.
    Unknown,
    /// Neither JSON nor a page with an embedded package: truncated, empty, or an error page.
    Unreadable,
}

impl EspnShape {
    /// Looks at a document without building it in memory.
    ///
    /// Never fails: bytes that are no document are [`EspnShape::Unreadable`].
    #[must_use]
    pub fn detect(bytes: &[u8]) -> EspnShape {
        match serde_json::from_slice::<Lenient<Top>>(bytes) {
            Ok(Lenient(top)) => top.map_or(EspnShape::Unknown, Top::shape),
            Err(_) => {
                embedded(bytes).map_or(EspnShape::Unreadable, |package| EspnShape::Embedded {
                    plays: package.plays(),
                })
            }
        }
    }

    /// Number of plays, for shapes of one game.
    #[must_use]
    pub fn plays(self) -> Option<usize> {
        match self {
            EspnShape::Page { plays }
            | EspnShape::Summary { plays }
            | EspnShape::Embedded { plays } => Some(plays),
            _ => None,
        }
    }

    /// Whether the legacy SQL loaders take anything from it; they skip all other shapes without an error.
    #[must_use]
    pub fn legacy_loaders_read_it(self) -> bool {
        matches!(
            self,
            EspnShape::Page { .. } | EspnShape::PageSchedule { .. }
        )
    }
}

impl fmt::Display for EspnShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EspnShape::Page { .. } => "page",
            EspnShape::PageSchedule { .. } => "page schedule",
            EspnShape::Summary { .. } => "summary",
            EspnShape::Scoreboard { .. } => "scoreboard",
            EspnShape::Embedded { .. } => "embedded",
            EspnShape::Unknown => "unknown",
            EspnShape::Unreadable => "unreadable",
        })
    }
}

/// The package after the mark in an HTML page.
fn embedded(bytes: &[u8]) -> Option<Package> {
    let mark = EMBEDDED_MARK.as_bytes();
    let start = bytes
        .windows(mark.len())
        .position(|window| window == mark)?
        + mark.len();
    let object = start + bytes[start..].iter().position(|byte| *byte == b'{')?;
    let mut values = serde_json::Deserializer::from_slice(&bytes[object..]).into_iter::<Package>();
    values.next()?.ok()
}

/// Only what tells the shapes apart; everything else is skipped unread.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Top {
    page: Option<Lenient<Page>>,
    boxscore: Option<IgnoredAny>,
    header: Option<IgnoredAny>,
    plays: Option<Count>,
    events: Option<Count>,
    pbp: Option<Lenient<Pbp>>,
    #[serde(rename = "gmStrp")]
    strip: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Page {
    content: Option<Lenient<Content>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Content {
    gamepackage: Option<Lenient<Package>>,
    schedule: Option<Count>,
    events: Option<Count>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    pbp: Option<Lenient<Pbp>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pbp {
    #[serde(rename = "playGrps")]
    groups: Option<Count>,
}

impl Top {
    fn shape(self) -> EspnShape {
        if let Some(content) = self
            .page
            .and_then(|p| p.0)
            .and_then(|p| p.content)
            .and_then(|c| c.0)
        {
            return match (
                content.gamepackage.and_then(|p| p.0),
                content.schedule.or(content.events),
            ) {
                (Some(package), _) => EspnShape::Page {
                    plays: package.plays(),
                },
                (None, Some(games)) => EspnShape::PageSchedule { games: games.inner },
                (None, None) => EspnShape::Unknown,
            };
        }
        if self.boxscore.is_some() && self.header.is_some() {
            return EspnShape::Summary {
                plays: self.plays.map_or(0, |plays| plays.outer),
            };
        }
        if let Some(events) = self.events {
            return EspnShape::Scoreboard {
                games: events.outer,
            };
        }
        if self.strip.is_some() || self.pbp.is_some() {
            let package = Package { pbp: self.pbp };
            return EspnShape::Embedded {
                plays: package.plays(),
            };
        }
        EspnShape::Unknown
    }
}

impl Package {
    fn plays(&self) -> usize {
        let pbp = self.pbp.as_ref().and_then(|pbp| pbp.0.as_ref());
        pbp.and_then(|pbp| pbp.groups.as_ref())
            .map_or(0, |groups| groups.inner)
    }
}

/// An object, or `None` for a value of another kind: `"page": 3` makes a document unknown, not unreadable. (A derived
/// reader alone would also take a list for a struct.)
struct Lenient<T>(Option<T>);

/// Number of elements, and of elements of the lists among the elements. Other values count nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    outer: usize,
    inner: usize,
}

macro_rules! ignore_scalars {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = Lenient<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            ignore_scalars!(Lenient(None));

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Lenient(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(|value| Lenient(Some(value)))
            }
        }

        deserializer.deserialize_any(Any(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counter { depth: 0 })
    }
}

/// Counts lists: at depth 0 the value itself, at depth 1 its elements.
struct Counter {
    depth: u8,
}

impl<'de> serde::de::DeserializeSeed<'de> for Counter {
    type Value = Count;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Count, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counter {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    ignore_scalars!(Count::default());

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
        let mut count = Count::default();
        if self.depth == 0 {
            // A list of lists counts the inner ones; a plain list, which a schedule may be, its own elements.
            let mut lists = false;
            while let Some(element) = list.next_element_seed(Counter { depth: 1 })? {
                count.outer += 1;
                lists |= element.outer > 0;
                count.inner += element.outer;
            }
            if !lists {
                count.inner = 0;
            }
        } else {
            while list.next_element::<IgnoredAny>()?.is_some() {
                count.outer += 1;
            }
        }
        Ok(count)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        let mut count = Count::default();
        if self.depth == 0 {
            while map.next_key::<IgnoredAny>()?.is_some() {
                count.outer += 1;
                count.inner += map.next_value_seed(Counter { depth: 1 })?.outer;
            }
        } else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        Ok(count)
    }
}
