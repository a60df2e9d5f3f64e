//! Asks the server of the kubeconfig for its version, as `clientcmd` in Go does beside it.
//!
//! Prints `answered CODE`, or `failed: ` and why there was no answer. `CONTEXT` names the context;
//! `ASKS` is how often it asks, a little more than a second apart.

use std::{env, time::Duration};

use kubehandler::{Cluster, kube::client::Body};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
async fn main() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    if let Err(error) = ask().await {
        println!("failed: {error}");
    }
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
async fn ask() -> Result<(), kubehandler::HandlerError> {
    let mut cluster = Cluster::find();
    if let Ok(context) = env::var("CONTEXT") {
        cluster = cluster.context(context);
    }
    let client = cluster.connect().await?;
    let asks = env::var("ASKS").ok().and_then(|asks| asks.parse().ok());
    for ask in 0..asks.unwrap_or(1) {
        if ask > 0 {
            tokio::time::sleep(Duration::from_millis(1_100)).await;
        }
        let request = http::Request::get("/version").body(Body::empty())?;
        let answer = tokio::time::timeout(Duration::from_secs(20), client.send(request)).await??;
        println!("answered {}", answer.status().as_u16());
    }
    Ok(())
}
