//! client-go's rate-limiting work queue, typed and async: the crate [`kubehandler_queue`], which
//! says what it promises, and how it differs from client-go's.

#[doc(inline)]
pub use kubehandler_queue::{
    ExponentialBackoff, Held, InvalidTokenBucket, MaxOf, Priority, Queue, RateLimiter, TokenBucket,
};
