//! FLV files and tag bodies as pure bytes.
