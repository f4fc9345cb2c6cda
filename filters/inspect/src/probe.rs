//! `probe`: counts streams.

use weir_plugin::{Ctx, Filter, Options, Result, Status};

use crate::log::Log;

/// Prints the number of inputs once no more are being connected.
pub(crate) struct Probe {
    log: Log,
}

impl Probe {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        Ok(Self { log: Log::open(options)? })
    }
}

impl Filter for Probe {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let inputs = ctx.inputs().count();
        if inputs == 0 || !ctx.settled() {
            return Ok(Status::Idle);
        }
        self.log.write(&format!("{inputs}\n"))?;
        Ok(Status::Done)
    }
}
