//! Logs, and the endpoint for metrics and health.
