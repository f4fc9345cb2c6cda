//! RTMP as a sans-IO protocol engine: handshake, chunk stream, sessions, fan-out ring.
