//! weir as users run it: the real binary, real players, and what they got.
//!
//! One binary, by topic. What each test stands on is in the library of this crate.

mod api;
mod clips;
mod comeback;
mod copies;
mod corpus;
mod decoders;
mod endings;
mod enhanced;
mod errors;
mod failover;
mod faults;
mod founding;
mod hls;
mod ingest;
mod inputs;
mod isolation;
mod long;
mod many;
mod mp4;
mod native;
mod players;
mod process;
mod pushing;
mod raw;
mod relay;
mod serving;
mod transcode;
mod ts;
