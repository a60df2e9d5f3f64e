//! What the contestants and the load server share: how versions tell rounds, and who has handled what.

mod arguments;
pub mod feed;
pub mod http;
pub mod pods;
mod progress;
pub mod report;
pub mod version;

pub use self::{
    arguments::{Arguments, Mode},
    progress::Progress,
};
