//! The `flotilla` program. A release installs this one alone, also under the names of the other two.

#[tokio::main]
async fn main() {
    cli::programs::named_by_arguments().await;
}
