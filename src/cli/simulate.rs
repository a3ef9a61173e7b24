//! `simulate`: the simulated third party alone.

use std::io::Write;

use super::{CommandError, SimulateArguments};
use crate::platform::lifecycle::StopSignals;
use crate::simulator::{ThirdParty, ThirdPartyOptions};
use crate::values::Secret;

/// Answers webhooks until a signal.
pub(super) async fn simulate(arguments: SimulateArguments) -> Result<(), CommandError> {
    let options = match arguments.secret {
        Some(secret) => ThirdPartyOptions::with_secret(Secret::new(secret)),
        None => ThirdPartyOptions::default(),
    };
    let third_party = ThirdParty::start(ThirdPartyOptions {
        listen: arguments.listen,
        ..options
    })
    .await?;
    writeln!(
        std::io::stdout(),
        "The simulated third party answers at {}",
        third_party.url()
    )?;
    StopSignals::listen()?.next().await;
    Ok(())
}
