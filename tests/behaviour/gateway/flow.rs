//! One message each way.

use serde_json::json;

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, texts};

#[tokio::test]
async fn a_submitted_text_is_delivered_once_and_its_receipt_is_kept() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;

    let id = tenant.send(CONSUMER, "Your order is on its way").await;
    let received = gateway.third_party.wait_for(1).await;
    assert_eq!(texts(&received), ["Your order is on its way"]);
    assert_eq!(received[0].message_id().as_deref(), Some(id.as_str()));

    let sent = tenant.wait_for_status(&id, "Sent").await;
    let provider_id = sent["providerMessageIds"][0]
        .as_str()
        .unwrap_or(&id)
        .to_owned();
    assert_eq!(
        tenant.receipt(&provider_id, "Delivered", None).await.status,
        200
    );
    let delivered = tenant.wait_for_status(&id, "Delivered").await;
    let history: Vec<_> = delivered["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].clone())
        .collect();
    assert_eq!(
        history,
        [json!("Queued"), json!("Sent"), json!("Delivered")]
    );
    assert_eq!(gateway.third_party.count(), 1);
}
