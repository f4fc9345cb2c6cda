//! Writes one elementary stream as a raw file.
