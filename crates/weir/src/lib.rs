//! Embedding facade: default registry and session builder.
