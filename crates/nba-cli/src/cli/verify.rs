//! The flags of `nba verify`.

use clap::Args;
use nba_db::gentle::Budget;
use std::time::Duration;

pub(crate) const VERIFY_EXAMPLES: &str = "\
Examples:
  nba verify                            every table, every row
  nba verify games play_by_play --limit 50
  nba verify --budget 20%               slowly; interrupted, `nba verify --quick` goes on
  nba verify --quick                    carry the proofs of tables that nobody wrote to
  nba verify --quick --scrub-within 12h --json | jq '.fresh, .carried, .oldest_proof'";

/// What is verified, and how closely.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Tables of the baseline (`schema.table`); all otherwise.
    #[arg(value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Baseline to prove against.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) baseline: String,
    /// Name at most this many rows per table and kind of difference.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Share of the time the server may be kept busy; it rests in between, and longer while others need it.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) budget: Option<Budget>,
    /// Carry earlier proofs where the write counters say that nothing was written since; the report says which.
    #[arg(long)]
    pub(crate) quick: bool,
    /// With --quick: read every table again within this time, whatever the counters say, such as `24h`, `90m` or `7d`.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = period, requires = "quick")]
    pub(crate) scrub_within: Duration,
}

/// A number with its unit: `s`, `m`, `h` or `d`.
fn period(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no time: expected a number with a unit, such as `24h`");
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    let seconds = number.checked_mul(seconds).ok_or_else(expected)?;
    if seconds == 0 {
        return Err("a scrub within no time is no quick run: leave --quick out".to_owned());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::period;
    use std::time::Duration;

    #[test]
    fn periods_have_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("90m", 5_400),
            ("24h", 86_400),
            ("7d", 604_800),
        ] {
            assert_eq!(period(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "h",
            "24",
            "-1h",
            "1.5h",
            "0h",
            "24 é",
            "99999999999999999999d",
        ] {
            assert!(period(text).is_err(), "{text}");
        }
    }
}
