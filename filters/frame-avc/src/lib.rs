//! AVC packetizers: Annex B to access units and back.
