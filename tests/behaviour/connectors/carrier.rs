//! A tenant whose messages a provider carries, and that provider.

use std::sync::Arc;

use nexus_gateway::simulator::{Dialect, GenesysCloud, Reply, ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::gateway::PUBLIC_URL;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// The name of a service and the document that defines it, without its `url`.
type Service = (&'static str, fn() -> Value);

/// One of the providers, as tests provision it and send through it.
#[derive(Debug, Clone, Copy)]
pub struct Carrier {
    pub dialect: fn() -> Dialect,
    pub service: Service,
    /// The service that our access is in, where that is another.
    pub identity: Option<Service>,
    /// A credential that the provider does not accept.
    pub wrong_secret: fn() -> Value,
    /// The section of the sender, and its options.
    pub sender: (&'static str, fn() -> Value),
    /// An address of the channel's own, and a consumer's.
    pub between: (&'static str, &'static str),
    /// What a message says beside its addresses.
    pub says: fn(&str) -> Value,
}

pub const MGAGE: Carrier = Carrier {
    dialect: || Dialect::MGage {
        username: "nexus".to_owned(),
        password: Secret::new("open: sesame".to_owned()),
    },
    service: (
        "mGageSMS",
        || json!({ "data": {}, "secret": { "username": "nexus", "password": "open: sesame" } }),
    ),
    identity: None,
    wrong_secret: || json!({ "username": "nexus", "password": "guessed" }),
    sender: (
        "chat.short-code",
        || json!({ "channelId": "87767", "provider": "mGage" }),
    ),
    between: ("87767", CONSUMER),
    says: |text| json!({ "type": "Text", "text": text }),
};

pub const KALEYRA: Carrier = Carrier {
    dialect: || Dialect::KaleyraIo {
        key: Secret::new("A0123456789".to_owned()),
    },
    service: ("mGageSMS", || {
        let secret = json!({ "sid": "HXIN0123456789", "apiKey": "A0123456789" });
        json!({ "data": { "api": "Kaleyra.io" }, "secret": secret })
    }),
    wrong_secret: || json!({ "sid": "HXIN0123456789", "apiKey": "guessed" }),
    ..MGAGE
};

pub const SPARKPOST: Carrier = Carrier {
    dialect: || Dialect::SparkPost {
        api_key: Secret::new("6f1c5c4e".to_owned()),
    },
    service: (
        "SparkPostEmail",
        || json!({ "data": {}, "secret": { "apikey": "6f1c5c4e" } }),
    ),
    identity: None,
    wrong_secret: || json!({ "apikey": "guessed" }),
    sender: (
        "chat.help-desk",
        || json!({ "channelId": "company.com", "provider": "SparkPost" }),
    ),
    between: ("help@company.com", "jane@example.com"),
    says: |text| {
        let content = [json!({ "type": "text", "text": text })];
        json!({ "type": "Email", "subject": "Your parcel", "content": content })
    },
};

const IDENTITY: Service = (
    "PurecloudIDP",
    || json!({ "data": {}, "secret": { "clientId": "nexus", "clientSecret": "aKSXEgLO" } }),
);

pub const PORTICO_SMS: Carrier = Carrier {
    dialect: organization,
    service: ("PorticoSMS", || json!({ "data": {}, "secret": {} })),
    identity: Some(IDENTITY),
    wrong_secret: || json!({ "clientId": "nexus", "clientSecret": "guessed" }),
    sender: (
        "chat.toll-free",
        || json!({ "channelId": "18445551212", "provider": "Portico" }),
    ),
    between: ("18445551212", CONSUMER),
    says: |text| json!({ "type": "Text", "text": text }),
};

pub const PORTICO_EMAIL: Carrier = Carrier {
    dialect: organization,
    service: ("PorticoEmail", || json!({ "data": {}, "secret": {} })),
    identity: Some(IDENTITY),
    wrong_secret: || json!({ "clientId": "nexus", "clientSecret": "guessed" }),
    sender: (
        "chat.help-desk",
        || json!({ "channelId": "company.com", "provider": "Portico" }),
    ),
    between: ("help@company.com", "jane@example.com"),
    says: |text| {
        let content = [json!({ "type": "text", "text": text })];
        json!({ "type": "Email", "subject": "Your parcel", "content": content })
    },
};

fn organization() -> Dialect {
    let secret = Secret::new("aKSXEgLO".to_owned());
    Dialect::Portico(GenesysCloud::new("nexus", secret))
}
/// A sender of aggregators, which are described in `HttpSms`.
const AGGREGATED: (&str, fn() -> Value) = (
    "chat.aggregated",
    || json!({ "channelId": "16505550188", "provider": "HttpSms" }),
);

/// A service of `docs/providers/http-sms`, but for its `url`, with this secret.
fn described(document: &str, secret: &Value) -> Value {
    let document: Value = serde_json::from_str(document).unwrap();
    json!({ "data": document["data"], "secret": secret })
}

pub const TWILIO: Carrier = Carrier {
    dialect: || Dialect::Twilio {
        account: "AC0123456789".to_owned(),
        token: Secret::new("open sesame".to_owned()),
    },
    service: ("HttpSms", || {
        let document = include_str!("../../../docs/providers/http-sms/twilio.json");
        described(document, &json!({ "authToken": "open sesame" }))
    }),
    identity: None,
    wrong_secret: || json!({ "authToken": "guessed" }),
    sender: AGGREGATED,
    between: ("16505550188", CONSUMER),
    says: |text| json!({ "type": "Text", "text": text }),
};

pub const VONAGE: Carrier = Carrier {
    dialect: || Dialect::Vonage {
        key: "01234567".to_owned(),
        secret: Secret::new("open sesame".to_owned()),
    },
    service: ("HttpSms", || {
        let document = include_str!("../../../docs/providers/http-sms/vonage.json");
        described(document, &json!({ "apiSecret": "open sesame" }))
    }),
    wrong_secret: || json!({ "apiSecret": "guessed" }),
    ..TWILIO
};

pub const INFOBIP: Carrier = Carrier {
    dialect: || Dialect::Infobip {
        key: Secret::new("open sesame".to_owned()),
    },
    service: ("HttpSms", || {
        let document = include_str!("../../../docs/providers/http-sms/infobip.json");
        described(document, &json!({ "apiKey": "open sesame" }))
    }),
    wrong_secret: || json!({ "apiKey": "guessed" }),
    ..TWILIO
};

/// A gateway, a tenant, and the provider that carries for it.
pub struct Site {
    pub gateway: TestGateway,
    pub tenant: Tenant,
    pub provider: Arc<ThirdParty>,
    pub carrier: Carrier,
}

impl Carrier {
    /// What the provider accepts.
    pub fn right_secret(&self) -> Value {
        let (_, document) = self.identity.unwrap_or(self.service);
        document()["secret"].take()
    }

    /// The provider's API on a socket of its own.
    pub async fn provider(&self) -> ThirdParty {
        let options = ThirdPartyOptions {
            dialect: (self.dialect)(),
            ..ThirdPartyOptions::default()
        };
        ThirdParty::start(options).await.unwrap()
    }

    pub async fn site(self) -> Site {
        self.site_with(&json!({}), &[]).await
    }

    /// With members of the service's `data`, and settings of the gateway.
    pub async fn site_with(self, data: &Value, settings: &[(&str, &str)]) -> Site {
        let gateway = TestGateway::start_with(settings).await;
        let tenant = gateway.tenant().await;
        let provider = Arc::new(self.provider().await);
        let site = Site {
            gateway,
            tenant,
            provider,
            carrier: self,
        };
        let mut service = (self.service.1)();
        for (name, value) in data.as_object().unwrap() {
            service["data"][name] = value.clone();
        }
        let url = site.provider.base_url();
        assert_eq!(site.save_service(service, &url).await.status, 201);
        if self.identity.is_some() {
            assert_eq!(site.save_secret(self.right_secret()).await.status, 201);
        }
        let (section, options) = self.sender;
        let path = format!(
            "/nexus/v3/provisioning/senders/{}/{section}",
            site.tenant.ccid
        );
        let saved = site.tenant.put(&path, &options()).await;
        assert_eq!(saved.status, 201, "{saved:?}");
        site
    }
}

impl Site {
    /// Genesys Cloud, where that carries.
    pub fn organization(&self) -> &GenesysCloud {
        self.provider.genesys_cloud().unwrap()
    }

    /// Saves the provider's service.
    pub async fn save_service(&self, service: Value, url: &str) -> Reply {
        self.save(self.carrier.service.0, service, url).await
    }

    /// Saves the service that our access is in, with this one.
    pub async fn save_secret(&self, secret: Value) -> Reply {
        let (name, document) = self.carrier.identity.unwrap_or(self.carrier.service);
        let mut service = document();
        service["secret"] = secret;
        self.save(name, service, &self.provider.base_url()).await
    }

    async fn save(&self, name: &str, mut service: Value, url: &str) -> Reply {
        service["url"] = json!(url);
        let ccid = self.tenant.ccid;
        let path = format!("/nexus/v3/provisioning/services/{ccid}/{name}");
        self.tenant.put(&path, &service).await
    }

    /// Submits one text from the channel.
    pub async fn submit(&self, text: &str) -> Reply {
        let item = self.item((self.carrier.says)(text));
        let body = json!({ "messages": [item] });
        self.tenant.post("/nexus/v3/messages", &body).await
    }

    /// A message from the channel to the consumer that says this.
    pub fn item(&self, mut says: Value) -> Value {
        let (from, to) = self.carrier.between;
        says["channel"] = json!({ "from": { "id": from }, "to": { "id": to } });
        says
    }

    /// Submits one text that has to be accepted, and gives back its id.
    pub async fn send(&self, text: &str) -> String {
        let reply = self.submit(text).await;
        assert_eq!(reply.status, 202, "{:?}", reply.json());
        let id = &reply.json()["data"]["results"][0]["id"];
        id.as_str().unwrap().to_owned()
    }

    /// The attempts of a message, once there are so many.
    pub async fn attempts(&self, id: &str, count: usize) -> Vec<Value> {
        let path = format!("/nexus/v3/messages/{id}/attempts");
        eventually(&format!("{count} attempts of {id}"), SOON, async || {
            let reply = self.tenant.get(&path).await;
            let attempts = reply.json()["data"]["items"].as_array().unwrap().clone();
            (attempts.len() >= count).then_some(attempts)
        })
        .await
    }

    /// The same behind another replica, after the first one has ended.
    pub async fn moved(self) -> Self {
        let gateway = self.gateway.replica(&[]).await;
        let tenant = self.tenant.known_through(&gateway).await;
        self.gateway.stop().await;
        Self {
            gateway,
            tenant,
            ..self
        }
    }

    /// The service as it is shown.
    pub async fn service(&self) -> Value {
        let (ccid, name) = (self.tenant.ccid, self.carrier.service.0);
        let path = format!("/nexus/v3/provisioning/services/{ccid}/{name}");
        self.tenant.get(&path).await.json()["data"].clone()
    }

    /// Where the provider calls, at this gateway.
    pub async fn callback_url(&self) -> String {
        let service = self.service().await;
        let url = service["callbackUrl"].as_str().unwrap();
        url.replace(PUBLIC_URL, &self.gateway.url())
    }

    /// The provider's endpoint as the operator sees it.
    pub async fn endpoint(&self) -> Value {
        let reply = self.tenant.get("/nexus/v3/endpoints").await;
        let endpoints = reply.json()["data"]["items"].as_array().unwrap().clone();
        let ours = |endpoint: &Value| endpoint["connector"] != "Async";
        endpoints.into_iter().find(ours).unwrap()
    }
}
