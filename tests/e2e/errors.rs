//! Mistakes: one clear line, the right exit code, and nothing half-started.
