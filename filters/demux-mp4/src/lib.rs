//! Reads MP4, progressive and fragmented.
