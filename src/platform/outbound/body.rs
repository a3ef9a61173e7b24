//! Request bodies that know whether they have begun to leave.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};

/// The gate of a body has said no, so nothing of the body has left. Who made the gate knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request was stopped before the first byte of its body")]
pub struct GateRefused;

/// A body that waits for a gate when its first byte is asked for, which is once the connection stands and the head is
/// written. So the gate's answer is as fresh as can be when the message leaves.
///
/// Its length is exact from the beginning. An empty body has no first byte, so its gate would never be asked.
pub struct GatedBody {
    bytes: Bytes,
    /// Gone once it has opened. The mutex is never locked: it makes the body shareable, which HTTP clients ask of bodies.
    gate: Option<Mutex<BoxFuture<'static, Result<(), GateRefused>>>>,
}

impl GatedBody {
    pub fn new(bytes: Bytes, gate: BoxFuture<'static, Result<(), GateRefused>>) -> Self {
        Self {
            bytes,
            gate: Some(Mutex::new(gate)),
        }
    }
}

impl From<GatedBody> for reqwest::Body {
    fn from(body: GatedBody) -> Self {
        Self::wrap(body)
    }
}

impl fmt::Debug for GatedBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GatedBody({} bytes)", self.bytes.len())
    }
}

impl Body for GatedBody {
    type Data = Bytes;
    type Error = GateRefused;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GateRefused>>> {
        if let Some(gate) = &mut self.gate {
            let gate = gate.get_mut().unwrap_or_else(PoisonError::into_inner);
            let opened = ready!(gate.as_mut().poll(context));
            self.gate = None;
            if let Err(refused) = opened {
                self.bytes.clear();
                return Poll::Ready(Some(Err(refused)));
            }
        }
        let bytes = std::mem::take(&mut self.bytes);
        let frame = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.gate.is_none() && self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// How far a request body has come. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum BodyStage {
    /// No connection has asked for the body yet.
    Unasked,
    /// A connection stands and waits for the first byte.
    Asked,
    /// The first byte has been handed over and may have left.
    Started,
}

/// What an exchange and the body it sent share: the exchange learns how far the body is, and ends it.
#[derive(Debug, Default)]
pub(super) struct BodyProgress {
    stage: AtomicU8,
    gate_refused: AtomicBool,
    exchange_over: AtomicBool,
}

impl BodyProgress {
    pub(super) fn stage(&self) -> BodyStage {
        match self.stage.load(Ordering::Acquire) {
            0 => BodyStage::Unasked,
            1 => BodyStage::Asked,
            _ => BodyStage::Started,
        }
    }

    pub(super) fn gate_refused(&self) -> bool {
        self.gate_refused.load(Ordering::Acquire)
    }

    /// Makes sure that no byte of the body leaves any more, even if its connection outlives the exchange for a moment.
    pub(super) fn end(&self) {
        self.exchange_over.store(true, Ordering::Release);
    }

    fn reach(&self, stage: BodyStage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
    }
}

/// A request body that reports its progress.
pub(super) struct ObservedBody {
    body: reqwest::Body,
    progress: Arc<BodyProgress>,
}

impl ObservedBody {
    pub(super) fn new(body: reqwest::Body, progress: Arc<BodyProgress>) -> Self {
        Self { body, progress }
    }
}

impl Body for ObservedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.progress.reach(BodyStage::Asked);
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match polled {
            Some(Ok(_)) if self.progress.exchange_over.load(Ordering::Acquire) => {
                Some(Err(Box::new(GateRefused)))
            }
            Some(Ok(frame)) => {
                self.progress.reach(BodyStage::Started);
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                if was_gate_refused(&error) {
                    self.progress.gate_refused.store(true, Ordering::Release);
                }
                Some(Err(error.into()))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn was_gate_refused(error: &reqwest::Error) -> bool {
    super::causes(error).any(<dyn Error>::is::<GateRefused>)
}
