//! The lines for a person to go on with, ready to paste into a shell.

use std::net::SocketAddr;

use super::carriers::Carrier;
use super::tenant::{CHAT_CHANNEL, Tenant, VISITOR};

pub(super) struct Places<'a> {
    pub(super) base_url: &'a str,
    pub(super) internal_url: &'a str,
    pub(super) third_party: SocketAddr,
}

pub(super) fn text(places: &Places<'_>, tenant: &Tenant) -> String {
    let Places {
        base_url,
        internal_url,
        third_party,
    } = places;
    let (ccid, key, secret) = (
        tenant.ccid,
        &tenant.api_key,
        tenant.api_secret(CHAT_CHANNEL),
    );
    format!(
        r#"
Go on by hand. Paste this first:

BASE={base_url}
CCID={ccid}
KEY={key}
SECRET={secret}
api() {{ curl -sS -H "x-api-key: $KEY" -H "x-ccid: $CCID" -H 'Content-Type: application/json' "$@"; echo; }}
signed() {{
  curl -sS "$BASE/nexus/v3/channels/{CHAT_CHANNEL}/messages" -H "x-ccid: $CCID" -H 'Content-Type: application/json' \
    -H "X-Hub-Signature: sha1=$(printf %s "$1" | openssl dgst -sha1 -hmac "$SECRET" | sed 's/^.* //')" --data-binary "$1"; echo
}}
says() {{
  signed '{{"messages":[{{"channel":{{"from":{{"id":"{VISITOR}"}},"to":{{"id":"{CHAT_CHANNEL}"}},"messageId":"by-hand-'"$(date +%s%N)"'"}},"type":"Text","text":"'"$1"'"}}]}}'
}}

A consumer writes, then asks for no more messages, then allows them again:
says 'Hello'
says 'STOP'
says 'START'

Submit a message, and watch it arrive below (after STOP it is refused):
api "$BASE/nexus/v3/messages" -d '{{"messages":[{{"channel":{{"from":{{"id":"{CHAT_CHANNEL}"}},"to":{{"id":"{VISITOR}"}}}},"type":"Text","text":"Your parcel is here."}}]}}'

Read: the last messages, one with its attempts and what happens next, conversations, events, who opted out:
api "$BASE/nexus/v3/messages?channelId={CHAT_CHANNEL}&limit=5"
ID=...; api "$BASE/nexus/v3/messages/$ID"; api "$BASE/nexus/v3/messages/$ID/attempts"; api "$BASE/nexus/v3/messages/$ID/explain"
api "$BASE/nexus/v3/conversations"
api "$BASE/nexus/v3/events?stream=all&limit=20"
api "$BASE/nexus/v3/suppressions"

Confirm a message that was submitted:
signed '{{"messages":[{{"channel":{{"from":{{"id":"{CHAT_CHANNEL}"}},"to":{{"id":"{VISITOR}"}},"messageId":"third-party-'"$ID"'"}},"type":"Receipt","status":"Delivered"}}]}}'

Make the third party fail three times, see what it got, and look at the gateway's metrics:
curl -sS http://{third_party}/__answers -d '{{"rules":[{{"answer":{{"kind":"status","status":503}},"times":3}},{{"answer":{{"kind":"accept","id":"own"}}}}]}}'
curl -sS 'http://{third_party}/__requests?limit=5'
curl -sS {internal_url}/metrics

The simulated third party listens on http://{third_party} and shows every webhook here. Ctrl-C stops everything; what was stored stays."#
    )
}

/// Where the providers are played, and whose messages they carry.
pub(super) fn of_carriers(carriers: &[Carrier]) -> String {
    let mut text =
        "\nEach provider has a tenant of its own; paste one of these lines, then use api as above:"
            .to_owned();
    for Carrier {
        provider,
        tenant,
        played,
    } in carriers
    {
        let (ccid, key, address) = (tenant.ccid, &tenant.api_key, played.address());
        let line = format!("\nCCID={ccid} KEY={key}   # {provider}, simulated at http://{address}");
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::Value;

    use super::*;
    use crate::values::Secret;

    fn invitation() -> String {
        let tenant = Tenant::derived_from(&Secret::new(
            "9b7682b7-cbce-422f-9bbb-ecda85e61695".to_owned(),
        ));
        let third_party = SocketAddr::from((Ipv4Addr::LOCALHOST, 8090));
        let places = Places {
            base_url: "http://127.0.0.1:8080",
            internal_url: "http://127.0.0.1:4004",
            third_party,
        };
        text(&places, &tenant)
    }

    #[test]
    fn every_body_is_json_once_the_shell_has_filled_it_in() {
        let text = invitation();
        // The shell joins 'one'"two"'three' into one word.
        let filled = text
            .replace(r#"'"$(date +%s%N)"'"#, "1")
            .replace(r#"'"$1"'"#, "Hello")
            .replace(r#"'"$ID"'"#, "1-0");

        let bodies: Vec<&str> = filled
            .split('\'')
            .filter(|part| part.starts_with("{\""))
            .collect();

        assert_eq!(bodies.len(), 4);
        for body in bodies {
            serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{error}: {body}"));
        }
    }

    #[test]
    fn the_lines_are_filled_in() {
        let text = invitation();

        assert!(text.contains("BASE=http://127.0.0.1:8080\n"));
        assert!(text.contains("http://127.0.0.1:8090/__requests"));
        assert!(!text.contains("{base_url}") && !text.contains("{CHAT_CHANNEL}"));
    }
}
