//! A part of a whole, as users give it: `500`, or `15%`.

use serde::{Deserialize, Serialize};

use crate::escape::Shown;

/// A part of a whole: a number of things, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Amount {
    /// So many of them.
    Count(u32),
    /// So many of a hundred, above 0 and at most 100.
    Percent(f32),
}

/// Of the rooms.
impl Amount {
    /// How many that is of `whole`, rounded, and at most all of them.
    pub fn of(self, whole: usize) -> usize {
        match self {
            Self::Count(count) => (count as usize).min(whole),
            Self::Percent(percent) => (whole as f64 * f64::from(percent) / 100.0).round() as usize,
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl std::str::FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` must be a number such as 500, or a share such as 15%", text.shown());
        let Some(percent) = text.strip_suffix('%') else {
            return match text.parse() {
                Ok(count) if count > 0 => Ok(Self::Count(count)),
                _ => Err(wrong()),
            };
        };
        match percent.trim_end().parse::<f32>() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Self::Percent(percent)),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Amount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_shares() {
        let of = |text: &str, whole| text.parse::<Amount>().map(|amount| amount.of(whole));
        assert_eq!([of("500", 60_000), of("500", 20), of("15%", 60_000)], [Ok(500), Ok(20), Ok(9000)]);
        assert_eq!([of("12.5 %", 16), of("100%", 7)], [Ok(2), Ok(7)]);
        for text in ["", "0", "-1", "%", "0%", "101%", "NaN%", "inf", "1.5", "ten"] {
            assert!(of(text, 10).is_err(), "{text}");
        }
        for text in ["500", "15%", "12.5%"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }
    }
}
