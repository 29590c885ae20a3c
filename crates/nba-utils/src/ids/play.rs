//! Play ids: a game's id with a running number behind it.

use std::fmt;

use super::{EspnGameId, IdError, canonical_integer};

/// One play of one game, ordered as it was played.
///
/// Stored as text, `play_id` is the game's id followed by an unpadded number, so that sorting the text puts play 10 before play 2 —
/// which the legacy processors do (database dossier 0.4, 7.1). Splitting needs the game: the text alone does not say where the
/// id ends.
///
/// ```
/// use nba_utils::PlayId;
/// let game = "401307856".parse()?;
/// let second = PlayId::split("4013078562", game)?;
/// let tenth = PlayId::split("40130785610", game)?;
/// assert!(second < tenth);
/// assert!("4013078562" > "40130785610");
/// # Ok::<(), nba_utils::ids::IdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayId {
    /// The game.
    pub game: EspnGameId,
    /// The running number.
    pub sequence: u64,
}

impl PlayId {
    /// Splits a stored `play_id` of a known game. Padded numbers (`4014682150001`) and ids from a floating-point column are
    /// read too.
    ///
    /// # Errors
    /// The text does not start with the game's id, has nothing behind it, or has lost digits.
    pub fn split(text: &str, game: EspnGameId) -> Result<Self, IdError> {
        let not_a_play = || IdError::NotAPlay {
            text: text.to_owned(),
            game,
        };
        let digits = canonical_integer(text)
            .map_err(|error| match error {
                IdError::NotANumber { .. } => not_a_play(),
                other => other,
            })?
            .digits;
        let sequence = digits
            .strip_prefix(&game.to_string())
            .ok_or_else(not_a_play)?
            .parse()
            .map_err(|_| not_a_play())?;
        Ok(Self { game, sequence })
    }
}

impl fmt::Display for PlayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.game, self.sequence)
    }
}
