//! Runs a graph: reactor, worker lanes, bounded edges, clock and timers.
