//! Puts every attack to a gateway and holds the answers to the law.

use reqwest::header::HeaderMap;

use super::Attack;
use super::caller::Caller;
use super::door::Door;
use super::law::Answer;
use super::site::Site;
use crate::harness::document::Document;

/// Most breaches that one failure tells of.
const TOLD: usize = 60;
/// Of so many calls one may find that the store was not reached in time, which speaks about the machine and not about
/// the call: it is made once more.
const CALLS_FOR_ONE_LATE: usize = 300;
/// What such a call is told. A 503 that says anything else is one of the call's.
const LATE: &[u8] = b"this cannot be done at the moment";

/// What has come of all the doors of a test.
#[derive(Debug)]
pub struct Trial<'a> {
    site: &'a Site,
    caller: Caller,
    document: Document,
    breaches: Vec<String>,
    late: Vec<String>,
    pub calls: usize,
}

impl<'a> Trial<'a> {
    pub fn new(site: &'a Site) -> Self {
        Self {
            caller: Caller::new(&site.gateway.url()),
            document: Document::of_this_build(),
            site,
            breaches: Vec::new(),
            late: Vec::new(),
            calls: 0,
        }
    }

    /// Puts the attacks to one door: each answer keeps the law, what was refused stores nothing when it comes again,
    /// and the door still takes what it should.
    pub async fn door(&mut self, door: &Door, attacks: Vec<Attack>) {
        self.call(door, &door.valid()).await;
        let mut refused = Vec::new();
        for attack in attacks {
            if self.call(door, &attack).await {
                refused.push(attack);
            }
        }
        let before = self.site.rows().await;
        for attack in &refused {
            self.call(door, attack).await;
        }
        let after = self.site.rows().await;
        for (was, is) in before.iter().zip(&after).filter(|(was, is)| was != is) {
            let breach = format!("refusals left something: {was:?} became {is:?}");
            self.breach(door, "all of what was refused, again", &breach);
        }
        self.call(door, &door.valid()).await;
    }

    /// Whether it was refused as it should be.
    async fn call(&mut self, door: &Door, attack: &Attack) -> bool {
        let mut headers = self.site.headers(door, &attack.body);
        apply(attack, &mut headers);
        self.calls += 1;
        let answer = match self.answer(attack, &headers).await {
            Ok(answer) => answer,
            Err(breach) => {
                self.breach(door, &attack.what, &breach);
                return false;
            }
        };
        if let Some(breach) = answer.fault() {
            self.breach(door, &attack.what, &breach);
        }
        if let Some(allowed) = &attack.answers
            && !allowed.contains(&answer.status)
        {
            let said: String = String::from_utf8_lossy(&answer.body)
                .chars()
                .take(200)
                .collect();
            let breach = format!("{} is not one of {allowed:?}: {said}", answer.status);
            self.breach(door, &attack.what, &breach);
        }
        if let Some(breach) = self.undocumented(door, attack, &answer) {
            self.breach(door, &attack.what, &breach);
        }
        answer.is_refusal()
    }

    /// What the document does not say of an answer. A call that may have gone elsewhere is left to the law.
    fn undocumented(&self, door: &Door, attack: &Attack, answer: &Answer) -> Option<String> {
        let path = attack.path.split('?').next();
        if attack.method != door.method || path != Some(&door.path) {
            return None;
        }
        let content_type = answer.headers.get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let operation = (door.method.as_str(), door.template);
        let body = (content_type.unwrap_or_default(), &answer.body[..]);
        self.document.fault(operation, answer.status, body)
    }

    async fn answer(&mut self, attack: &Attack, headers: &HeaderMap) -> Result<Answer, String> {
        let answer = self.ask(attack, headers).await?;
        if answer.status != 503 || !contains(&answer.body, LATE) {
            return Ok(answer);
        }
        let (method, path) = (&attack.method, &attack.path);
        self.late.push(format!("{method} {path}: {}", attack.what));
        self.ask(attack, headers).await
    }

    async fn ask(&mut self, attack: &Attack, headers: &HeaderMap) -> Result<Answer, String> {
        let call = (attack.method.clone(), attack.path.as_str());
        let answered = self.caller.call(call, headers.clone(), attack.body.clone());
        answered.await
    }

    fn breach(&mut self, door: &Door, what: &str, breach: &str) {
        let (method, template) = (&door.method, door.template);
        self.breaches
            .push(format!("{method} {template}: {what}: {breach}"));
    }

    /// Fails with what was found.
    pub fn end(self) {
        let count = self.breaches.len();
        let told = self.breaches.into_iter().take(TOLD).collect::<Vec<_>>();
        assert!(
            told.is_empty(),
            "{count} of {} calls:\n{}",
            self.calls,
            told.join("\n")
        );
        assert!(
            self.late.len() <= 1 + self.calls / CALLS_FOR_ONE_LATE,
            "of {} calls these found no store: {:#?}",
            self.calls,
            self.late
        );
    }
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

fn apply(attack: &Attack, headers: &mut HeaderMap) {
    for (name, values) in &attack.headers {
        headers.remove(name);
        for value in values {
            headers.append(name, value.clone());
        }
    }
}
