//! In-process session store.
