//! The document has every route, and the table of doors has every operation of the document: one that is added without a
//! row fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::doors::doors;
use super::site::Site;
use crate::harness::document::Document;

/// Where routes may be added without a description: the inside alone sees those, or they answer until everything has
/// started, or they are not ours.
const NOT_DESCRIBED: [(&str, usize); 2] = [("src/health.rs", 5), ("src/simulator/", usize::MAX)];

#[tokio::test]
async fn every_operation_of_the_document_has_its_row_and_every_row_its_operation() {
    let site = Site::open().await;
    let rows: BTreeSet<String> = doors(&site.objects)
        .iter()
        .map(|door| format!("{} {}", door.method, door.template))
        .collect();
    let document = Document::of_this_build();
    let operations: BTreeSet<String> = document
        .operations()
        .into_iter()
        .map(|operation| operation.name())
        .collect();
    assert!(operations.len() > 40, "{operations:?}");
    assert_eq!(rows, operations);
}

/// What is added by `routes!` is served and described at once; nothing else may add a route that the world sees.
#[test]
fn no_route_is_added_without_its_description() {
    let mut seen = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in sources(&root.join("src")) {
        let path = path.strip_prefix(root).unwrap().to_str().unwrap();
        let bare = [".route(\"", ".route_service(", ".nest_service("]
            .map(|call| text.matches(call).count())
            .iter()
            .sum::<usize>();
        let allowed = NOT_DESCRIBED
            .iter()
            .find(|(place, _)| path.starts_with(place));
        let allowed = allowed.map_or(0, |(_, count)| *count);
        assert!(
            bare <= allowed,
            "{path} adds a route that the document does not have"
        );
        seen += text.matches("routes!(").count();
    }
    assert!(seen > 30, "the sources were not read");
}

fn sources(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() {
                sources(&path)
            } else if is_source && !path.to_str().unwrap().ends_with("tests.rs") {
                vec![(path.clone(), fs::read_to_string(&path).unwrap())]
            } else {
                Vec::new()
            }
        })
        .collect()
}
