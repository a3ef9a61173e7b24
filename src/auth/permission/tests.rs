use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Every text that is a pattern, found by trying all combinations of words.
fn all_patterns() -> Vec<PermissionPattern> {
    let areas = Area::ALL
        .map(Area::as_str)
        .into_iter()
        .chain(["*", "cluster"]);
    let actions = Action::ALL.map(Action::as_str).into_iter().chain(["*"]);
    areas
        .flat_map(|area| {
            actions
                .clone()
                .map(move |action| format!("nexus:{area}:{action}"))
        })
        .filter_map(|text| text.parse().ok())
        .collect()
}

fn any_pattern() -> impl Strategy<Value = PermissionPattern> {
    select(all_patterns())
}

fn any_set() -> impl Strategy<Value = PermissionSet> {
    vec(any_pattern(), 0..5).prop_map(|patterns| patterns.into_iter().collect())
}

fn set(texts: &[&str]) -> PermissionSet {
    texts
        .iter()
        .map(|text| text.parse::<PermissionPattern>().unwrap())
        .collect()
}

fn allowed_by(pattern: &str) -> Vec<String> {
    let pattern: PermissionPattern = pattern.parse().unwrap();
    Permission::ALL
        .into_iter()
        .filter(|one| pattern.allows(*one))
        .map(|one| one.to_string())
        .collect()
}

#[test]
fn the_permissions_are_the_contract_s() {
    let mut expected = vec!["nexus:callbacks:write".to_owned()];
    for area in [
        "provisioning",
        "apikeys",
        "templates",
        "campaigns",
        "suppressions",
        "endpoints",
        "subscriptions",
    ] {
        expected.extend([format!("nexus:{area}:read"), format!("nexus:{area}:write")]);
    }
    expected.extend(
        [
            "messages:send",
            "messages:read",
            "events:read",
            "audit:read",
        ]
        .map(|pair| format!("nexus:{pair}")),
    );
    assert_eq!(
        Permission::ALL
            .map(|permission| permission.to_string())
            .to_vec(),
        expected
    );
}

#[test]
fn a_permission_by_its_name_allows_itself_alone() {
    for permission in Permission::ALL {
        assert_eq!(
            allowed_by(&permission.to_string()),
            [permission.to_string()]
        );
    }
}

#[test]
fn a_star_stands_for_one_whole_segment() {
    assert_eq!(
        allowed_by("nexus:messages:*"),
        ["nexus:messages:send", "nexus:messages:read"]
    );
    assert_eq!(allowed_by("nexus:*:send"), ["nexus:messages:send"]);
    assert!(
        allowed_by("nexus:*:read")
            .iter()
            .all(|one| one.ends_with(":read"))
    );
    assert_eq!(allowed_by("nexus:*:read").len(), 10);
    assert_eq!(allowed_by("nexus:*:*").len(), Permission::ALL.len());
    assert_eq!(allowed_by("nexus:cluster:*").len(), Permission::ALL.len());
}

/// Texts that are no pattern, separated by `|`, and why.
const REFUSED: [(PermissionError, &str); 5] = [
    (
        PermissionError::Form,
        "|*|nexus|nexus:*|*:*|*:*:*|*:messages:read|nexus:messages|nexus:messages:read:x|nexus:messages:read:\
         |:nexus:messages:read|Nexus:messages:read|nexus.messages.read| nexus:messages:read|nexus::messages:read",
    ),
    (
        PermissionError::Area,
        "nexus:sms:read|nexus::read|nexus:mess*:read|nexus:**:read|nexus:Messages:read",
    ),
    (
        PermissionError::Action,
        "nexus:messages:delete|nexus:messages:|nexus:messages:r*|nexus:*:**|nexus:messages: read",
    ),
    (
        PermissionError::Pair,
        "nexus:callbacks:read|nexus:messages:write|nexus:audit:write|nexus:events:send",
    ),
    (
        PermissionError::Cluster,
        "nexus:cluster:read|nexus:cluster:|nexus:cluster:everything",
    ),
];

#[test]
fn whatever_is_no_permission_is_refused() {
    for (error, texts) in REFUSED {
        for text in texts.split('|') {
            assert_eq!(text.parse::<PermissionPattern>(), Err(error), "{text:?}");
        }
    }
}

#[test]
fn a_refusal_says_what_would_be_a_permission() {
    assert!(
        PermissionError::Area
            .to_string()
            .contains("callbacks, provisioning, apikeys, templates")
    );
    assert!(
        PermissionError::Action
            .to_string()
            .contains("read, write, send and *")
    );
    assert!(
        PermissionError::Pair
            .to_string()
            .contains("nexus:messages:send, nexus:messages:read")
    );
}

#[test]
fn a_key_cannot_give_more_than_it_has() {
    let reader = set(&["nexus:messages:read", "nexus:events:read"]);
    assert!(reader.covers(&set(&["nexus:events:read"])));
    assert!(!reader.covers(&set(&["nexus:messages:send"])));
    assert!(!reader.covers(&set(&["nexus:events:read", "nexus:audit:read"])));
    assert!(!reader.covers(&set(&["nexus:*:read"])));
    assert!(!reader.covers(&set(&["nexus:messages:*"])));
    assert!(!reader.covers(&PermissionSet::everything()));
    assert!(PermissionSet::everything().covers(&set(&["nexus:*:*", "nexus:cluster:*"])));
    assert!(!PermissionSet::default().covers(&reader));
    assert!(reader.covers(&PermissionSet::default()));
}

#[test]
fn a_list_of_permissions_does_not_cover_a_star_that_may_come_to_mean_more() {
    assert!(
        !set(&["nexus:messages:read", "nexus:messages:send"]).covers(&set(&["nexus:messages:*"]))
    );
    assert!(!set(&["nexus:*:*"]).covers(&set(&["nexus:cluster:*"])));
}

proptest! {
    #[test]
    fn a_pattern_is_shown_as_it_was_written(pattern in any_pattern()) {
        prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }

    #[test]
    fn a_pattern_allows_only_what_its_segments_say(pattern in any_pattern(), permission in select(Permission::ALL.to_vec())) {
        let (written, needed) = (pattern.to_string(), permission.to_string());
        let fits = written.split(':').zip(needed.split(':')).all(|(mine, its)| mine == "*" || mine == its);
        prop_assert_eq!(pattern.allows(permission), fits || written == "nexus:cluster:*");
    }

    #[test]
    fn no_beginning_and_no_continuation_of_a_permission_is_one(
        permission in select(Permission::ALL.to_vec()),
        cut in 1_usize..8,
        more in "[a-z*:]{1,4}",
    ) {
        let text = permission.to_string();
        let shorter = &text[..text.len() - cut.min(text.len())];
        prop_assert!(shorter.parse::<PermissionPattern>().is_err(), "{shorter}");
        prop_assert!(format!("{text}{more}").parse::<PermissionPattern>().is_err(), "{text}{more}");
        prop_assert!(format!("{more}{text}").parse::<PermissionPattern>().is_err(), "{more}{text}");
    }

    #[test]
    fn who_was_given_nothing_may_do_nothing(permission in select(Permission::ALL.to_vec()), set in any_set()) {
        let nothing = PermissionSet::default();
        prop_assert!(!nothing.allows(permission));
        prop_assert_eq!(nothing.covers(&set), set == nothing);
        prop_assert!(set.covers(&nothing));
    }

    #[test]
    fn what_a_key_covers_it_may_do_itself(one in any_set(), other in any_set(), permission in select(Permission::ALL.to_vec())) {
        if one.covers(&other) && other.allows(permission) {
            prop_assert!(one.allows(permission));
        }
    }

    #[test]
    fn handing_permissions_on_twice_gives_no_more(one in any_set(), two in any_set(), three in any_set()) {
        prop_assert!(one.covers(&one));
        if one.covers(&two) && two.covers(&three) {
            prop_assert!(one.covers(&three));
        }
    }

    #[test]
    fn a_set_is_shown_and_read_back_as_it_is(permissions in any_set()) {
        let read: Result<PermissionSet, PermissionError> =
            permissions.patterns().iter().map(|text| text.parse::<PermissionPattern>()).collect();
        prop_assert_eq!(read, Ok(permissions));
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text in "\\PC{0,60}") {
        prop_assert!(text.parse::<PermissionPattern>().is_err());
    }
}
