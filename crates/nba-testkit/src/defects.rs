//! Damage done on purpose to a replica, so that every check can be seen to notice it.
//!
//! Each [`Defect`] imitates something that happened or nearly happened to the legacy platform, and says exactly what it changed. Only a
//! database that carries the replica's mark is ever touched.
//!
//! ```no_run
//! # async fn run(target: nba_config::DatabaseTarget) -> Result<(), nba_testkit::replica::ReplicaError> {
//! use nba_testkit::defects::Defect;
//!
//! let planted = Defect::ValueChanged.plant(&target).await?;
//! println!("{} at {}: {:?} became {:?}", planted.table, planted.key, planted.before, planted.after);
//! # Ok(())
//! # }
//! ```

use nba_config::DatabaseTarget;
use tokio_postgres::{Client, types::ToSql};

use crate::replica::{
    Replica, ReplicaError,
    connection::{Connection, run},
};

/// One kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Defect {
    /// One row of `play_by_play` is gone.
    RowDeleted,
    /// One assist more in one row of `box_score_players`; every count stays the same.
    ValueChanged,
    /// A game with all its plays is there a second time under another id.
    GameDuplicated,
    /// `box_score_teams` has lost all its rows.
    TableEmptied,
    /// Two players of one game have exchanged their points: counts and sums stay the same.
    ValuesSwapped,
    /// One game's rows of `hoopr_play_by_play` are there twice, as after a second run of a loader without unique key.
    RowsDoubled,
    /// `play_by_play` has lost its primary key.
    KeyDropped,
    /// `hoopr_schedule` is gone altogether.
    TableDropped,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planted {
    /// Which damage.
    pub defect: Defect,
    /// `schema.table`.
    pub table: &'static str,
    /// Which row, as `column=value` parts; what else was hit where it is no single row.
    pub key: String,
    /// Column, where a single value was changed.
    pub column: Option<&'static str>,
    /// Value or number of rows before.
    pub before: Option<String>,
    /// Value or number of rows after.
    pub after: Option<String>,
    /// Rows deleted, added or changed in `table`.
    pub rows: u64,
}

impl Defect {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::RowDeleted,
        Self::ValueChanged,
        Self::GameDuplicated,
        Self::TableEmptied,
        Self::ValuesSwapped,
        Self::RowsDoubled,
        Self::KeyDropped,
        Self::TableDropped,
    ];

    /// A few words for a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RowDeleted => "row deleted",
            Self::ValueChanged => "value changed",
            Self::GameDuplicated => "game duplicated",
            Self::TableEmptied => "table emptied",
            Self::ValuesSwapped => "values swapped",
            Self::RowsDoubled => "rows doubled",
            Self::KeyDropped => "key dropped",
            Self::TableDropped => "table dropped",
        }
    }

    /// Does the damage, in one transaction. The same replica gets the same damage every time.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NotMarked`] for a database that is no replica; [`ReplicaError::NothingToChange`] when no row fits; otherwise what
    /// the server said.
    pub async fn plant(self, target: &DatabaseTarget) -> Result<Planted, ReplicaError> {
        let client = Connection::to(target)?.open("defect").await?;
        if !Replica::is_marked(&client).await? {
            return Err(ReplicaError::NotMarked {
                database: target.database.clone(),
            });
        }
        run(&client, "BEGIN").await?;
        let planted = match self {
            Self::RowDeleted => row_deleted(&client).await,
            Self::ValueChanged => value_changed(&client).await,
            Self::GameDuplicated => game_duplicated(&client).await,
            Self::TableEmptied => table_emptied(&client).await,
            Self::ValuesSwapped => values_swapped(&client).await,
            Self::RowsDoubled => rows_doubled(&client).await,
            Self::KeyDropped => key_dropped(&client).await,
            Self::TableDropped => table_dropped(&client).await,
        }?;
        run(&client, "COMMIT").await?;
        Ok(planted)
    }

    fn planted(self, table: &'static str, key: String) -> Planted {
        Planted {
            defect: self,
            table,
            key,
            column: None,
            before: None,
            after: None,
            rows: 1,
        }
    }
}

const MIDDLE_PLAY: &str =
    "DELETE FROM public.play_by_play WHERE play_id = (SELECT play_id FROM public.play_by_play
    ORDER BY play_id OFFSET (SELECT count(*) / 2 FROM public.play_by_play) LIMIT 1)
    RETURNING play_id, row_to_json(play_by_play)::text";

async fn row_deleted(client: &Client) -> Result<Planted, ReplicaError> {
    let defect = Defect::RowDeleted;
    let [play_id, row] = row(client, defect, "public.play_by_play", MIDDLE_PLAY, &[]).await?;
    let planted = defect.planted("public.play_by_play", format!("play_id={play_id}"));
    Ok(Planted {
        before: Some(row),
        ..planted
    })
}

const ONE_MORE_ASSIST: &str = "UPDATE public.box_score_players p SET assists = p.assists + 1 FROM
    (SELECT game_id, player_id, assists FROM public.box_score_players WHERE assists > 0
        ORDER BY game_id, player_id OFFSET (SELECT count(*) / 3 FROM public.box_score_players WHERE assists > 0) LIMIT 1) old
    WHERE p.game_id = old.game_id AND p.player_id = old.player_id
    RETURNING p.game_id, p.player_id, old.assists::text, p.assists::text";

async fn value_changed(client: &Client) -> Result<Planted, ReplicaError> {
    let defect = Defect::ValueChanged;
    let [game_id, player_id, before, after] = row(
        client,
        defect,
        "public.box_score_players",
        ONE_MORE_ASSIST,
        &[],
    )
    .await?;
    let planted = defect.planted(
        "public.box_score_players",
        format!("game_id={game_id}, player_id={player_id}"),
    );
    Ok(Planted {
        column: Some("assists"),
        before: Some(before),
        after: Some(after),
        ..planted
    })
}

/// An id the universe never gives.
const SECOND_ID: &str = "400999001";
const GAME_WITH_PLAYS: &str = "SELECT game_id FROM public.games g WHERE EXISTS (SELECT FROM public.play_by_play p WHERE p.game_id = g.game_id)
    ORDER BY game_id OFFSET 1 LIMIT 1";
const COPY_GAME: &str = "DO $$
DECLARE g public.games%ROWTYPE;
BEGIN
    SELECT * INTO g FROM public.games WHERE game_id = 'FIRST';
    g.game_id := 'SECOND';
    INSERT INTO public.games SELECT g.*;
END $$";
const COPY_PLAYS: &str = "INSERT INTO public.play_by_play (play_id, game_id, period_number, period_display, clock_display, play_text, home_away,
        scoring_play, away_score, home_score, created_at, updated_at)
    SELECT $1 || substr(play_id, length(game_id) + 1), $1, period_number, period_display, clock_display, play_text, home_away,
        scoring_play, away_score, home_score, created_at, updated_at
    FROM public.play_by_play WHERE game_id = $2";

async fn game_duplicated(client: &Client) -> Result<Planted, ReplicaError> {
    let defect = Defect::GameDuplicated;
    let [first] = row(client, defect, "public.games", GAME_WITH_PLAYS, &[]).await?;
    if !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ReplicaError::NothingToChange {
            table: "public.games".into(),
            defect: defect.name(),
        });
    }
    run(
        client,
        &COPY_GAME
            .replace("FIRST", &first)
            .replace("SECOND", SECOND_ID),
    )
    .await?;
    let plays = execute(client, COPY_PLAYS, &[&SECOND_ID, &first]).await?;
    let planted = defect.planted("public.games", format!("game_id={SECOND_ID}"));
    Ok(Planted {
        before: Some(first),
        after: Some(format!("{SECOND_ID} with {plays} plays")),
        ..planted
    })
}

async fn table_emptied(client: &Client) -> Result<Planted, ReplicaError> {
    let rows = execute(client, "DELETE FROM public.box_score_teams", &[]).await?;
    let planted = Defect::TableEmptied.planted("public.box_score_teams", "every row".into());
    Ok(Planted {
        before: Some(rows.to_string()),
        after: Some("0".into()),
        rows,
        ..planted
    })
}

const TWO_SCORERS: &str = "SELECT a.game_id, a.player_id, b.player_id, a.points::text, b.points::text
    FROM public.box_score_players a JOIN public.box_score_players b
        ON b.game_id = a.game_id AND b.team_id = a.team_id AND b.player_id > a.player_id AND b.points <> a.points
    WHERE a.player_id <> '' ORDER BY a.game_id, a.player_id, b.player_id LIMIT 1";
const SET_POINTS: &str = "UPDATE public.box_score_players SET points = $3::text::int WHERE game_id = $1 AND player_id = $2";

async fn values_swapped(client: &Client) -> Result<Planted, ReplicaError> {
    let defect = Defect::ValuesSwapped;
    let [game, one, other, points, other_points] =
        row(client, defect, "public.box_score_players", TWO_SCORERS, &[]).await?;
    execute(client, SET_POINTS, &[&game, &one, &other_points]).await?;
    execute(client, SET_POINTS, &[&game, &other, &points]).await?;
    let planted = defect.planted(
        "public.box_score_players",
        format!("game_id={game}, player_id={one} and {other}"),
    );
    Ok(Planted {
        column: Some("points"),
        before: Some(format!("{points} and {other_points}")),
        after: Some(format!("{other_points} and {points}")),
        rows: 2,
        ..planted
    })
}

const DOUBLE_GAME: &str = "INSERT INTO public.hoopr_play_by_play SELECT * FROM public.hoopr_play_by_play WHERE game_id = $1::text::int";

async fn rows_doubled(client: &Client) -> Result<Planted, ReplicaError> {
    let defect = Defect::RowsDoubled;
    let table = "public.hoopr_play_by_play";
    let [game] = row(
        client,
        defect,
        table,
        "SELECT max(game_id)::text FROM public.hoopr_play_by_play",
        &[],
    )
    .await?;
    let rows = execute(client, DOUBLE_GAME, &[&game]).await?;
    let planted = defect.planted(table, format!("game_id={game}"));
    Ok(Planted {
        before: Some(rows.to_string()),
        after: Some((2 * rows).to_string()),
        rows,
        ..planted
    })
}

async fn key_dropped(client: &Client) -> Result<Planted, ReplicaError> {
    run(
        client,
        "ALTER TABLE public.play_by_play DROP CONSTRAINT play_by_play_pkey",
    )
    .await?;
    let planted = Defect::KeyDropped.planted("public.play_by_play", "play_by_play_pkey".into());
    Ok(Planted {
        before: Some("PRIMARY KEY (play_id)".into()),
        rows: 0,
        ..planted
    })
}

async fn table_dropped(client: &Client) -> Result<Planted, ReplicaError> {
    let defect = Defect::TableDropped;
    let table = "public.hoopr_schedule";
    let [rows] = row(
        client,
        defect,
        table,
        "SELECT count(*)::text FROM public.hoopr_schedule",
        &[],
    )
    .await?;
    run(client, "DROP TABLE public.hoopr_schedule CASCADE").await?;
    let count = rows.parse().unwrap_or(0);
    Ok(Planted {
        before: Some(rows),
        rows: count,
        ..defect.planted(table, "the table and its view".into())
    })
}

/// The one row a statement gives, as texts.
async fn row<const N: usize>(
    client: &Client,
    defect: Defect,
    table: &'static str,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<[String; N], ReplicaError> {
    let failed = |source| ReplicaError::Server {
        doing: defect.name().into(),
        source,
    };
    let nothing = || ReplicaError::NothingToChange {
        table: table.into(),
        defect: defect.name(),
    };
    let row = client
        .query_opt(sql, parameters)
        .await
        .map_err(failed)?
        .ok_or_else(nothing)?;
    let mut values = [const { String::new() }; N];
    for (position, value) in values.iter_mut().enumerate() {
        *value = row
            .try_get::<_, Option<String>>(position)
            .map_err(failed)?
            .ok_or_else(nothing)?;
    }
    Ok(values)
}

async fn execute(
    client: &Client,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<u64, ReplicaError> {
    client
        .execute(sql, parameters)
        .await
        .map_err(|source| ReplicaError::Server {
            doing: sql.lines().next().unwrap_or_default().into(),
            source,
        })
}
