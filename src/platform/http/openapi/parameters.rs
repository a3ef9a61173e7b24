//! Parameters that many calls take.

use utoipa::IntoParams;

/// A call that may be made again without harm; read by [`crate::platform::http::idempotency`].
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Repeatable {
    /// The same call again under the same key changes nothing and is answered the same. Visible ASCII characters.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255
    )]
    pub idempotency_key: Option<String>,
}
