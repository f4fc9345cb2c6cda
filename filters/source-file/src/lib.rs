//! Reads a local file as a byte stream.
