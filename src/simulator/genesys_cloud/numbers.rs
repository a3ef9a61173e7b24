//! Toll-free numbers to order. Their models are not public; the members are those of the vendor's examples.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::organization::GenesysCloud;
use super::{answer, fault};

pub(super) const PREFIX: &str = "/api/v2/messaging/sms/provisioning/tollfreenumbers";
/// How many numbers a search finds where it does not say.
const FOUND_DEFAULT: usize = 10;

impl GenesysCloud {
    pub(super) fn numbers(
        &self,
        (method, below): (&Method, &str),
        query: Option<&str>,
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        match (method, below.trim_matches('/')) {
            (&Method::GET, "") => answer(StatusCode::OK, self.owned().to_string()),
            (&Method::GET, "available") => {
                answer(StatusCode::OK, available(query.unwrap_or_default()))
            }
            (&Method::POST, "") => self.order(body),
            _ => fault(StatusCode::NOT_FOUND, "not.found", "there is no such call"),
        }
    }

    fn owned(&self) -> Value {
        let orders = self.state().orders.clone();
        let numbers: Vec<Value> = orders
            .into_iter()
            .map(|order| json!({ "tollfreeNumber": order["tollfreeNumber"], "moUrl": order["moUrl"], "drUrl": order["drUrl"] }))
            .collect();
        json!({ "entities": numbers })
    }

    fn order(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let Ok(Value::Array(ordered)) = serde_json::from_slice::<Value>(body) else {
            let message = "an array of orders is wanted";
            return fault(StatusCode::BAD_REQUEST, "bad.request", message);
        };
        if ordered.is_empty()
            || ordered
                .iter()
                .any(|order| !order["tollfreeNumber"].is_string())
        {
            let message = "tollfreeNumber is required";
            return fault(StatusCode::BAD_REQUEST, "bad.request", message);
        }
        let mut state = self.state();
        state.orders.extend(ordered);
        if let Some(status) = state.switches.order_status {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::GATEWAY_TIMEOUT);
            return answer(status, "{}");
        }
        let order = json!({ "orderId": Uuid::new_v4().to_string(), "status": "PENDING" });
        answer(StatusCode::OK, order.to_string())
    }
}

fn available(query: &str) -> String {
    let wanted = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "numberOfResults")
        .and_then(|(_, count)| count.parse().ok())
        .unwrap_or(FOUND_DEFAULT);
    let numbers: Vec<Value> = (0..wanted.min(100))
        .map(|index| json!({ "tollfreeNumber": format!("184455501{index:02}") }))
        .collect();
    json!({ "entities": numbers }).to_string()
}
