//! Read-only checks of any database of the platform's shape.
//!
//! Each is one cheap statement. A statement that fails or times out is a failed check, never a passed one:
//! a lost table must not look like an empty finding.

use nba_db::Database;

/// What a check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The table holds rows.
    NotEmpty(&'static str),
    /// The statement, whose rows are findings of one text column, has none.
    NoFinding(&'static str),
    /// The session cannot write.
    ReadOnly,
}

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Stable name, which selects it on the command line.
    pub name: &'static str,
    question: Question,
}

const fn not_empty(name: &'static str, table: &'static str) -> Check {
    Check {
        name,
        question: Question::NotEmpty(table),
    }
}

const fn no_finding(name: &'static str, sql: &'static str) -> Check {
    Check {
        name,
        question: Question::NoFinding(sql),
    }
}

/// Every check, in the order they are worth knowing; `games_count` and its kin carry the plan's names
/// (monitoring dossier 1, "test id").
pub const CHECKS: &[Check] = &[
    Check {
        name: "session_is_read_only",
        question: Question::ReadOnly,
    },
    not_empty("games_count", "games"),
    not_empty("play_by_play_count", "play_by_play"),
    not_empty("hoopr_play_by_play_count", "hoopr_play_by_play"),
    not_empty("box_score_players_count", "box_score_players"),
    not_empty("box_score_teams_count", "box_score_teams"),
    not_empty("box_score_snapshots_count", "box_score_snapshots"),
    no_finding(
        "game_ids_are_unique",
        "select game_id::text from games group by 1 having count(*) > 1 limit 5",
    ),
    no_finding(
        "games_have_two_different_teams",
        "select game_id::text from games where home_team_id = away_team_id limit 5",
    ),
    no_finding(
        "box_scores_belong_to_games",
        "select distinct b.game_id::text from box_score_teams b \
         where not exists (select from games g where g.game_id::text = b.game_id::text) limit 5",
    ),
    no_finding(
        "play_by_play_belongs_to_games",
        "select distinct p.game_id::text from play_by_play p \
         where not exists (select from games g where g.game_id::text = p.game_id::text) limit 5",
    ),
];

impl Check {
    /// Asks; `Ok` says what was found in order, `Err` what was not, or why that could not be told.
    ///
    /// # Errors
    ///
    /// The finding, or the database's error, as text.
    pub async fn run(&self, db: &Database) -> Result<String, String> {
        match self.question {
            Question::NotEmpty(table) => {
                let sql = format!("select count(*) from {}", nba_db::ident::Ident::new(table));
                let rows: i64 = db
                    .query_scalar(&sql, &[])
                    .await
                    .map_err(|error| told(&error))?;
                if rows == 0 {
                    return Err(format!("`{table}` is empty"));
                }
                Ok(format!("`{table}` holds {rows} rows"))
            }
            Question::NoFinding(sql) => {
                let rows = db
                    .query_rows(sql, &[])
                    .await
                    .map_err(|error| told(&error))?;
                if rows.is_empty() {
                    return Ok("nothing found".to_owned());
                }
                let keys: Vec<String> = rows
                    .iter()
                    .map(|row| row.try_get::<_, Option<String>>(0))
                    .map(|key| {
                        key.map_or_else(
                            |e| e.to_string(),
                            |k| k.unwrap_or_else(|| "NULL".to_owned()),
                        )
                    })
                    .collect();
                Err(format!("among others: {}", keys.join(", ")))
            }
            Question::ReadOnly => {
                // Would change nothing even where it is allowed.
                let attempt = db.query("insert into games select * from games where false", &[]);
                match attempt.await {
                    Ok(_) => Err("a write was not refused".to_owned()),
                    Err(error) if error.sqlstate() == Some("25006") => {
                        Ok("a write was refused (SQLSTATE 25006)".to_owned())
                    }
                    Err(error) => Err(told(&error)),
                }
            }
        }
    }
}

/// An error with the whole chain of its causes, in one line.
#[must_use]
pub fn told(error: &nba_db::DbError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
