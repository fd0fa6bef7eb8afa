//! Secure score of a subscription and of one control.

use super::json::Value;

/// `properties.score.percentage`, a ratio from 0 to 1, as the number is written.
pub fn score<'d, 'e>(document: &'d Value<'e>) -> Option<&'d Value<'e>> {
    let percentage = document.at(&["properties", "score", "percentage"]);
    percentage.filter(|value| value.as_number().is_some())
}
