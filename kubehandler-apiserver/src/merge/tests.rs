//! What Go makes of the same values, and what holds for all of them.

mod cases;
mod manage;
mod notation;
mod properties;
mod read;
