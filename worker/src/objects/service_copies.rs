//! Whether a service still is asked to copy between the two buckets by itself.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use shared::{Error, ErrorKind};

/// A service that refuses so many different objects, and has copied none, refuses them all: to ask again for every
/// object would double the requests.
const MAX_REFUSED: usize = 5;

/// What the service has answered to requests to copy.
#[derive(Debug)]
pub(crate) struct ServiceCopies {
    are_tried: AtomicBool,
    has_worked: AtomicBool,
    /// Objects that were refused, at most [`MAX_REFUSED`].
    refused: Mutex<BTreeSet<String>>,
}

impl ServiceCopies {
    /// `are_tried`: as the task is configured.
    pub fn new(are_tried: bool) -> Self {
        let (has_worked, refused) = Default::default();
        ServiceCopies { are_tried: AtomicBool::new(are_tried), has_worked, refused }
    }

    /// Whether the service is asked.
    pub fn are_tried(&self) -> bool {
        self.are_tried.load(Relaxed)
    }

    /// The service has copied an object or a part.
    pub fn worked(&self) {
        self.has_worked.store(true, Relaxed);
    }

    /// The service has refused an object, which is streamed now. It is asked no more if it does not know the request,
    /// or has refused several different objects and copied none.
    pub fn refused(&self, key: &str, error: &Error) {
        let is_off = match error.kind() {
            ErrorKind::Unsupported => true,
            ErrorKind::Denied | ErrorKind::NoSuchContainer if !self.has_worked.load(Relaxed) => {
                let mut refused = shared::sync::lock(&self.refused);
                refused.insert(key.to_owned());
                refused.len() >= MAX_REFUSED
            }
            _ => false,
        };
        if is_off && self.are_tried.swap(false, Relaxed) {
            tracing::warn!(
                "the service cannot copy from source to destination by itself, so all bytes pass through this machine: {error}"
            );
        }
    }
}

/// Whether the service will not copy at all, so that streaming may still do. A missing bucket or
/// key may only mean that the destination's credentials do not see the source.
pub(crate) fn is_refusal(error: &Error) -> bool {
    use ErrorKind::*;
    matches!(error.kind(), Denied | Unsupported | Invalid | NoSuchContainer | NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(copies: &ServiceCopies, key: &str, kind: ErrorKind) {
        copies.refused(key, &Error::new(kind, "copy", key, "no"));
    }

    #[test]
    fn regression_refusals_of_one_object_leave_service_copies_on() {
        let copies = ServiceCopies::new(true);
        (0..20).for_each(|_| refuse(&copies, "k", ErrorKind::Denied));
        assert!(copies.are_tried());
        (0..4).for_each(|n| refuse(&copies, &n.to_string(), ErrorKind::Denied));
        assert!(!copies.are_tried(), "five different objects, and no success");
    }

    #[test]
    fn regression_refusals_after_a_success_are_the_objects_own() {
        let copies = ServiceCopies::new(true);
        copies.worked();
        (0..20).for_each(|n| refuse(&copies, &n.to_string(), ErrorKind::Denied));
        assert!(copies.are_tried());
        refuse(&copies, "k", ErrorKind::Unsupported);
        assert!(!copies.are_tried());
    }
}
