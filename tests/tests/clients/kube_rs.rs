//! kube-rs.
