//! What happened to a number.

use super::kind::Kind;

/// Digits that are looked at exactly; longer numbers are only "other".
const MOST_DIGITS: usize = 36;
/// Largest relative difference of two 64-bit floats that counts as their last bits.
const LAST_BITS: f64 = 1e-12;

/// `units × 10^-decimals`, with as many decimals as were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    units: i128,
    decimals: u32,
}

impl Number {
    /// Reads a decimal number; `None` for anything else, and for too many digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let digits = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let written = whole.len() + fraction.len();
        let plain = whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit());
        if written == 0 || !plain || written > MOST_DIGITS {
            return None;
        }
        let magnitude: i128 = format!("{whole}{fraction}").parse().ok()?;
        let units = if mantissa.starts_with('-') {
            -magnitude
        } else {
            magnitude
        };
        let decimals = i32::try_from(fraction.len()).ok()? - power;
        match u32::try_from(decimals) {
            Ok(decimals) => {
                (usize::try_from(decimals).ok()? <= MOST_DIGITS).then_some(Self { units, decimals })
            }
            Err(_) => Some(Self {
                units: units.checked_mul(10_i128.checked_pow(decimals.unsigned_abs())?)?,
                decimals: 0,
            }),
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.units == 0
    }

    /// Without zeros at the end of the decimals.
    fn reduced(mut self) -> Self {
        while self.decimals > 0 && self.units % 10 == 0 {
            self.units /= 10;
            self.decimals -= 1;
        }
        self
    }

    /// The same number with this many decimals, which are not fewer.
    fn widened(self, decimals: u32) -> Option<i128> {
        let power = 10_i128.checked_pow(decimals.checked_sub(self.decimals)?)?;
        self.units.checked_mul(power)
    }

    /// Significant digits and the power of ten of the last one.
    fn scientific(self) -> (i128, i64) {
        let mut units = self.units;
        let mut power = -i64::from(self.decimals);
        while units != 0 && units % 10 == 0 {
            units /= 10;
            power += 1;
        }
        (units, power)
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let places = usize::try_from(self.decimals).unwrap_or(MOST_DIGITS);
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// Whether a text is the not-a-number of PostgreSQL.
pub(super) fn is_nan(text: &str) -> bool {
    text.eq_ignore_ascii_case("nan")
}

/// How two different number texts differ. `float` for types that are kept in binary.
pub(super) fn classify(old: &str, new: &str, float: bool) -> Kind {
    let (Some(before), Some(after)) = (Number::parse(old), Number::parse(new)) else {
        return match (old.parse::<f64>(), new.parse::<f64>()) {
            (Ok(before), Ok(after)) if float && nearly(before, after) => Kind::LastBits,
            _ => Kind::OtherNumber,
        };
    };
    let decimals = before.decimals.max(after.decimals);
    let (Some(left), Some(right)) = (before.widened(decimals), after.widened(decimals)) else {
        return Kind::OtherNumber;
    };
    let Some(difference) = right.checked_sub(left) else {
        return Kind::OtherNumber;
    };
    if difference == 0 {
        return Kind::SameNumber;
    }
    if left == -right {
        return Kind::Sign;
    }
    if float && is_single(old, new) {
        return Kind::SinglePrecision;
    }
    if let (true, Ok(left), Ok(right)) = (float, old.parse::<f64>(), new.parse::<f64>())
        && nearly(left, right)
    {
        return Kind::LastBits;
    }
    if let Some(power) = scaled(before, after) {
        return Kind::Scaled { power };
    }
    // One unit in the last place that was written is a step, however round the result looks.
    let step = difference.abs() == 1 && before.decimals == after.decimals;
    if let (false, Some(kind)) = (step, shortened(before, after)) {
        return kind;
    }
    let delta = Number {
        units: difference,
        decimals,
    }
    .reduced();
    let sign = if difference > 0 { "+" } else { "" };
    Kind::Delta {
        by: format!("{sign}{delta}"),
    }
}

fn nearly(left: f64, right: f64) -> bool {
    (left - right).abs() <= LAST_BITS * left.abs().max(right.abs())
}

/// Whether `new` is what is left of `old` after a trip through a 32-bit float.
fn is_single(old: &str, new: &str) -> bool {
    match (old.parse::<f32>(), new.parse::<f64>(), new.parse::<f32>()) {
        (Ok(narrow), Ok(wide), Ok(also)) => {
            // As a 64-bit float that kept 32 bits, or as the short text of the 32-bit one.
            f64::from(narrow) == wide || (narrow == also && new.len() < old.len())
        }
        _ => false,
    }
}

/// The power of ten between two numbers with the same digits.
fn scaled(old: Number, new: Number) -> Option<i32> {
    let ((left, from), (right, to)) = (old.scientific(), new.scientific());
    let power = i32::try_from(to - from).ok()?;
    // 1 and 100 may just as well be two counts; ratios have decimals.
    let telling = left.abs() >= 10 || (power.abs() == 2 && old.decimals + new.decimals > 0);
    (left == right && power != 0 && telling).then_some(power)
}

/// Whether digits after the point were rounded or cut away.
fn shortened(old: Number, new: Number) -> Option<Kind> {
    let (long, short) = (old.reduced(), new.reduced());
    let lost = long.decimals.checked_sub(short.decimals)?;
    // With as many decimals written as before, a single lost digit says nothing.
    let enough = if old.decimals == new.decimals { 3 } else { 1 };
    if lost < enough {
        return None;
    }
    let unit = 10_i128.checked_pow(lost)?;
    let half = unit / 2;
    let distance = short.widened(long.decimals)?.checked_sub(long.units)?;
    let decimals = short.decimals;
    if distance.abs() <= half {
        return Some(Kind::Rounded { decimals });
    }
    (distance.abs() < unit && distance.signum() != long.units.signum())
        .then_some(Kind::DigitsCut { decimals })
}
