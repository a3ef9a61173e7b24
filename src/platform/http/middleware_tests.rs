use axum::body::{Body, to_bytes};
use axum::middleware::from_fn;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::*;
use crate::platform::http::envelope;
use crate::platform::http::patience::waits_by_nature;

fn gateway(limits: RequestLimits, lifecycle: &Lifecycle) -> Router {
    let router = Router::new()
        .route("/messages/{id}", get(async || envelope::done()))
        .route(
            "/panics",
            get(async || -> Response { panic!("the secret is 7") }),
        )
        .route(
            "/hangs",
            get(async || -> Response { std::future::pending().await }),
        )
        .route(
            "/page",
            get(async || ([(CONTENT_TYPE, "text/html")], "<p>")),
        )
        .route("/health/live", get(async || envelope::done()));
    around(router, limits, lifecycle)
}

fn request(uri: &str) -> Request {
    Request::builder().uri(uri).body(Body::empty()).unwrap()
}

async fn answer_to(request: Request) -> Response {
    let router = gateway(RequestLimits::default(), &Lifecycle::new());
    router.oneshot(request).await.unwrap()
}

async fn json_of(response: Response) -> Value {
    let bytes = to_bytes(response.into_body(), 65_536).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_forbids_sniffing() {
    for uri in ["/messages/1", "/nowhere", "/panics"] {
        let response = answer_to(request(uri)).await;
        let headers = response.headers();
        assert_eq!(headers["x-request-id"].len(), 36, "{uri}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{uri}");
        assert_eq!(headers["content-type"], "application/json", "{uri}");
        assert!(headers.get("connection").is_none(), "{uri}");
    }
}

#[tokio::test]
async fn a_callers_own_request_id_is_kept_if_it_is_fit_to_be_shown() {
    let longest = "x".repeat(64);
    for own in ["a", "order-7/é".trim_end_matches('é'), &longest] {
        let mut request = request("/messages/1");
        request
            .headers_mut()
            .insert("x-request-id", own.parse().unwrap());
        assert_eq!(answer_to(request).await.headers()["x-request-id"], own);
    }
    let too_long = "x".repeat(65);
    for own in ["", "a b", "a\tb", &too_long] {
        let mut request = request("/messages/1");
        request
            .headers_mut()
            .insert("x-request-id", own.parse().unwrap());
        assert_eq!(
            answer_to(request).await.headers()["x-request-id"].len(),
            36,
            "{own:?}"
        );
    }
    let mut twice = request("/messages/1");
    twice
        .headers_mut()
        .append("x-request-id", "a".parse().unwrap());
    twice
        .headers_mut()
        .append("x-request-id", "b".parse().unwrap());
    assert_eq!(answer_to(twice).await.headers()["x-request-id"].len(), 36);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_envelope() {
    let response = answer_to(request("/nowhere")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(json_of(response).await["status"]["code"], 404);

    let mut other_method = request("/messages/1");
    *other_method.method_mut() = Method::DELETE;
    let response = answer_to(other_method).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(json_of(response).await["status"]["code"], 405);
}

#[tokio::test]
async fn what_is_no_json_keeps_its_content_type() {
    assert_eq!(
        answer_to(request("/page")).await.headers()["content-type"],
        "text/html"
    );
}

#[tokio::test]
async fn a_panic_is_a_503_that_tells_nothing() {
    let response = answer_to(request("/panics")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    let message = "this cannot be done at the moment; try again";
    let expected = json!({ "status": { "code": 503, "message": message } });
    assert_eq!(json_of(response).await, expected);
}

#[tokio::test]
async fn a_handler_that_does_not_answer_in_time_is_a_503() {
    let limits = RequestLimits {
        answer_time_max: Duration::from_millis(20),
        ..RequestLimits::default()
    };
    let router = gateway(limits, &Lifecycle::new());
    let response = router.oneshot(request("/hangs")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_handler_that_works_too_long_is_a_503_and_one_that_waits_by_nature_is_not() {
    let limits = RequestLimits {
        work_time_max: Duration::from_millis(20),
        ..RequestLimits::default()
    };
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        envelope::done()
    };
    let router = Router::new()
        .route("/works", get(slow))
        .route("/waits", get(slow).layer(from_fn(waits_by_nature)));
    let router = around(router, limits, &Lifecycle::new());
    let late = router.clone().oneshot(request("/works")).await.unwrap();
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(late.headers()["retry-after"], "1");
    assert_eq!(json_of(late).await["status"]["code"], 503);
    let waited = router.oneshot(request("/waits")).await.unwrap();
    assert_eq!(waited.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_time_in_which_a_client_sends_its_body_is_not_the_handlers() {
    let limits = RequestLimits {
        work_time_max: Duration::from_millis(40),
        ..RequestLimits::default()
    };
    let read = async |body: Body| {
        let bytes = to_bytes(body, 65_536).await.unwrap();
        envelope::ok(json!(bytes.len()))
    };
    let router = around(
        Router::new().route("/", post(read)),
        limits,
        &Lifecycle::new(),
    );
    let slow = futures_util::stream::unfold(0, async |sent| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        (sent < 8).then_some((Ok::<_, std::io::Error>("byte"), sent + 1))
    });
    let request = Request::post("/").body(Body::from_stream(slow)).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(json_of(response).await["data"], 32);
}

#[tokio::test]
async fn the_character_zero_in_a_url_is_refused() {
    for uri in ["/messages/%00", "/messages/1?a=b%00"] {
        let response = answer_to(request(uri)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{uri}");
        assert_eq!(json_of(response).await["status"]["code"], 520, "{uri}");
    }
}

#[tokio::test]
async fn while_the_process_stops_answers_close_their_connection() {
    let lifecycle = Lifecycle::new();
    let router = gateway(RequestLimits::default(), &lifecycle);
    lifecycle.drain();
    let response = router.oneshot(request("/messages/1")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["connection"], "close");
}

#[tokio::test]
async fn requests_beyond_the_limit_are_answered_503_at_once_and_health_is_not() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entering, leaving) = (entered.clone(), leave.clone());
    let waits = async move || {
        entering.notify_one();
        leaving.notified().await;
        envelope::done()
    };
    let router = Router::new()
        .route("/waits", get(waits))
        .route("/health/live", get(async || envelope::done()));
    let limits = RequestLimits {
        in_flight_max: 1,
        ..RequestLimits::default()
    };
    let router = around(router, limits, &Lifecycle::new());

    let first = router.clone().oneshot(request("/waits"));
    let others = async {
        entered.notified().await;
        let shed = router.clone().oneshot(request("/waits")).await.unwrap();
        assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(shed.headers()["retry-after"], "1");
        let health = router.clone().oneshot(request("/health/live")).await;
        assert_eq!(health.unwrap().status(), StatusCode::OK);
        leave.notify_one();
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(first.unwrap().status(), StatusCode::OK);

    leave.notify_one();
    let next = router.oneshot(request("/waits")).await.unwrap();
    assert_eq!(next.status(), StatusCode::OK, "there is room again");
}

#[tokio::test]
async fn an_eighth_of_the_room_is_kept_for_what_is_shed_last() {
    let leave = Arc::new(Notify::new());
    let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
    let leaving = Arc::clone(&leave);
    let waits = async move || {
        let _heard = entered.send(());
        leaving.notified().await;
        envelope::done()
    };
    let router = Router::new()
        .route("/waits", get(waits.clone()))
        .route("/receipts/{id}", get(waits));
    let limits = RequestLimits {
        in_flight_max: 8,
        shed_last: &["/receipts/"],
        ..RequestLimits::default()
    };
    let router = around(router, limits, &Lifecycle::new());
    let mut open = tokio::task::JoinSet::new();
    // Seven of anything, and then one of those that are shed last, fit.
    for uri in ["/waits"; 7].into_iter().chain(["/receipts/1"]) {
        open.spawn(router.clone().oneshot(request(uri)));
        entries.recv().await.unwrap();
        if open.len() == 7 {
            let shed = router.clone().oneshot(request("/waits")).await.unwrap();
            assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    let shed = router.oneshot(request("/receipts/2")).await.unwrap();
    assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json_of(shed).await["status"]["code"], 503);
    leave.notify_waiters();
    while let Some(ended) = open.join_next().await {
        assert_eq!(ended.unwrap().unwrap().status(), StatusCode::OK);
    }
}
