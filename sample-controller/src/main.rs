//! Logs every pod that comes, changes and goes.

fn main() {}
