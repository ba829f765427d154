//! Locks that stay usable after a panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also after a thread panicked with the lock.
///
/// The caller must leave the value valid at each point where its code can panic. It drops the guard after a
/// moment, and before any `await`.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value of a mutex that nobody else can reach, also after a panic.
pub fn get_mut<T: ?Sized>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_under_the_lock_leaves_the_mutex_usable() {
        let mut mutex = Mutex::new(1);
        std::thread::scope(|scope| {
            let poisons = scope.spawn(|| {
                let mut guard = lock(&mutex);
                *guard = 2;
                panic!("poisons the mutex");
            });
            assert!(poisons.join().is_err());
        });
        assert!(mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 2);
        assert_eq!(*get_mut(&mut mutex), 2);
    }
}
