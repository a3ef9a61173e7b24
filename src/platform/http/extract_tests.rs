use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::platform::http::envelope;
use crate::platform::http::middleware::{RequestLimits, around};
use crate::platform::lifecycle::Lifecycle;

const LIMIT: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u16>,
}

fn gateway() -> Router {
    let router = Router::new()
        .route(
            "/keys",
            post(async |Json(key): Json<Key>| envelope::created(key.name)),
        )
        .route(
            "/raw",
            post(async |RawBody(body): RawBody| envelope::ok(body.len())),
        )
        .route(
            "/numbers/{n}",
            get(async |Path(n): Path<u16>| envelope::ok(n)),
        )
        .route(
            "/names/{name}",
            get(async |Path(name): Path<String>| envelope::ok(name)),
        )
        .route(
            "/list",
            get(async |Query(page): Query<Page>| envelope::ok(page.limit)),
        );
    let body = BodyLimits {
        bytes_max: LIMIT,
        time_max: Duration::from_millis(250),
    };
    let limits = RequestLimits {
        body,
        ..RequestLimits::default()
    };
    around(router, limits, &Lifecycle::new())
}

async fn answer(request: Request) -> (StatusCode, Value) {
    let response: Response = gateway().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn put(headers: &[(&str, &str)], uri: &str, body: impl Into<Body>) -> Request {
    let mut request = Request::builder().method(Method::POST).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

async fn sent(body: impl Into<Body>) -> (StatusCode, Value) {
    answer(put(&[("content-type", "application/json")], "/keys", body)).await
}

async fn got(uri: &str) -> (StatusCode, Value) {
    answer(Request::builder().uri(uri).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn json_of_the_right_shape_is_read() {
    let expected = json!({ "status": { "code": 0 }, "data": "é" });
    assert_eq!(
        sent(r#"{"name":"\u00e9"}"#).await,
        (StatusCode::CREATED, expected)
    );
}

#[tokio::test]
async fn malformed_json_is_400_with_reason_520() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let texts = [
        "",
        "{",
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"\u0000"}"#,
        r#"{"name":"\ud800"}"#,
        &deep,
    ];
    for text in texts {
        let (status, body) = sent(text.to_owned()).await;
        assert_eq!(
            (status, &body["status"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(520)),
            "{text}"
        );
    }
    let (status, _) = sent(&b"{\"name\":\"\xff\"}"[..]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn json_of_another_shape_is_422_with_the_place() {
    let (status, body) = sent(r#"{"name":"a","nmae":"b"}"#).await;
    assert_eq!(
        (status, &body["status"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!(422))
    );
    assert_eq!(body["status"]["details"][0]["path"], "/nmae");
    let message = body["status"]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "/nmae: the member nmae is unknown; expected `name`"
    );

    let (status, body) = sent(r#"{"name":7}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = json!([{ "path": "/name", "message": "expected a text, found a number" }]);
    assert_eq!(body["status"]["details"], detail);
}

#[tokio::test]
async fn only_json_that_says_so_is_taken() {
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let request = put(
            &[("content-type", content_type)],
            "/keys",
            r#"{"name":"a"}"#,
        );
        assert_eq!(
            answer(request).await.0,
            StatusCode::CREATED,
            "{content_type}"
        );
    }
    for headers in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/jsonp")],
        &[],
    ] {
        let (status, body) = answer(put(headers, "/keys", r#"{"name":"a"}"#)).await;
        assert_eq!(
            (status, &body["status"]["code"]),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!(415))
        );
    }
}

#[tokio::test]
async fn an_encoded_body_is_415() {
    for (encoding, expected) in [
        ("gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("identity, gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("identity", StatusCode::OK),
    ] {
        let request = put(&[("content-encoding", encoding)], "/raw", "abc");
        assert_eq!(answer(request).await.0, expected, "{encoding}");
    }
}

#[tokio::test]
async fn a_body_of_the_limit_is_read_and_one_beyond_is_413() {
    let (status, body) = answer(put(&[], "/raw", vec![b'a'; LIMIT])).await;
    assert_eq!((status, &body["data"]), (StatusCode::OK, &json!(LIMIT)));
    let (status, body) = answer(put(&[], "/raw", vec![b'a'; LIMIT + 1])).await;
    assert_eq!(
        (status, &body["status"]["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!(413))
    );
}

#[tokio::test]
async fn an_announced_length_beyond_the_limit_is_413_before_a_byte_is_read() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let length = (LIMIT + 1).to_string();
    let (status, _) = answer(put(&[("content-length", &length)], "/raw", never)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_stream_beyond_the_limit_is_413_though_it_never_ends() {
    let endless =
        stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"0123456789")));
    let (status, _) = answer(put(&[], "/raw", Body::from_stream(endless))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let (status, body) = answer(put(&[], "/raw", never)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["status"]["message"], "the body did not arrive in time");
}

#[tokio::test]
async fn a_parameter_of_a_path_that_is_of_another_kind_leads_nowhere() {
    assert_eq!(got("/numbers/7").await.1["data"], 7);
    for uri in ["/numbers/seven", "/numbers/70000"] {
        let (status, body) = got(uri).await;
        assert_eq!(
            (status, &body["status"]["code"]),
            (StatusCode::NOT_FOUND, &json!(404)),
            "{uri}"
        );
    }
    assert_eq!(got("/names/%C3%A9").await.1["data"], "é");
    assert_eq!(got("/names/%FF").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_parameter_of_a_query_that_is_at_fault_is_named() {
    assert_eq!(got("/list?limit=7").await.1["data"], 7);
    for (uri, place) in [
        ("/list?limt=7", "/limt"),
        ("/list?limit=many", "/limit"),
        ("/list?limit=1&limit=2", "/limit"),
    ] {
        let (status, body) = got(uri).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{uri}");
        assert_eq!(body["status"]["details"][0]["path"], place, "{uri}");
    }
}
