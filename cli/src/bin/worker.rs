//! The `worker` program.

#[tokio::main]
async fn main() {
    cli::programs::worker().await;
}
