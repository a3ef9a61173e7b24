//! The table has every route: one that is added without a row fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::doors::doors;
use super::site::Site;

/// Only the inside sees these.
const INTERNAL: [&str; 2] = ["/metrics", "/version"];
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn every_route_of_the_product_has_its_row() {
    let site = Site::open().await;
    let rows: BTreeSet<String> = doors(&site)
        .iter()
        .map(|door| format!("{} {}", door.method, door.template))
        .collect();
    let routes = routes();
    assert!(routes.len() > 30, "the sources were not read: {routes:?}");
    assert_eq!(rows, routes);
}

/// Method and template of every route, read from the sources as text.
fn routes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(&root.join("src"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !name.ends_with("tests.rs")
        {
            let text = fs::read_to_string(&path).unwrap();
            for call in text.split(".route(").skip(1) {
                found.extend(routes_of(call));
            }
        }
    }
}

/// The routes of a call, from behind its opening parenthesis on. A call without a path names no route.
fn routes_of(call: &str) -> Vec<String> {
    let mut parts = call.splitn(3, '"');
    let (Some(before), Some(path), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    if !before.trim().is_empty() || INTERNAL.contains(&path) {
        return Vec::new();
    }
    let end = end_of_call(rest);
    let handlers: Vec<&str> = rest[..end]
        .split(|letter: char| !letter.is_alphanumeric() && letter != '(')
        .collect();
    let methods = METHODS.iter().filter(|method| {
        let opened = format!("{method}(");
        handlers.iter().any(|word| word.starts_with(&opened))
    });
    methods
        .flat_map(|method| {
            templates(path)
                .into_iter()
                .map(move |path| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

/// Where the call's own parenthesis closes.
fn end_of_call(text: &str) -> usize {
    let mut open = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

/// Where a route is served: below the base path unless it says so itself, and the third party's also without it.
fn templates(path: &str) -> Vec<String> {
    if path.starts_with("/nexus/v3/") || path.starts_with("/health/") {
        return vec![path.to_owned()];
    }
    let below = format!("/nexus/v3{path}");
    if path.starts_with("/channels/") {
        vec![below, path.to_owned()]
    } else {
        vec![below]
    }
}
