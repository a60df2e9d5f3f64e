//! What the server does, at the wire and as a program.

mod bad_input;
mod faults;
mod program;
mod watch;
mod writes;
