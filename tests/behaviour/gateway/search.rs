//! Searching messages: any combination of filters, newest first, page by page, within a budget of time.

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::values::MessageId;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, Tenant};

const CHANNELS: [&str; 2] = ["16504661149", "company.com"];
const CONSUMERS: [&str; 3] = ["16505550199", "16505550188", "someone@example.com"];
/// Ranks as stored and the words that they are shown by; `None`: nothing has come of it yet.
const STATUSES: [(Option<i16>, &str); 8] = [
    (None, "Queued"),
    (Some(10), "Unknown"),
    (Some(20), "Sent"),
    (Some(30), "Failed"),
    (Some(40), "Delivered"),
    (Some(50), "Failed"),
    (Some(60), "Removed"),
    (Some(70), "Cancelled"),
];

/// A message as the test knows it.
#[derive(Debug, Clone)]
struct Known {
    id: MessageId,
    inbound: bool,
    channel: &'static str,
    consumer: &'static str,
    rank: Option<i16>,
    status: &'static str,
    campaign: Option<&'static str>,
    dead_letter: bool,
}

impl Known {
    /// Every property turns at its own pace, so that all combinations come up.
    fn numbered(number: usize, newest_ms: i64) -> Self {
        let age_ms = i64::try_from(number).unwrap() * 1_000;
        let inbound = number.is_multiple_of(4);
        let (rank, status) = STATUSES[number / 4 % 8];
        Self {
            id: MessageId::from_parts(newest_ms - age_ms, 7).unwrap(),
            inbound,
            channel: CHANNELS[number / 3 % 2],
            consumer: CONSUMERS[number % 3],
            rank: rank.filter(|_| !inbound),
            status: if inbound { "Received" } else { status },
            campaign: (number % 5 == 1).then_some("spring"),
            dead_letter: !inbound && status == "Failed" && number.is_multiple_of(2),
        }
    }

    /// Whether a filter of this name and value lets it through.
    fn passes(&self, (name, value): (&str, &str)) -> bool {
        match name {
            "channelId" => self.channel == value,
            "address" => self.consumer == value,
            "status" => self.status == value,
            "direction" => self.inbound == (value == "inbound"),
            "campaignId" => self.campaign == Some(value),
            "deadLetter" => value == "false" || self.dead_letter,
            "since" => rfc3339(self.id.unix_ms()).as_str() >= value,
            "until" => rfc3339(self.id.unix_ms()).as_str() < value,
            _ => panic!("{name} is not a filter"),
        }
    }

    async fn store(&self, ccid: Uuid, database: &mut PgConnection) {
        let id = self.id.as_i64();
        let (sender, recipient) = if self.inbound {
            (self.consumer, self.channel)
        } else {
            (self.channel, self.consumer)
        };
        sqlx::query(
            "insert into messages (ccid, id, direction, channel_id, sender_address, recipient_address, kind, content,
                                   priority, stream, campaign_id)
             values ($1, $2, $3, $4, $5, $6, 'Text', 'Hello', 1, 1, $7)",
        )
        .bind(ccid)
        .bind(id)
        .bind(i16::from(!self.inbound))
        .bind(self.channel)
        .bind(sender)
        .bind(recipient)
        .bind(self.campaign)
        .execute(&mut *database)
        .await
        .unwrap();
        if let Some(rank) = self.rank {
            sqlx::query("insert into message_states (ccid, id, status) values ($1, $2, $3)")
                .bind(ccid)
                .bind(id)
                .bind(rank)
                .execute(&mut *database)
                .await
                .unwrap();
        }
        if self.dead_letter {
            sqlx::query("insert into dead_letters values ($1, $2, 1, 500, 0)")
                .bind(ccid)
                .bind(id)
                .execute(&mut *database)
                .await
                .unwrap();
        }
    }
}

/// What one page of a search answers.
struct Page {
    ids: Vec<String>,
    next: Option<String>,
    truncated: bool,
}

async fn page(tenant: &Tenant, parameters: &[(&str, &str)]) -> Page {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let reply = tenant.get(&format!("/nexus/v3/messages?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {:?}", reply.json());
    let data = reply.json()["data"].clone();
    let ids = data["items"].as_array().unwrap().iter();
    Page {
        ids: ids
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect(),
        next: data["next"].as_str().map(str::to_owned),
        truncated: data["truncated"] == true,
    }
}

/// Every id that a search finds, over all its pages.
async fn all(tenant: &Tenant, filters: &[(&str, &str)], limit: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut parameters = filters.to_vec();
        parameters.push(("limit", limit));
        if let Some(cursor) = &cursor {
            parameters.push(("cursor", cursor));
        }
        let page = page(tenant, &parameters).await;
        found.extend(page.ids);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn any_combination_of_filters_finds_exactly_what_passes_all_of_them_newest_first() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let mut database = gateway.connect().await;
    let now_ms = gateway.clock.now_ms();
    let known: Vec<Known> = (0..240)
        .map(|number| Known::numbered(number, now_ms))
        .collect();
    for message in &known {
        message.store(tenant.ccid, &mut database).await;
        message.store(neighbour.ccid, &mut database).await;
    }
    let (since, until) = (rfc3339(now_ms - 200_000), rfc3339(now_ms - 40_000));
    let filters = [
        ("channelId", "company.com"),
        ("address", CONSUMERS[0]),
        ("status", "Failed"),
        ("direction", "outbound"),
        ("campaignId", "spring"),
        ("deadLetter", "true"),
        ("since", since.as_str()),
        ("until", until.as_str()),
    ];
    let mut found_something = 0;
    for chosen in 0_u32..256 {
        let chosen: Vec<(&str, &str)> = (0..8)
            .filter(|bit| chosen & (1 << bit) != 0)
            .map(|bit| filters[bit])
            .collect();
        let passes = |message: &&Known| chosen.iter().all(|filter| message.passes(*filter));
        let expected: Vec<String> = known
            .iter()
            .filter(passes)
            .map(|known| known.id.to_string())
            .collect();
        assert_eq!(all(&tenant, &chosen, "37").await, expected, "{chosen:?}");
        found_something += usize::from(!expected.is_empty());
    }
    assert!(
        found_something > 100,
        "{found_something} searches found something"
    );
    for (_, word) in STATUSES.into_iter().chain([(None, "Received")]) {
        let expected = known
            .iter()
            .filter(|message| message.passes(("status", word)));
        let expected: Vec<String> = expected.map(|known| known.id.to_string()).collect();
        assert!(!expected.is_empty());
        assert_eq!(
            all(&tenant, &[("status", word)], "500").await,
            expected,
            "{word}"
        );
    }
}

#[tokio::test]
async fn an_address_is_found_in_any_spelling_and_a_time_in_any_offset() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let id = tenant.send(CONSUMER, "Hello").await;
    for filter in [
        ("address", "+1 650 555-0199"),
        ("channelId", "+1 650-466-1149"),
        ("since", "2020-01-01T12:00:00+12:00"),
        ("until", "2080-01-01T12:00:00.5-11:00"),
    ] {
        assert_eq!(
            all(&tenant, &[filter], "10").await,
            [id.as_str()],
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn a_walk_through_the_pages_misses_nothing_and_repeats_nothing_while_messages_come_in() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut sent = Vec::new();
    for number in 0..20 {
        sent.push(tenant.send(CONSUMER, &format!("before {number}")).await);
    }
    sent.reverse();
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut parameters = vec![("limit", "3"), ("address", CONSUMER)];
        if !cursor.is_empty() {
            parameters.push(("cursor", cursor.as_str()));
        }
        let page = page(&tenant, &parameters).await;
        walked.extend(page.ids);
        tenant.send(CONSUMER, "comes in between").await;
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(walked, sent);
}

#[tokio::test]
async fn a_search_whose_time_is_up_says_so_and_goes_on_where_it_stopped() {
    let gateway = TestGateway::start_with(&[("SERVER__SEARCH_SECONDS_MAX", "0.001")]).await;
    let tenant = gateway.tenant().await;
    let mut database = gateway.connect().await;
    let oldest = Known {
        campaign: Some("spring"),
        ..Known::numbered(100, gateway.clock.now_ms())
    };
    oldest.store(tenant.ccid, &mut database).await;
    sqlx::query(
        "insert into messages (ccid, id, direction, channel_id, sender_address, recipient_address, kind, content,
                               priority, stream)
         select $1, $2 + number, 1, '16504661149', '16504661149', '16505550199', 'Text', 'Hello', 1, 1
         from generate_series(1, 30000) number",
    )
    .bind(tenant.ccid)
    .bind(oldest.id.as_i64())
    .execute(&mut database)
    .await
    .unwrap();

    let (mut found, mut pages_cut_short, mut cursor) = (Vec::new(), 0, None::<String>);
    loop {
        let mut parameters = vec![("campaignId", "spring"), ("limit", "10")];
        if let Some(cursor) = &cursor {
            parameters.push(("cursor", cursor));
        }
        let page = page(&tenant, &parameters).await;
        found.extend(page.ids);
        pages_cut_short += i32::from(page.truncated);
        assert!(!page.truncated || page.next.is_some(), "there is a way on");
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(found, [oldest.id.to_string()]);
    assert!(pages_cut_short > 0);
}

#[tokio::test]
async fn a_search_that_cannot_be_meant_is_refused_by_its_parameter() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (query, parameter) in [
        ("since=yesterday", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        (
            "since=2026-11-24T00:00:00Z&until=2026-11-23T00:00:00Z",
            "until",
        ),
        ("status=Lost", "status"),
        ("status=queued", "status"),
        ("status=Bounced", "status"),
        ("status=Sent&direction=inbound", "status"),
        ("status=Received&direction=outbound", "status"),
        ("direction=sideways", "direction"),
        ("channelId=company", "channelId"),
        ("address=nobody", "address"),
        ("campaignId=", "campaignId"),
        ("deadLetter=perhaps", "deadLetter"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("cursor=abc", "cursor"),
        ("chanelId=16504661149", "chanelId"),
        ("status=Sent&status=Failed", "status"),
    ] {
        let reply = tenant.get(&format!("/nexus/v3/messages?{query}")).await;
        let body = reply.json();
        assert_eq!(
            (reply.status, &body["status"]["code"]),
            (422, &json!(422)),
            "{query}: {body}"
        );
        let path = body["status"]["details"][0]["path"].as_str().unwrap();
        assert_eq!(path.trim_start_matches('/'), parameter, "{query}: {body}");
    }
    let nothing: Value = tenant
        .get("/nexus/v3/messages?since=2026-11-24T00:00:00Z&until=2026-11-24T00:00:00Z")
        .await
        .json();
    assert_eq!(nothing["data"], json!({ "items": [] }));
}
