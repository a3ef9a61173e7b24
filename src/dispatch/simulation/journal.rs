//! What happened last, for whoever looks into a seed that fails.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

const KEPT: usize = 250;

/// Closed it takes in nothing, which is what makes runs quick; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Journal(Option<Arc<Mutex<VecDeque<String>>>>);

impl Journal {
    pub(super) fn closed() -> Self {
        Self(None)
    }

    pub(super) fn open() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) fn note(&self, at: i64, entry: impl FnOnce() -> String) {
        if let Some(entries) = &self.0 {
            let mut entries = entries.lock().unwrap();
            entries.push_back(format!("{at:>8} {}", entry()));
            if entries.len() > KEPT {
                entries.pop_front();
            }
        }
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in self.0.iter().flat_map(|entries| {
            let entries = entries.lock().unwrap();
            entries.iter().cloned().collect::<Vec<_>>()
        }) {
            writeln!(formatter, "{entry}")?;
        }
        Ok(())
    }
}
