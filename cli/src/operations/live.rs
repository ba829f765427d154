//! How far a slice is while it works.

use std::fmt;
use std::sync::{Arc, Mutex};

use shared::sync::lock;

type Said = Box<dyn Fn() -> String + Send>;

/// What a slice says of its progress while it works. Clones share it.
#[derive(Clone, Default)]
pub struct LiveProgress(Arc<Mutex<Option<Said>>>);

impl LiveProgress {
    /// Has the progress be what `said` returns from now on.
    pub fn follow(&self, said: impl Fn() -> String + Send + 'static) {
        *lock(&self.0) = Some(Box::new(said));
    }

    /// The progress now; `None`: the slice says nothing.
    pub fn now(&self) -> Option<String> {
        lock(&self.0).as_ref().map(|said| said())
    }
}

impl fmt::Debug for LiveProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveProgress").field(&self.now()).finish()
    }
}
