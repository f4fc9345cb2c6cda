//! Graph descriptions and link resolution over capabilities.
