//! What is asked for: numbers to be found, and numbers to be ordered.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::connectors::portico::numbers::Wanted;
use crate::platform::http::ApiError;

/// Numbers that one call may order.
const ORDERS_MAX: usize = 100;
/// Numbers that a search may find.
const FOUND_MAX: u8 = 100;
const TEXT_CHARS_MAX: usize = 255;

/// What numbers are looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AvailableQuery {
    /// How many are shown, 1 to 100; 10 where it is left out.
    #[param(minimum = 1, maximum = 100)]
    number_of_results: Option<u8>,
    /// 4 to 7 letters and digits that a number spells.
    #[param(min_length = 4, max_length = 7)]
    vanity: Option<String>,
}

/// A number to be ordered. Where the service calls us about it is filled in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NumberOrder, examples(json!({
    "tollfreeNumber": "18445551212", "comment": "Nexus Premise ACME Corp", "emailAddress": "sms.admin@acme.test.com",
})))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrderBody {
    /// One of the numbers that can be had, with its country code.
    pub tollfree_number: String,
    /// Helps the vendor's people to find who ordered it.
    pub comment: Option<String>,
    /// Whom they are to write to.
    pub email_address: Option<String>,
}

/// Numbers, with the members that Genesys Cloud gives them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Numbers, value_type = Object)]
#[serde(transparent)]
pub(super) struct NumbersView(pub Value);

/// What became of an order, with the members that Genesys Cloud gives it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NumbersOrdered, value_type = Object)]
#[serde(transparent)]
pub(super) struct OrderedView(pub Value);

impl AvailableQuery {
    pub(super) fn parse(self) -> Result<Wanted, ApiError> {
        let (count, vanity) = (self.number_of_results, self.vanity);
        if count.is_some_and(|count| !(1..=FOUND_MAX).contains(&count)) {
            let message = format!("numberOfResults must be 1 to {FOUND_MAX}");
            return Err(ApiError::bad_request(message));
        }
        let spells = |vanity: &String| {
            (4..=7).contains(&vanity.len())
                && vanity.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if vanity.as_ref().is_some_and(|vanity| !spells(vanity)) {
            let message = "vanity must be 4 to 7 letters and digits";
            return Err(ApiError::bad_request(message));
        }
        Ok(Wanted { count, vanity })
    }
}

/// Checks an order, and writes its numbers as digits.
pub(super) fn parse(mut orders: Vec<OrderBody>) -> Result<Vec<OrderBody>, ApiError> {
    if !(1..=ORDERS_MAX).contains(&orders.len()) {
        let message = format!("an order names 1 to {ORDERS_MAX} numbers");
        return Err(ApiError::unprocessable(message));
    }
    let mut refused = ApiError::unprocessable("the order cannot be made");
    let mut is_refused = false;
    for (place, order) in orders.iter_mut().enumerate() {
        let digits: String = order
            .tollfree_number
            .chars()
            .filter(|character| !matches!(character, '+' | '-' | ' '))
            .collect();
        let is_number =
            (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            refused = refused.detail(format!("/{place}/tollfreeNumber"), "must be 8 to 15 digits");
        }
        order.tollfree_number = digits;
        let texts = [
            ("comment", &order.comment),
            ("emailAddress", &order.email_address),
        ];
        let mut long = texts.into_iter().filter(|(_, text)| {
            text.as_ref()
                .is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX)
        });
        let long = long.next().map(|(name, _)| name);
        if let Some(name) = long {
            let message = format!("must have at most {TEXT_CHARS_MAX} characters");
            refused = refused.detail(format!("/{place}/{name}"), message);
        }
        is_refused |= !is_number || long.is_some();
    }
    if is_refused { Err(refused) } else { Ok(orders) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(number: &str, comment: &str) -> OrderBody {
        OrderBody {
            tollfree_number: number.to_owned(),
            comment: Some(comment.to_owned()),
            email_address: None,
        }
    }

    #[test]
    fn numbers_are_written_as_digits() {
        let orders = parse(vec![order("+1 844-555-1212", "")]).unwrap();
        assert_eq!(orders[0].tollfree_number, "18445551212");
    }

    #[test]
    fn what_cannot_be_ordered_is_refused() {
        for orders in [
            Vec::new(),
            vec![order("1844PIZZA", "")],
            vec![order("1844", "")],
            vec![order("18445551212", &"a".repeat(256))],
            (0..101).map(|_| order("18445551212", "")).collect(),
        ] {
            assert!(parse(orders).is_err());
        }
    }

    #[test]
    fn a_search_has_bounds() {
        let parse = |count, vanity: Option<&str>| {
            AvailableQuery {
                number_of_results: count,
                vanity: vanity.map(str::to_owned),
            }
            .parse()
        };
        assert!(parse(None, None).is_ok() && parse(Some(100), Some("PIZZA")).is_ok());
        assert!(parse(Some(0), None).is_err() && parse(Some(101), None).is_err());
        assert!(parse(None, Some("a&b=")).is_err() && parse(None, Some("abc")).is_err());
    }
}
