//! `/openapi.json`, and `/docs` to read it: Swagger UI, which this binary carries, so that nothing is loaded from outside.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::Config;

use crate::platform::http::openapi::Missing;
use crate::platform::http::{ApiError, Path};

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");
/// What the page needs of Swagger UI.
const FILES: [&str; 3] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
];
/// Only what comes from here runs, is shown or is called. Swagger UI writes styles into elements, and its icons are
/// `data:` URLs in its style sheet.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The document as bytes; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Document(Bytes);

impl Document {
    pub(super) fn of(document: &Value) -> Self {
        Self(document.to_string().into())
    }
}

/// The document and the page that shows it.
pub(super) fn routes() -> OpenApiRouter<Document> {
    OpenApiRouter::default()
        .routes(routes!(document))
        .routes(routes!(page))
        .routes(routes!(file))
}

/// Every operation of this API: this document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "This document", operation_id = "getDocument",
    responses((status = 200, body = Object, example = json!({ "openapi": "3.1.0" }))),
)]
async fn document(State(Document(bytes)): State<Document>) -> Response {
    answer("application/json", bytes)
}

/// A page to read the document and try its operations.
#[utoipa::path(
    get, path = "/docs", tag = "This document", operation_id = "readDocument",
    responses((status = 200, body = String, content_type = "text/html")),
)]
async fn page() -> Response {
    answer(
        "text/html; charset=utf-8",
        Bytes::from_static(PAGE.as_bytes()),
    )
}

/// A script, style or icon of that page.
#[utoipa::path(
    get, path = "/docs/{file}", tag = "This document", operation_id = "getDocumentFile",
    params(("file" = String, Path, description = "Such as `swagger-ui.css`")),
    responses((status = 200, body = [u8], content_type = "*/*"), Missing),
)]
async fn file(Path(name): Path<String>) -> Result<Response, ApiError> {
    if name == "start.js" {
        return Ok(answer(
            "text/javascript",
            Bytes::from_static(START.as_bytes()),
        ));
    }
    let missing = || ApiError::not_found("there is no such file");
    let name = FILES.into_iter().find(|known| *known == name);
    let config = Arc::new(Config::from("/openapi.json"));
    let found = utoipa_swagger_ui::serve(name.ok_or_else(missing)?, config).ok();
    let file = found.flatten().ok_or_else(missing)?;
    Ok(answer(
        &file.content_type,
        Bytes::from(file.bytes.into_owned()),
    ))
}

fn answer(content_type: &str, body: Bytes) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
