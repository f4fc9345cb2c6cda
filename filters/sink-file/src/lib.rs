//! Writes a byte stream to a local file.
