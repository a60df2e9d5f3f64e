//! What `kubehandler` needs as well; not for other use, and outside semver.
//!
//! A queue runs code of the user's, logs, and gives memory back, and so does the library around it. These parts
//! are here because the library can import the queue, and the queue must not import the library.

pub use crate::{log::logged, printable::is_printable, queue::threads};

/// Runs code of the user's, whose panics end here.
pub mod contained {
    pub use crate::contained::{Contained, Panic, all_ended, contained, dropped, printed};
}

/// Gives a map's memory back after a burst.
pub mod memory {
    pub use crate::memory::{reuse_room, shrink, shrink_table};
}
