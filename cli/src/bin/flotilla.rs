//! The `flotilla` program.

#[tokio::main]
async fn main() {
    cli::flotilla().await;
}
