//! Reads FLV.
