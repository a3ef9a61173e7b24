//! What the client of a connection is doing, and until when it may.
//!
//! hyper has one deadline for everything before a request's head is complete. Here a connection between two requests
//! may idle longer than half a head may wait for its rest:
//!
//! ```text
//!   Fresh ──head──▶ Busy ──answered──▶ Idle ──first byte──▶ Head ──complete──▶ Busy
//!   any ──last answer written──▶ Ending
//! ```
//!
//! The deadlines are looked at after each poll of the connection, in its own task.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::serve::ServeLimits;

/// After the last answer, how long what the client still sends is read and thrown away. Closing with unread bytes
/// would reset the connection, and with it the answer that the client has not read yet.
const LINGER: Duration = Duration::from_secs(2);

/// How much of it is read at most.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has been answered yet, and no head is complete.
    Fresh,
    /// The first bytes of a further head are there.
    Head,
    /// A request is being read or answered.
    Busy,
    /// Everything is answered.
    Idle,
    /// Nothing more is answered.
    Ending,
}

/// What a connection is at; shared by its stream, its bodies and its deadlines.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when the client takes no byte of its answer.
    stalled_since: Option<Instant>,
    /// A body was not read to its end: the client may still be sending it.
    has_unread: bool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            phase: Phase::Fresh,
            since: Instant::now(),
            stalled_since: None,
            has_unread: false,
        }))
    }

    pub(super) fn request_began(&self) {
        self.change(|state| {
            (state.phase, state.since) = (Phase::Busy, Instant::now());
            // The head of a request comes only behind the end of the body before.
            state.has_unread = false;
        });
    }

    /// Nothing more is answered. True: the client may still be sending.
    fn end(&self) -> bool {
        self.change(|state| {
            (state.phase, state.since) = (Phase::Ending, Instant::now());
            state.has_unread
        })
    }

    fn left_unread(&self) {
        self.change(|state| state.has_unread = true);
    }

    fn bytes_came(&self) {
        self.change(|state| {
            if state.phase == Phase::Idle {
                (state.phase, state.since) = (Phase::Head, Instant::now());
            }
        });
    }

    fn answer_ended(&self) {
        self.change(|state| {
            if state.phase == Phase::Busy {
                (state.phase, state.since) = (Phase::Idle, Instant::now());
            }
        });
    }

    fn wrote(&self, is_stalled: bool) {
        self.change(|state| match (is_stalled, state.stalled_since) {
            (true, None) => state.stalled_since = Some(Instant::now()),
            (true, Some(_)) => {}
            (false, _) => {
                state.stalled_since = None;
                // The last of an answer may be long on its way after its body has ended.
                if state.phase == Phase::Idle {
                    state.since = Instant::now();
                }
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the connection is dropped unless something happens.
    fn deadline(&self, limits: ServeLimits) -> Option<Instant> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = match state.phase {
            Phase::Fresh | Phase::Head => Some(state.since + limits.header_timeout),
            Phase::Idle => Some(state.since + limits.idle_timeout),
            Phase::Ending => Some(state.since + LINGER),
            Phase::Busy => None,
        };
        let stall = state.stalled_since.map(|since| since + limits.idle_timeout);
        phase.into_iter().chain(stall).min()
    }
}

/// Ready when the client has taken too long.
pub(super) struct Deadlines {
    activity: Arc<Activity>,
    limits: ServeLimits,
    sleep: Pin<Box<Sleep>>,
}

impl Deadlines {
    pub(super) fn new(activity: Arc<Activity>, limits: ServeLimits) -> Self {
        let sleep = Box::pin(sleep_until(Instant::now() + limits.header_timeout));
        Self {
            activity,
            limits,
            sleep,
        }
    }

    pub(super) fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(deadline) = self.activity.deadline(self.limits) else {
                return Poll::Pending;
            };
            // A timer that goes off early is set again then, which costs less than setting it at every request.
            if deadline < self.sleep.deadline() || self.sleep.is_elapsed() {
                self.sleep.as_mut().reset(deadline);
            }
            ready!(self.sleep.as_mut().poll(context));
            if self.sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

/// A connection's bytes.
pub(super) struct TrackedStream {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// How many bytes may still be thrown away; none while requests are answered.
    lingering: Option<usize>,
}

impl TrackedStream {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            lingering: None,
        }
    }

    /// Throws away what comes, to its end or to the limit.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 8 * 1024];
        while let Some(left @ 1..) = self.lingering {
            let mut bytes = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut bytes))?;
            match bytes.filled().len() {
                0 => self.lingering = Some(0),
                length => self.lingering = Some(left.saturating_sub(length)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for TrackedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = bytes.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, bytes))?;
        if bytes.filled().len() > before {
            self.activity.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TrackedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.activity.wrote(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.activity.wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            let bytes_left = if self.activity.end() {
                LINGER_BYTES_MAX
            } else {
                0
            };
            self.lingering = Some(bytes_left);
        }
        self.poll_linger(context)
    }
}

/// The body of a request; notes whether it was read to its end.
pub(super) struct RequestBody {
    body: Incoming,
    activity: Arc<Activity>,
    is_read: bool,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, activity: Arc<Activity>) -> Self {
        Self {
            body,
            activity,
            is_read: false,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.is_read = frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.is_read && !self.body.is_end_stream() {
            self.activity.left_unread();
        }
    }
}

/// The body of an answer; its end is the end of the request.
pub(super) struct AnswerBody {
    body: Body,
    activity: Arc<Activity>,
}

impl AnswerBody {
    pub(super) fn new(body: Body, activity: Arc<Activity>) -> Self {
        Self { body, activity }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.activity.answer_ended();
    }
}
