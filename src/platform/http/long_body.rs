//! Bodies that may be longer than others and are in memory as a whole: so few of them at once that their bytes are
//! bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::ApiError;
use super::extract::{BodyLimits, announced_length, refuse_content_encoding};
use crate::values::Ccid;

/// Reads them; cheap to clone.
#[derive(Debug, Clone)]
pub struct LongBodies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes_max: usize,
    at_once_max: usize,
    of_tenant: Mutex<HashMap<Ccid, usize>>,
}

/// A body with what it holds until whatever was made of it is done.
#[derive(Debug)]
pub struct LongBody {
    pub bytes: Bytes,
    pub place: Option<LongBodyPlace>,
}

/// A place in memory; given back when it is dropped.
#[derive(Debug)]
pub struct LongBodyPlace {
    shared: Arc<Shared>,
    ccid: Ccid,
}

impl LongBodies {
    /// Bodies of at most `bytes_max` bytes. Those that are longer than others may be are at most `at_once_max`, and at
    /// most half of these are of one tenant.
    pub fn new(bytes_max: usize, at_once_max: usize) -> Self {
        Self(Arc::new(Shared {
            bytes_max,
            at_once_max,
            of_tenant: Mutex::default(),
        }))
    }

    /// Reads a whole body. One that no other route would take needs a place: 503 where there is none, before the rest
    /// of it is read. 413, 415 and 400 as for every body.
    pub async fn read(&self, ccid: Ccid, request: Request) -> Result<LongBody, ApiError> {
        let limits = request.extensions().get::<BodyLimits>().copied();
        let limits = limits.unwrap_or_default();
        refuse_content_encoding(request.headers())?;
        let announced = announced_length(request.headers()).unwrap_or(0);
        let reading = self.collect(ccid, request, (announced, limits.bytes_max));
        let read = tokio::time::timeout(limits.time_max, reading).await;
        read.unwrap_or_else(|_| Err(ApiError::bad_request("the body did not arrive in time")))
    }

    async fn collect(
        &self,
        ccid: Ccid,
        request: Request,
        (announced, usual_max): (usize, usize),
    ) -> Result<LongBody, ApiError> {
        let mut place = self.place_for(announced, (ccid, usual_max))?;
        let mut bytes = BytesMut::with_capacity(announced);
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| ApiError::bad_request("the body ended before its end"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = bytes.len() + data.len();
            if place.is_none() {
                place = self.place_for(length, (ccid, usual_max))?;
            }
            if length > self.bytes_max() {
                return Err(self.too_large());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(LongBody {
            bytes: bytes.freeze(),
            place,
        })
    }

    /// The place that a body of this length needs, if it needs one.
    fn place_for(
        &self,
        length: usize,
        (ccid, usual_max): (Ccid, usize),
    ) -> Result<Option<LongBodyPlace>, ApiError> {
        if length > self.bytes_max() {
            return Err(self.too_large());
        }
        if length <= usual_max {
            return Ok(None);
        }
        let place = self.enter(ccid);
        place
            .map(Some)
            .ok_or_else(|| ApiError::busy("too many long bodies are being read; try again"))
    }

    fn enter(&self, ccid: Ccid) -> Option<LongBodyPlace> {
        let shared = &self.0;
        let mut of_tenant = shared.of_tenant();
        let mine = of_tenant.get(&ccid).copied().unwrap_or(0);
        let all: usize = of_tenant.values().sum();
        if all >= shared.at_once_max || mine >= shared.at_once_max.div_ceil(2) {
            return None;
        }
        of_tenant.insert(ccid, mine + 1);
        drop(of_tenant);
        Some(LongBodyPlace {
            shared: Arc::clone(shared),
            ccid,
        })
    }

    fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    fn too_large(&self) -> ApiError {
        let sentence = format!("a body may have at most {} bytes", self.bytes_max());
        ApiError::too_large(sentence)
    }
}

impl Shared {
    fn of_tenant(&self) -> MutexGuard<'_, HashMap<Ccid, usize>> {
        self.of_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LongBodyPlace {
    fn drop(&mut self) {
        let mut of_tenant = self.shared.of_tenant();
        if let Some(count) = of_tenant.get_mut(&self.ccid) {
            *count -= 1;
            if *count == 0 {
                of_tenant.remove(&self.ccid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use uuid::Uuid;

    use super::*;

    fn tenant(number: u128) -> Ccid {
        Ccid::from_uuid(Uuid::from_u128(number))
    }

    fn request(body: Body) -> Request {
        let mut request = Request::new(body);
        request.extensions_mut().insert(BodyLimits {
            bytes_max: 10,
            time_max: Duration::from_secs(5),
        });
        request
    }

    async fn read(bodies: &LongBodies, ccid: u128, length: usize) -> Result<LongBody, StatusCode> {
        let pieces = vec!["x"; length].into_iter().map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let read = bodies.read(tenant(ccid), request(body)).await;
        read.map_err(|error| error.into_response().status())
    }

    #[tokio::test]
    async fn a_body_that_every_route_takes_needs_no_place() {
        let bodies = LongBodies::new(20, 0);
        let read = [read(&bodies, 1, 10).await, read(&bodies, 1, 11).await];
        assert_eq!(read[0].as_ref().unwrap().bytes.len(), 10);
        assert_eq!(
            read[1].as_ref().err(),
            Some(&StatusCode::SERVICE_UNAVAILABLE)
        );
    }

    #[tokio::test]
    async fn long_bodies_are_bounded_in_number_and_those_of_one_tenant_to_half() {
        let bodies = LongBodies::new(20, 2);
        let first = read(&bodies, 1, 20).await.unwrap();
        let busy = Some(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(read(&bodies, 1, 11).await.err(), busy);
        let second = read(&bodies, 2, 11).await.unwrap();
        assert_eq!(read(&bodies, 3, 11).await.err(), busy);
        drop((first, second));
        assert!(read(&bodies, 3, 11).await.is_ok());
    }

    #[tokio::test]
    async fn no_body_is_longer_than_the_longest() {
        let bodies = LongBodies::new(20, 2);
        let too_large = Some(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read(&bodies, 1, 21).await.err(), too_large);
        let mut announced = request(Body::empty());
        announced.headers_mut().insert("content-length", 21.into());
        let refused = bodies.read(tenant(1), announced).await.err();
        assert_eq!(
            refused.map(|error| error.into_response().status()),
            too_large
        );
    }
}
