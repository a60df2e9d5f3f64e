//! The sample controller on a real API server.

mod churn;
mod pod_log;
mod proxy;
mod sample;
