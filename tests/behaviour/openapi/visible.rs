//! The document is served, and a page to read it that needs nothing from outside.

use nexus_gateway::router;
use nexus_gateway::simulator::{Reply, WireClient};
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::harness::TestGateway;

#[tokio::test]
async fn everybody_may_read_the_document() {
    let gateway = TestGateway::start().await;
    let answer = get(&gateway, "openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.json() == router::document());
}

#[tokio::test]
async fn the_page_loads_only_what_the_gateway_serves() {
    let gateway = TestGateway::start().await;
    let page = get(&gateway, "docs").await;
    assert_eq!(page.status, 200);
    let content_type = page.header("content-type");
    assert_eq!(content_type, Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "));
    assert!(!policy.contains("http") && !policy.contains("unsafe-eval"));
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let loaded: Vec<&str> = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(loaded.len(), 4, "{loaded:?}");
    for path in loaded {
        assert!(path.starts_with("docs/"), "{path}");
        let file = get(&gateway, path).await;
        assert_eq!(file.status, 200, "{path}");
        let kind = file.header("content-type").unwrap();
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
        let answer = get(&gateway, &format!("docs/{name}")).await;
        assert_eq!(answer.status, 404, "{name}");
    }
}

/// What anybody gets.
async fn get(gateway: &TestGateway, path: &str) -> Reply {
    let url = format!("{}/{path}", gateway.url());
    let client = WireClient::new().unwrap();
    let answer = client.send(Method::GET, &url, HeaderMap::new(), Vec::new());
    answer.await.unwrap()
}
