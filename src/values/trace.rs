/// The trace headers that came with a message, as they were written: kept with it and sent on with its webhook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceContext {
    /// `X-B3-TraceId`: 16 or 32 hex digits, or a UUID.
    pub trace_id: Option<String>,
    /// `traceparent` of W3C Trace Context.
    pub traceparent: Option<String>,
    /// `b3`, the single-header form of B3.
    pub b3: Option<String>,
}

impl TraceContext {
    pub const fn is_empty(&self) -> bool {
        self.trace_id.is_none() && self.traceparent.is_none() && self.b3.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_empty_only_without_any_header() {
        let header = Some("45acae06-6b7c-4f97-9c76-471cb5c21bf7".to_owned());
        assert!(TraceContext::default().is_empty());
        assert!(
            !TraceContext {
                trace_id: header.clone(),
                ..TraceContext::default()
            }
            .is_empty()
        );
        assert!(
            !TraceContext {
                traceparent: header.clone(),
                ..TraceContext::default()
            }
            .is_empty()
        );
        assert!(
            !TraceContext {
                b3: header,
                ..TraceContext::default()
            }
            .is_empty()
        );
    }
}
