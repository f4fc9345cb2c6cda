//! RTMP server output for any number of players.
