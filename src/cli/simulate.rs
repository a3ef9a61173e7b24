//! `simulate`: a simulated provider alone.

use std::io::Write;

use super::{CommandError, Played, SimulateArguments};
use crate::platform::lifecycle::StopSignals;
use crate::simulator::{Dialect, GenesysCloud, ThirdParty, ThirdPartyOptions};
use crate::values::Secret;

/// Of the account that the simulated mGage knows.
const MGAGE_USER: &str = "nexus";
/// The OAuth client that the simulated Genesys Cloud knows.
const PORTICO_CLIENT: &str = "nexus";

/// Answers until a signal.
pub(super) async fn simulate(arguments: SimulateArguments) -> Result<(), CommandError> {
    let secret = arguments.secret.map(Secret::new);
    let options = match (arguments.provider, secret) {
        (Played::MGage, Some(password)) => ThirdPartyOptions {
            dialect: Dialect::MGage {
                username: MGAGE_USER.to_owned(),
                password,
            },
            ..ThirdPartyOptions::default()
        },
        (Played::SparkPost, Some(api_key)) => ThirdPartyOptions {
            dialect: Dialect::SparkPost { api_key },
            ..ThirdPartyOptions::default()
        },
        (Played::Portico, Some(secret)) => ThirdPartyOptions {
            dialect: Dialect::Portico(GenesysCloud::new(PORTICO_CLIENT, secret)),
            ..ThirdPartyOptions::default()
        },
        (Played::ThirdParty, Some(secret)) => ThirdPartyOptions::with_secret(secret),
        // Where one is needed, the command line has asked for it.
        (Played::ThirdParty | Played::MGage | Played::SparkPost | Played::Portico, None) => {
            ThirdPartyOptions::default()
        }
    };
    let third_party = ThirdParty::start(ThirdPartyOptions {
        listen: arguments.listen,
        ..options
    })
    .await?;
    let (name, url) = match arguments.provider {
        Played::ThirdParty => ("third party", third_party.url()),
        Played::MGage => ("mGage", third_party.base_url()),
        Played::SparkPost => ("SparkPost", third_party.base_url()),
        Played::Portico => ("Genesys Cloud", third_party.base_url()),
    };
    writeln!(std::io::stdout(), "The simulated {name} answers at {url}")?;
    StopSignals::listen()?.next().await;
    Ok(())
}
