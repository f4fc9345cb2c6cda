//! Writes FLV for files and for live delivery.
