//! Sessions for axum and any tower service.
