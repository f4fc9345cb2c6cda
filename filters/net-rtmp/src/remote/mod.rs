//! Servers that are connected to, whether to publish or to play: what is asked of them, when they are tried again, how they
//! are logged in to, and why they failed.

mod conn;
mod failure;
mod log_in;
mod retry;
mod settings;
mod tell;

pub(crate) use failure::{Failure, Refusal, refusal};
pub(crate) use log_in::LogIn;
pub(crate) use retry::{Class, Retry};
pub(crate) use settings::{For, REMOTE_ONLY, Remote};
pub(crate) use tell::tell_changes;
