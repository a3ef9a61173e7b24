//! Two tenants with one of everything each, the same channels and addresses, and a third that does not exist.

use nexus_gateway::values::Ccid;
use serde_json::json;
use uuid::Uuid;

use super::who::{Rings, Side};
use crate::harness::TestGateway;
use crate::harness::document::Document;
use crate::harness::tenant::{OTHER_PHONE, Tenant};
use crate::input::door::Door;
use crate::input::doors::doors;
use crate::input::site::Objects;

#[derive(Debug)]
pub struct World {
    pub gateway: TestGateway,
    pub document: Document,
    pub rings: Rings,
    pub ours: Tenant,
    pub theirs: Tenant,
    nobodys: Uuid,
    objects: [Objects; 3],
}

impl World {
    pub async fn open() -> Self {
        let settings = [
            ("REPLAYS__RUNNING_MAX", "64"),
            ("SECURITY__SOURCE_FAILURES_PER_MINUTE", "1000000"),
            ("SECURITY__TENANT_FAILURES_PER_MINUTE", "1000000"),
        ];
        let gateway = TestGateway::start_with(&settings).await;
        let (ours, theirs) = (gateway.tenant().await, gateway.tenant().await);
        let nobodys = Ccid::from_uuid(Uuid::new_v4()).as_uuid();
        let objects = [
            Objects {
                provisioned: ours.ccid,
                ..Objects::of(&gateway, &ours).await
            },
            Objects {
                provisioned: theirs.ccid,
                suppressed: "16505550189".to_owned(),
                section: "chat.Theirs".to_owned(),
                ..Objects::of(&gateway, &theirs).await
            },
            of_nobody(nobodys),
        ];
        for (tenant, objects) in [(&ours, &objects[0]), (&theirs, &objects[1])] {
            put_names(tenant, objects).await;
        }
        Self {
            document: Document::of_this_build(),
            rings: Rings::cut(&gateway, &ours, &theirs).await,
            gateway,
            ours,
            theirs,
            nobodys,
            objects,
        }
    }

    pub fn ccid(&self, side: Side) -> Uuid {
        match side {
            Side::Ours => self.ours.ccid,
            Side::Theirs => self.theirs.ccid,
            Side::Nobodys => self.nobodys,
        }
    }

    pub fn objects(&self, side: Side) -> &Objects {
        &self.objects[side as usize]
    }

    /// The table, about somebody's things, with its place for who looks at several.
    pub fn doors(&self, side: Side) -> Vec<Door> {
        doors(self.objects(side))
    }

    /// The permission that a door needs, as the document says.
    pub fn permission(&self, door: &Door) -> &str {
        let operation = self
            .document
            .operation(door.method.as_str(), door.template)
            .unwrap();
        operation.json["x-permission"].as_str().unwrap_or_default()
    }

    /// What no answer to anybody else may say.
    pub fn marks(&self, side: Side) -> Vec<String> {
        let objects = self.objects(side).clone();
        vec![
            self.ccid(side).to_string(),
            objects.message,
            objects.replay,
            objects.erasure,
            objects.conversation,
            objects.ending_conversation,
            objects.changing_key,
            objects.ending_key,
            objects.media,
            objects.callback[1].clone(),
            objects.callback[2].clone(),
            objects.link,
            objects.callback[3].clone(),
        ]
    }

    /// What paths name in words, which several tenants may use.
    pub fn words(&self, side: Side) -> [&str; 2] {
        let objects = self.objects(side);
        [&objects.section, &objects.suppressed]
    }
}

/// What paths name in words: a section and a suppressed address.
async fn put_names(tenant: &Tenant, objects: &Objects) {
    let section = format!(
        "/nexus/v3/provisioning/senders/{}/{}",
        tenant.ccid, objects.section
    );
    let put = tenant
        .put(&section, &json!({ "channelId": OTHER_PHONE }))
        .await;
    assert_eq!(put.status, 201, "{:?}", put.json());
    let suppressed = format!(
        "/nexus/v3/suppressions/{OTHER_PHONE}/{}",
        objects.suppressed
    );
    let put = tenant.put(&suppressed, &json!({ "reason": "asked" })).await;
    assert_eq!(put.status, 201, "{:?}", put.json());
}

/// Names of the right form that nothing has.
fn of_nobody(ccid: Uuid) -> Objects {
    let id = || Uuid::new_v4().to_string();
    Objects {
        provisioned: ccid,
        message: "1795264928594-3".to_owned(),
        replay: "1795264928594-4".to_owned(),
        erasure: "1795264928594-7".to_owned(),
        conversation: "1795264928594-5".to_owned(),
        ending_conversation: "1795264928594-6".to_owned(),
        endpoint: "999999".to_owned(),
        changing_key: id(),
        ending_key: id(),
        media: Uuid::now_v7().to_string(),
        callback: [
            ccid.to_string(),
            "A".repeat(43),
            "B".repeat(43),
            "C".repeat(43),
        ],
        link: "D".repeat(140),
        suppressed: "16505550190".to_owned(),
        section: "chat.Nobodys".to_owned(),
    }
}
