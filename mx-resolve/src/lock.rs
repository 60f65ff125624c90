//! Locks over values that are whole at every step.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value, also after a panic while it was locked: no operation here is split over the guard.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
