//! What goes wrong at the stores, and how a sync ends that meets it.

mod integrity;
