//! Lists: every one is walked in the same way.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, Tenant};

const OTHERS: [&str; 2] = ["16505550111", "16505550112"];

/// Two or more of everything that can be listed.
async fn populated(gateway: &TestGateway) -> (Tenant, Vec<String>) {
    let tenant = gateway.tenant().await;
    let provisioning = "/nexus/v3/provisioning";
    let ccid = tenant.ccid;
    let services = format!("{provisioning}/services/{ccid}");
    let media = json!({ "data": {}, "secret": {} });
    tenant.put(&format!("{services}/SMS"), &media).await;
    tenant.put(&format!("{services}/Email"), &media).await;
    let senders = format!("{provisioning}/senders/{ccid}");
    for (section, channel) in [("chat.a", "5550101"), ("chat.b", "5550102")] {
        let options = json!({ "channelId": channel });
        tenant.put(&format!("{senders}/{section}"), &options).await;
    }
    let asynchronous = tenant.get(&format!("{services}/Async")).await.json()["data"].clone();
    let (mut data, mut secret) = (asynchronous["data"].clone(), asynchronous["secret"].clone());
    let mut channel = data["channels"][0].clone();
    channel["channelId"] = json!("5550103");
    data["channels"].as_array_mut().unwrap().push(channel);
    let holder =
        json!({ "channelId": "5550103", "webhook": { "secret": "a" }, "api": { "secret": "b" } });
    secret["channels"].as_array_mut().unwrap().push(holder);
    let body = json!({ "data": data, "secret": secret });
    let put = tenant.put(&format!("{services}/Async"), &body).await;
    assert_eq!(put.status, 200, "{put:?}");
    for address in OTHERS {
        tenant.consumer_says(address, "Hello").await;
        let suppression = format!("/nexus/v3/suppressions/16504661149/{address}");
        tenant.put(&suppression, &json!({})).await;
    }
    for text in ["one", "two"] {
        tenant.consumer_says(CONSUMER, text).await;
    }
    let open = tenant.get("/nexus/v3/conversations").await.json();
    let latest = open["data"]["items"][0]["id"].as_str().unwrap().to_owned();
    let key = json!({ "tenant": ccid, "name": "another", "permissions": ["nexus:messages:read"] });
    tenant.post(&format!("{provisioning}/apikeys"), &key).await;
    for status in ["Failed", "Sent"] {
        let wanted = json!({ "filter": { "status": status }, "ratePerSecond": 1 });
        let begun = tenant.post("/nexus/v3/replays", &wanted).await;
        let id = begun.json()["data"]["id"].as_str().unwrap().to_owned();
        tenant.delete(&format!("/nexus/v3/replays/{id}")).await;
    }
    let lists = [
        services,
        senders,
        format!("{provisioning}/apikeys"),
        "/nexus/v3/messages".to_owned(),
        "/nexus/v3/conversations".to_owned(),
        format!("/nexus/v3/conversations/{latest}/messages"),
        "/nexus/v3/suppressions".to_owned(),
        "/nexus/v3/endpoints".to_owned(),
        "/nexus/v3/replays".to_owned(),
    ];
    (tenant, lists.to_vec())
}

#[tokio::test]
async fn every_list_is_walked_page_by_page_to_its_last_item() {
    let gateway = TestGateway::start().await;
    let (tenant, lists) = populated(&gateway).await;
    for list in lists {
        let whole = tenant.get(&list).await.json()["data"].clone();
        let all = whole["items"].as_array().unwrap().clone();
        assert!(all.len() > 1, "{list} has {whole}");
        assert!(whole.get("next").is_none(), "{list}");
        let (mut walked, mut cursors, mut more) = (Vec::new(), HashSet::new(), String::new());
        loop {
            let page = tenant.get(&format!("{list}?limit=1{more}")).await;
            assert_eq!(page.status, 200, "{list}{more} {page:?}");
            let data = page.json()["data"].clone();
            walked.extend(data["items"].as_array().unwrap().clone());
            let Some(next) = data["next"].as_str() else {
                break;
            };
            assert!(cursors.insert(next.to_owned()), "{list} goes in circles");
            more = format!("&cursor={next}");
        }
        assert_eq!(walked, all, "{list}");
        // The page that holds the last item is the last page; but a search stops as soon as its page is full, and does
        // not know yet that there is nothing behind it.
        let searches = list.ends_with("messages");
        let pages = all.len() + usize::from(searches);
        assert_eq!(cursors.len(), pages - 1, "{list}");
    }
}

#[tokio::test]
async fn every_list_refuses_what_is_no_page_of_it() {
    let gateway = TestGateway::start().await;
    let (tenant, lists) = populated(&gateway).await;
    for list in lists {
        for query in [
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=many",
            "lmit=5",
            "cursor=!",
            "cursor=AA",
        ] {
            let reply = tenant.get(&format!("{list}?{query}")).await;
            assert_eq!(reply.status, 422, "{list}?{query} {reply:?}");
            let status: Value = reply.json()["status"].clone();
            assert_eq!(status["code"], 422, "{list}?{query}");
        }
        let widest = tenant.get(&format!("{list}?limit=500")).await;
        assert_eq!(widest.status, 200, "{list} {widest:?}");
    }
}
