//! The document is served, and a page to read it that needs nothing from outside.

use nexus_gateway::router;
use serde_json::Value;

use crate::harness::TestGateway;

#[tokio::test]
async fn everybody_may_read_the_document() {
    let gateway = TestGateway::start().await;
    let answer = reqwest::get(format!("{}/openapi.json", gateway.url())).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let served: Value = answer.json().await.unwrap();
    assert!(served == router::document());
}

#[tokio::test]
async fn the_page_loads_only_what_the_gateway_serves() {
    let gateway = TestGateway::start().await;
    let page = reqwest::get(format!("{}/docs", gateway.url())).await;
    let page = page.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "));
    assert!(!policy.contains("http") && !policy.contains("unsafe-eval"));
    let html = page.text().await.unwrap();
    let loaded: Vec<&str> = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(loaded.len(), 4, "{loaded:?}");
    for path in loaded {
        assert!(path.starts_with("docs/"), "{path}");
        let file = reqwest::get(format!("{}/{path}", gateway.url())).await;
        let file = file.unwrap();
        assert_eq!(file.status(), 200, "{path}");
        let kind = file.headers()["content-type"].to_str().unwrap();
        let expected = match path.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            _ => "image/png",
        };
        assert!(kind.starts_with(expected), "{path} is {kind}");
    }
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_not_there() {
    let gateway = TestGateway::start().await;
    for name in ["index.html", "..%2fpage.html", "swagger-ui.css.map", "x"] {
        let answer = reqwest::get(format!("{}/docs/{name}", gateway.url())).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 404, "{name}");
    }
}
