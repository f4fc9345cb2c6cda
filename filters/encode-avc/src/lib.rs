//! H.264 encoder on openh264.
