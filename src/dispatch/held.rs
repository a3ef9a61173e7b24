//! Deliveries of which nobody knows whether they were sent, where sending them again could make two.
//!
//! Such a delivery stays in the table, announced, and falls due when a receipt was waited for long enough. It holds
//! nobody back, and whoever owns its lane then asks here what became of it. It is never sent again by itself.

use tracing::debug;

use super::attempt::Report;
use super::context::DispatchContext;
use crate::connectors::outcome::{NotStarted, Outcome};
use crate::lanes::model::Arrival;
use crate::messages::status::Status;
use crate::messages::store::outbound;

/// What is to be said of a delivery whose time has come.
pub async fn report(context: &DispatchContext, arrival: &Arrival) -> Report {
    let why = match status(context, arrival).await {
        Ok(Some(status)) if status.rank() > Status::Unknown.rank() => NotStarted::Resolved,
        Ok(_) => NotStarted::HoldEnded,
        Err(error) => {
            debug!(message.id = %arrival.message.id, error.cause = %error, "A held message could not be looked up");
            NotStarted::CheckFailed
        }
    };
    Report::of(Outcome::NotStarted { why })
}

async fn status(context: &DispatchContext, arrival: &Arrival) -> sqlx::Result<Option<Status>> {
    let mut connection = context.database.queue.acquire().await?;
    let message = &arrival.message;
    outbound::status(&mut connection, message.ccid, message.id).await
}
