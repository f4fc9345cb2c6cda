//! Passes packets through unchanged.
