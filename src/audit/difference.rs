//! Which members of two JSON documents differ, by their places and never by what they hold.

use serde_json::Value;

/// Places that are named; what goes beyond them is only counted.
const NAMED_MAX: usize = 50;

/// JSON pointers below `place` to whatever is not the same in both documents.
///
/// A member that is in one of them only is named itself and nothing within it, and so is a list whose length differs.
pub fn between(place: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(place, old, new, &mut found);
    capped(found)
}

/// At most `NAMED_MAX` names, and in the place of the rest how many they are.
pub fn capped(mut names: Vec<String>) -> Vec<String> {
    if let Some(more) = names.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        names.truncate(NAMED_MAX);
        names.push(format!("and {more} more"));
    }
    names
}

fn compare(place: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let gone = old.keys().filter(|name| !new.contains_key(*name));
            for name in new.keys().chain(gone) {
                let below = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) => compare(&below, old, new, found),
                    (_, None) | (None, _) => found.push(below),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{place}/{index}"), old, new, found);
            }
        }
        (old, new) if old == new => {}
        _ => found.push(place.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_named_and_what_they_hold_is_not() {
        let old = json!({ "url": "https://a", "list": [{ "secret": "old" }, 1], "gone": { "x": 1 }, "same": [1] });
        let new =
            json!({ "url": "https://a", "list": [{ "secret": "new" }, 1], "a/b": 1, "same": [1] });
        assert_eq!(
            between("/data", &old, &new),
            ["/data/a~1b", "/data/list/0/secret", "/data/gone"]
        );
        assert_eq!(between("/data", &json!([1]), &json!([1, 2])), ["/data"]);
        assert!(between("/data", &old, &old).is_empty());
    }

    #[test]
    fn of_very_many_only_some_are_named() {
        let new: Value = (0..60)
            .map(|n| (n.to_string(), json!(n)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let found = between("", &json!({}), &new);
        assert_eq!(found.len(), NAMED_MAX + 1);
        assert_eq!(found.last().unwrap(), "and 10 more");
    }
}
