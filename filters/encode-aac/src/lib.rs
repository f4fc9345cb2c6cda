//! AAC-LC encoder.
