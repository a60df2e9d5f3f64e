//! Creates of small objects.

use std::time::Instant;

use bytes::Bytes;
use futures::future::try_join_all;
use http::Method;

use crate::connection::Target;

/// How many clients create at once.
pub(crate) const CLIENTS: usize = 8;

/// Objects of each client, on a fast server.
pub(crate) const MANY: usize = 2_500;

/// Objects of each client, on a slow one.
pub(crate) const FEW: usize = 250;

/// Returns how many objects a second the clients create.
pub(crate) async fn rate(target: &Target, run: usize, each: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let all = (0..CLIENTS).map(|client| async move {
        let mut connection = target.connect().await?;
        for number in 0..each {
            let name = format!("small-{run}-{client}-{number}");
            connection
                .send(
                    Method::POST,
                    "/api/v1/namespaces/default/configmaps",
                    small(&name),
                )
                .await?;
        }
        anyhow::Ok(())
    });
    try_join_all(all).await?;
    Ok(count(CLIENTS * each) / started.elapsed().as_secs_f64())
}

/// A small object, as it is sent.
pub(crate) fn small(name: &str) -> Bytes {
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","labels":{{"app":"load"}}}},"data":{{"key":"value"}}}}"#
    )
    .into()
}

#[expect(clippy::cast_precision_loss, reason = "counts here are small")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}
