//! The `finder` program.

#[tokio::main]
async fn main() {
    cli::programs::finder().await;
}
