//! cdn.nba.com live `playbyplay`: one action per row, steals and blocks as rows of their own, substitutions as two.

use super::text;
use crate::event::{Event, EventKind, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side};
use crate::log::{Ball, GameLog, LogBuilder, LogError, Note, Origin, Stat};

/// One element of `game.actions`, borrowed; absent texts are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Action<'a> {
    /// `actionNumber`; it goes down where a row was put in later.
    pub number: Option<u32>,
    /// `period`.
    pub period: i64,
    /// `clock`, such as `PT11M38.00S`.
    pub clock: &'a str,
    /// `actionType`: `2pt`, `3pt`, `freethrow`, `rebound`, …
    pub kind: &'a str,
    /// `subType`: `offensive`, `technical`, `in`, …
    pub sub_kind: &'a str,
    /// `descriptor`: `technical` of a free throw.
    pub descriptor: &'a str,
    /// `shotResult` is `Made`.
    pub made: bool,
    /// `teamId`.
    pub team: Option<u64>,
    /// `teamTricode`.
    pub team_name: &'a str,
    /// `personId`; 0 is nobody.
    pub person: u64,
    /// `playerNameI`, or `playerName`.
    pub name: &'a str,
    /// `assistPersonId`.
    pub assist: Option<u64>,
    /// `blockPersonId`.
    pub block: Option<u64>,
    /// `stealPersonId`.
    pub steal: Option<u64>,
    /// `foulDrawnPersonId`.
    pub fouled: Option<u64>,
    /// `scoreHome` and `scoreAway`.
    pub score: Option<[u16; 2]>,
    /// `pointsTotal`.
    pub points: Option<u16>,
    /// `assistTotal`.
    pub assists: Option<u16>,
    /// `reboundOffensiveTotal` and `reboundDefensiveTotal`.
    pub rebounds: Option<[u16; 2]>,
    /// `turnoverTotal`.
    pub turnovers: Option<u16>,
    /// `foulPersonalTotal`.
    pub fouls: Option<u16>,
    /// `xLegacy` and `yLegacy` of a shot: tenths of a foot from the hoop.
    pub place: Option<[i64; 2]>,
}

/// Reads the actions of one game, in the order of the document.
///
/// The document does not say which team is at home; the first basket does, unless `home` is given.
///
/// # Errors
///
/// When a clock or a period cannot be read, there is a third team, or nothing tells the sides.
pub fn read(id: &str, actions: &[Action<'_>], home: Option<u64>) -> Result<GameLog, LogError> {
    let home = match home.or_else(|| home_by_score(actions)) {
        Some(home) => home,
        None if actions.iter().all(|action| action.team.is_none()) => 0,
        None => return Err(LogError::Missing { what: "home team" }),
    };
    let mut reader = Reader {
        builder: LogBuilder::new(id),
        home,
        away: None,
        leaving: Vec::new(),
        entering: Vec::new(),
        moment: (0, 0),
        takers: Vec::new(),
    };
    reader.builder.log.teams[0].id = (home != 0).then_some(home);
    let mut seen: std::collections::HashMap<u32, &Action<'_>> =
        std::collections::HashMap::with_capacity(actions.len());
    for (row, action) in (0u32..).zip(actions) {
        if let Some(number) = action.number {
            match seen.entry(number) {
                std::collections::hash_map::Entry::Occupied(first) if **first.get() == *action => {
                    reader.builder.note(Note::Duplicate { row, number });
                    continue;
                }
                std::collections::hash_map::Entry::Occupied(_) => {
                    // Both are counted; nobody can say which of them holds.
                    reader.builder.note(Note::Conflict { row, number });
                }
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(action);
                }
            }
        } else {
            reader.builder.note(Note::Unnumbered { row });
        }
        reader.action(row, action)?;
    }
    reader.unpaired();
    reader.untaken();
    Ok(reader.builder.finish_in_chain())
}

/// Who scored when the home score went up first, or did not when the other did.
fn home_by_score(actions: &[Action<'_>]) -> Option<u64> {
    let mut last = [0, 0];
    let mut visitors = None;
    for action in actions {
        let Some(score) = action.score else { continue };
        let shot = matches!(action.kind, "2pt" | "3pt" | "freethrow") && action.made;
        if shot && score[0] > last[0] && score[1] == last[1] {
            return action.team;
        }
        if shot && score[1] > last[1] && score[0] == last[0] {
            visitors = action.team;
        }
        last = score;
    }
    // Nobody at home has scored yet: the other team.
    actions
        .iter()
        .filter_map(|action| action.team)
        .find(|team| visitors.is_some_and(|visitors| *team != visitors))
}

struct Reader {
    builder: LogBuilder,
    home: u64,
    away: Option<u64>,
    /// Substitution rows of this moment that wait for their other half.
    leaving: Vec<(u32, PlayerRef)>,
    entering: Vec<(u32, PlayerRef)>,
    moment: (u8, u16),
    /// Who stole and blocked.
    takers: Vec<Taker>,
}

/// A steal or block has a row of its own beside the turnover or miss that it belongs to.
#[derive(Debug, Clone, Copy)]
struct Taker {
    player: PlayerRef,
    what: &'static str,
    /// Times a turnover or miss names him.
    credited: usize,
    /// Rows of his own, and the last of them.
    own: usize,
    row: u32,
}

/// Rows that count for nobody, or are told in another row.
const NOTHING: [&str; 18] = [
    "period",
    "game",
    "jumpball",
    "timeout",
    "steal",
    "block",
    "violation",
    "ejection",
    "stoppage",
    "instantreplay",
    "replay",
    "challenge",
    "review",
    "memo",
    "delay",
    "heave",
    "edited",
    "comment",
];

impl Reader {
    fn taker(&mut self, player: PlayerRef, what: &'static str) -> &mut Taker {
        let known = self
            .takers
            .iter()
            .position(|one| one.player == player && one.what == what);
        let place = known.unwrap_or_else(|| {
            self.takers.push(Taker {
                player,
                what,
                credited: 0,
                own: 0,
                row: 0,
            });
            self.takers.len() - 1
        });
        &mut self.takers[place]
    }

    /// Steals and blocks that have a row of their own and no turnover or miss.
    fn untaken(&mut self) {
        for one in std::mem::take(&mut self.takers) {
            if one.own > one.credited {
                self.builder.note(Note::Nobody {
                    row: one.row,
                    what: one.what,
                });
            }
        }
    }

    fn action(&mut self, row: u32, action: &Action<'_>) -> Result<(), LogError> {
        let period = text::period(row, action.period)?;
        let clock = text::clock_in(row, period, action.clock)?;
        if (period, clock) != self.moment {
            self.unpaired();
            self.moment = (period, clock);
        }
        let origin = Origin {
            row,
            number: action.number,
        };
        let side = match action.team {
            Some(team) => Some(self.side(row, team, action.team_name)?),
            None => None,
        };
        let player = match side {
            Some(side) if action.person > 0 => {
                Some(self.builder.by_id(row, side, action.person, action.name)?)
            }
            _ => None,
        };
        let other = |builder: &mut LogBuilder, side: Side, id: Option<u64>| match id {
            Some(id) if id > 0 => builder.by_id(row, side, id, "").map(Some),
            _ => Ok(None),
        };
        let nameless = player.is_none()
            && (!action.name.is_empty()
                || action.turnovers.is_some()
                || action.rebounds.is_some()
                || action.fouls.is_some());
        if nameless && matches!(action.kind, "rebound" | "turnover" | "foul") {
            self.builder.note(Note::Nobody {
                row,
                what: "action",
            });
        }
        if action.kind == "foul" && action.sub_kind.is_empty() {
            // Whether it is one of the six or a technical one.
            self.builder.note(Note::UnknownKind {
                row,
                kind: action.kind.to_owned(),
            });
        }
        let mut score = action.score;
        let mut claims: [Option<(PlayerRef, Stat, u16)>; 2] = [None; 2];
        let mut mention = None;
        let mut split = None;
        let kind = match (action.kind, player, side) {
            ("2pt" | "3pt", Some(shooter), _) => {
                let result = if action.made {
                    let assist = other(&mut self.builder, shooter.side, action.assist)?;
                    if assist.is_none() && action.assists.is_some() {
                        self.builder.note(Note::Nobody {
                            row,
                            what: "assist",
                        });
                    }
                    claims[0] = action.points.map(|value| (shooter, Stat::Pts, value));
                    claims[1] = assist
                        .zip(action.assists)
                        .map(|(player, value)| (player, Stat::Ast, value));
                    ShotResult::Made {
                        assist: assist.map(|player| player.slot),
                    }
                } else {
                    let block = other(&mut self.builder, shooter.side.other(), action.block)?;
                    if let Some(player) = block {
                        self.taker(player, "block").credited += 1;
                    }
                    ShotResult::Missed {
                        block: block.map(|player| player.slot),
                    }
                };
                EventKind::Shot(Shot {
                    shooter,
                    value: if action.kind == "3pt" {
                        ShotValue::Three
                    } else {
                        ShotValue::Two
                    },
                    result,
                })
            }
            ("freethrow", Some(shooter), _) => {
                if action.made {
                    claims[0] = action.points.map(|value| (shooter, Stat::Pts, value));
                }
                EventKind::FreeThrow {
                    shooter,
                    made: action.made,
                    technical: action.descriptor == "technical",
                }
            }
            ("rebound", _, Some(side)) => {
                split = player.zip(action.rebounds);
                EventKind::Rebound {
                    side,
                    player: player.map(|player| player.slot),
                    which: if action.sub_kind == "offensive" {
                        Rebound::Offensive
                    } else {
                        Rebound::Defensive
                    },
                }
            }
            ("turnover", _, Some(side)) => {
                claims[0] = player
                    .zip(action.turnovers)
                    .map(|(player, value)| (player, Stat::Tov, value));
                let steal = other(&mut self.builder, side.other(), action.steal)?;
                if let Some(player) = steal {
                    self.taker(player, "steal").credited += 1;
                }
                EventKind::Turnover {
                    side,
                    player: player.map(|player| player.slot),
                    steal: steal.map(|player| player.slot),
                }
            }
            ("foul", _, Some(side)) if action.sub_kind == "technical" => EventKind::TechnicalFoul {
                side,
                offender: player.map(|player| player.slot),
            },
            ("foul", Some(offender), _) => {
                claims[0] = action.fouls.map(|value| (offender, Stat::Pf, value));
                mention = other(&mut self.builder, offender.side.other(), action.fouled)?;
                EventKind::PersonalFoul { offender }
            }
            ("substitution", Some(player), _) => {
                self.substitution(row, player, action.sub_kind == "in", origin)?;
                return Ok(());
            }
            ("period", _, _) if action.sub_kind == "start" => {
                EventKind::PeriodStart { lineups: [None; 2] }
            }
            ("period", _, _) if action.sub_kind == "end" => EventKind::PeriodEnd,
            ("2pt" | "3pt" | "freethrow" | "rebound" | "turnover", _, _) => {
                self.builder.note(Note::Nobody {
                    row,
                    what: "action",
                });
                EventKind::Neutral
            }
            ("foul", _, _) => {
                self.builder.note(Note::Nobody { row, what: "foul" });
                EventKind::Neutral
            }
            ("substitution", None, _) => {
                self.builder.note(Note::SubstitutionIncomplete { row });
                EventKind::Neutral
            }
            // A heave that nobody took, a timeout.
            (kind, _, _) => {
                if !NOTHING.contains(&kind) {
                    self.builder.note(Note::UnknownKind {
                        row,
                        kind: kind.to_owned(),
                    });
                }
                if let (Some(player), Some(what)) = (
                    player,
                    ["steal", "block"].into_iter().find(|what| *what == kind),
                ) {
                    let taker = self.taker(player, what);
                    taker.own += 1;
                    taker.row = row;
                }
                score = None;
                EventKind::Neutral
            }
        };
        let event = Event {
            sequence: 0,
            period,
            clock_tenths: clock,
            score,
            kind,
        };
        let index = self.builder.push(event, origin)?;
        let ball = match (action.kind, side) {
            ("freethrow", _) => text::free_throw(action.sub_kind).map(|ball| match ball {
                Ball::FreeThrow { number, of, .. } => Ball::FreeThrow {
                    number,
                    of,
                    keeps: ["flagrant", "clear-path"].contains(&action.descriptor),
                },
                other => other,
            }),
            ("jumpball", _) => Some(Ball::Jump),
            ("heave", Some(side)) => Some(Ball::Heave(side)),
            _ => None,
        };
        if let Some(ball) = ball {
            self.builder.mark(index, ball);
        }
        if matches!(kind, EventKind::Shot(_)) {
            self.builder.shot_place(index, action.place);
        }
        for (player, stat, value) in claims.into_iter().flatten() {
            self.builder.claim(index, player, stat, value);
        }
        if let Some(player) = mention {
            self.builder.mention(index, player);
        }
        if let Some((player, [offensive, defensive])) = split {
            self.builder
                .stated_rebound(index, player, offensive, defensive);
        }
        Ok(())
    }

    /// The first who leaves goes for the first of his team who enters in the same moment.
    fn substitution(
        &mut self,
        row: u32,
        player: PlayerRef,
        enters: bool,
        origin: Origin,
    ) -> Result<(), LogError> {
        let (own, partners) = if enters {
            (&mut self.entering, &mut self.leaving)
        } else {
            (&mut self.leaving, &mut self.entering)
        };
        let Some(place) = partners
            .iter()
            .position(|(_, partner)| partner.side == player.side)
        else {
            own.push((row, player));
            return Ok(());
        };
        let (_, partner) = partners.remove(place);
        let (enters, leaves) = if enters {
            (player.slot, partner.slot)
        } else {
            (partner.slot, player.slot)
        };
        let event = Event::new(
            0,
            self.moment.0,
            self.moment.1,
            EventKind::Substitution {
                side: player.side,
                enters,
                leaves,
            },
        );
        self.builder.push(event, origin)?;
        Ok(())
    }

    /// Halves of substitutions that stayed alone.
    fn unpaired(&mut self) {
        for (row, _) in self.leaving.drain(..).chain(self.entering.drain(..)) {
            self.builder.note(Note::SubstitutionIncomplete { row });
        }
    }

    fn side(&mut self, row: u32, team: u64, name: &str) -> Result<Side, LogError> {
        let side = if team == self.home {
            Side::Home
        } else if *self.away.get_or_insert(team) == team {
            Side::Away
        } else {
            return Err(LogError::ThirdTeam { row, team });
        };
        let entry = &mut self.builder.log.teams[side.index()];
        entry.id = Some(team);
        if entry.name.is_empty() {
            name.clone_into(&mut entry.name);
        }
        Ok(side)
    }
}
