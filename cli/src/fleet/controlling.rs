//! The controller's passes, in a process that is a whole fleet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::context::Context;
use crate::controller::{self, ControllerContext};

/// Passes until it is dropped. A pass may end between any two of its writes: the next one goes on.
pub async fn keep(context: Arc<Context>) {
    loop {
        match ControllerContext::of(&context.backend, false).await {
            Ok(controller) => return controller::keep(&controller).await,
            Err(error) => tracing::error!(%error, "could not start the controller: trying again in a minute"),
        }
        sleep(Duration::from_secs(60)).await;
    }
}
