//! The envelope of every answer, as the document shows it; written by [`crate::platform::http::envelope`].

use serde_json::Value;
use utoipa::ToSchema;

/// A success with what it answers.
#[derive(Debug, ToSchema)]
pub struct Success<T> {
    pub status: SuccessStatus,
    pub data: T,
}

/// A success that has something to answer only at times.
#[derive(Debug, ToSchema)]
pub struct SuccessMaybeData<T> {
    pub status: SuccessStatus,
    #[schema(required = false, nullable = false)]
    pub data: T,
}

/// A success where there is nothing more to say.
#[derive(Debug, ToSchema)]
pub struct Done {
    pub status: SuccessStatus,
}

/// The `status` of a success.
#[derive(Debug, ToSchema)]
#[schema(examples(json!({ "code": 0 })))]
pub struct SuccessStatus {
    /// Always 0.
    #[schema(minimum = 0, maximum = 0)]
    pub code: u16,
}

/// A refusal: what is wrong, in a sentence, and where.
#[derive(Debug, ToSchema)]
pub struct Refusal {
    pub status: RefusalStatus,
    /// What there is to answer all the same: the results of a submission of which every message was refused.
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
}

/// The `status` of a refusal.
#[derive(Debug, ToSchema)]
pub struct RefusalStatus {
    /// A reason code where one fits (305 expired, 310 rate limit, 350 not allowed, 500 general, 510 unsupported, 512
    /// unknown message, 520 invalid structure, 530 invalid destination), 4091 where the same call is still under way,
    /// else the HTTP status.
    pub code: u16,
    pub message: String,
    /// The places at fault, where they matter.
    #[schema(required = false)]
    pub details: Vec<RefusalDetail>,
}

/// One place at fault.
#[derive(Debug, ToSchema)]
pub struct RefusalDetail {
    /// A JSON pointer into the body, or the name of a parameter.
    pub path: String,
    pub message: String,
}
