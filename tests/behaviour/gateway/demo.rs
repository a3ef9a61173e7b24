//! What `make run` shows.

use nexus_gateway::demo::{self, DemoOptions};
use nexus_gateway::values::Secret;

use crate::harness::TestGateway;

/// Plays the demo against a gateway; what it showed.
async fn played(gateway: &TestGateway, once: bool) -> String {
    let mut shown = Vec::new();
    let options = DemoOptions {
        base_url: gateway.url(),
        internal_url: gateway.internal_url(),
        bootstrap_key: Secret::new(gateway.bootstrap_key().to_owned()),
        third_party_listen: ([127, 0, 0, 1], 0).into(),
        once,
        colour: false,
        out: &mut shown,
    };
    demo::run(options).await.unwrap();
    String::from_utf8(shown).unwrap()
}

#[tokio::test]
async fn the_demo_plays_both_of_the_vendor_s_flows_and_can_be_played_again() {
    let gateway = TestGateway::start().await;
    for once in [true, false] {
        let shown = played(&gateway, once).await;
        for line in [
            "The vendor's SMS data flow",
            "✓ its body is the vendor's SMS webhook",
            "✓ the message is Delivered",
            "The vendor's email data flow",
            "✓ its body is the vendor's email webhook",
            "✓ the message is Failed",
            "✓ its history has the third party's reason",
            "A tenant whose messages mGage carries",
            "POST /api/v1/transmissions at SparkPost",
            "POST /api/v2/conversations/messages/agentless at Portico",
            "✓ its provider took it",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
        assert!(!shown.contains('✗'), "{shown}");
        assert!(shown.contains("checks are as the contract says"), "{shown}");
        assert_eq!(shown.contains("Go on by hand"), !once);
    }
}
