//! One object: how it is packed, and how it is decoded.
//!
//! This room knows single objects, and no store that holds them.

pub(super) mod decode;
pub(super) mod decode_error;
pub(super) mod decoded;
pub(super) mod dictionary;
pub(super) mod packer;
pub(super) mod stored;
