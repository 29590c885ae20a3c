//! A short, complete and correct game: 4 periods, 8 players a side.

use nba_boxscore::{
    Event, EventKind, Lineup, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side,
};

pub(crate) const SIZES: [u8; 2] = [8, 8];

pub(crate) fn home(slot: u8) -> PlayerRef {
    PlayerRef {
        side: Side::Home,
        slot,
    }
}

pub(crate) fn away(slot: u8) -> PlayerRef {
    PlayerRef {
        side: Side::Away,
        slot,
    }
}

pub(crate) fn five(slots: [u8; 5]) -> Lineup {
    Lineup::new(slots).unwrap()
}

pub(crate) fn made(shooter: PlayerRef, value: ShotValue, assist: Option<u8>) -> EventKind {
    EventKind::Shot(Shot {
        shooter,
        value,
        result: ShotResult::Made { assist },
    })
}

pub(crate) fn missed(shooter: PlayerRef, value: ShotValue, block: Option<u8>) -> EventKind {
    EventKind::Shot(Shot {
        shooter,
        value,
        result: ShotResult::Missed { block },
    })
}

pub(crate) fn free_throw(shooter: PlayerRef, made: bool) -> EventKind {
    EventKind::FreeThrow {
        shooter,
        made,
        technical: false,
    }
}

pub(crate) fn rebound(player: PlayerRef, which: Rebound) -> EventKind {
    EventKind::Rebound {
        side: player.side,
        player: Some(player.slot),
        which,
    }
}

/// Events with their clock in seconds, numbered as they come.
pub(crate) struct Script {
    pub(crate) events: Vec<Event>,
    period: u8,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self {
            events: Vec::new(),
            period: 0,
        }
    }

    pub(crate) fn at(&mut self, seconds: u16, kind: EventKind) -> &mut Self {
        let sequence = u32::try_from(self.events.len()).unwrap() * 2 + 1;
        self.events
            .push(Event::new(sequence, self.period, seconds * 10, kind));
        self
    }

    pub(crate) fn start(&mut self, home: [u8; 5], away: [u8; 5]) -> &mut Self {
        self.period += 1;
        let seconds = if self.period <= 4 { 720 } else { 300 };
        self.at(
            seconds,
            EventKind::PeriodStart {
                lineups: [Some(five(home)), Some(five(away))],
            },
        )
    }

    pub(crate) fn end(&mut self) -> &mut Self {
        self.at(0, EventKind::PeriodEnd)
    }
}

const STARTERS: [u8; 5] = [0, 1, 2, 3, 4];

/// Home wins 10 to 5.
pub(crate) fn whole_game() -> Vec<Event> {
    let mut script = Script::new();
    script.start(STARTERS, STARTERS);
    script.at(700, made(home(0), ShotValue::Three, Some(1)));
    script.at(680, missed(away(2), ShotValue::Two, Some(4)));
    script.at(678, rebound(home(4), Rebound::Defensive));
    script.at(
        660,
        EventKind::Turnover {
            side: Side::Home,
            player: Some(3),
            steal: Some(1),
        },
    );
    script.at(650, made(away(1), ShotValue::Two, None));
    script.at(640, EventKind::PersonalFoul { offender: away(0) });
    script.at(640, free_throw(home(2), true));
    // The change comes between the tries: number 5 of the visitors is not charged with the second point.
    script.at(
        640,
        EventKind::Substitution {
            side: Side::Away,
            enters: 5,
            leaves: 0,
        },
    );
    script.at(640, free_throw(home(2), true));
    script.end();
    // Changed without an event.
    script.start([0, 1, 2, 3, 5], STARTERS);
    script.at(
        500,
        EventKind::TechnicalFoul {
            side: Side::Home,
            offender: None,
        },
    );
    script.at(
        500,
        EventKind::FreeThrow {
            shooter: away(4),
            made: true,
            technical: true,
        },
    );
    script.at(400, missed(home(5), ShotValue::Three, None));
    script.at(
        399,
        EventKind::Rebound {
            side: Side::Home,
            player: None,
            which: Rebound::Offensive,
        },
    );
    script.at(
        380,
        EventKind::Turnover {
            side: Side::Home,
            player: None,
            steal: None,
        },
    );
    script.end();
    script.start(STARTERS, STARTERS);
    script.at(600, EventKind::PersonalFoul { offender: home(0) });
    script.at(
        600,
        EventKind::Turnover {
            side: Side::Home,
            player: Some(0),
            steal: None,
        },
    );
    script.at(550, made(away(3), ShotValue::Two, Some(0)));
    script.end();
    script.start(STARTERS, STARTERS);
    script.at(10, made(home(1), ShotValue::Two, None));
    script.at(5, made(home(1), ShotValue::Three, None));
    script.end();
    script.events
}
