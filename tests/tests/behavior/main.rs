//! What the library does, through its public interface and on the paused clock.

mod derive;
mod event_loop;
mod gate;
mod informer;
mod informer_answers;
mod informer_faults;
mod informer_lists;
mod informer_watches;
mod observe;
mod work_queue;
