//! AAC packetizers: ADTS to frames and back.
