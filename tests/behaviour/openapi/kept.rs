//! The document is kept in the sources, so that a change of the API is seen where it is made.

use nexus_gateway::router;
use serde_json::Value;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

#[test]
fn the_kept_document_is_what_the_handlers_say() {
    let kept = std::fs::read_to_string(KEPT).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let described = router::document();
    for (path, item) in described["paths"].as_object().unwrap() {
        let differs = kept["paths"][path] != *item;
        assert!(
            !differs,
            "{path} is not as in docs/openapi.json; `make openapi` writes it anew"
        );
    }
    assert!(
        kept == described,
        "docs/openapi.json is not what the handlers say; `make openapi` writes it anew"
    );
}
