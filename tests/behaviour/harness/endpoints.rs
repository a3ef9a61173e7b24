//! A tenant's endpoint, as operators see and stop it.

use serde_json::{Value, json};

use super::tenant::Tenant;

impl Tenant {
    /// The tenant's only endpoint.
    pub async fn endpoint(&self) -> Value {
        let list = self.get("/nexus/v3/endpoints").await;
        assert_eq!(list.status, 200, "{:?}", list.json());
        let items = list.json()["data"]["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
        items[0].clone()
    }

    /// Pauses its only endpoint; how it is then.
    pub async fn pause(&self) -> Value {
        self.press("pause").await
    }

    /// Resumes its only endpoint; how it is then.
    pub async fn resume(&self) -> Value {
        self.press("resume").await
    }

    async fn press(&self, verb: &str) -> Value {
        let endpoint = self.endpoint().await;
        let id = endpoint["id"].as_str().unwrap();
        let path = format!("/nexus/v3/endpoints/{id}/{verb}");
        let reply = self.post(&path, &json!({})).await;
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        reply.json()["data"].clone()
    }
}
