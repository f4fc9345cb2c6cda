//! Filters in shared libraries, over a versioned C ABI.
