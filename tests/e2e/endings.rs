//! How a run ends: the media, a signal, two signals, a crash; what players are told and what files are worth.
