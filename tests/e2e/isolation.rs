//! No output disturbs another: hostile players on one listener, a full disk beside a live output.
