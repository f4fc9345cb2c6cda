//! [`LogIn`]: who we are, for servers that ask. Each answer takes a connection of its own.

use weir_plugin::Io;
use weir_rtmp::{ClientConfig, NextStep, Redacted};

use super::{Failure, Remote};

/// Connections that one login may take.
const STEPS: u32 = 3;

/// See the module documentation.
#[derive(Default)]
pub(crate) struct LogIn {
    /// What is appended to app and tcUrl.
    suffix: Option<Redacted>,
    /// Connections it took so far.
    steps: u32,
}

impl LogIn {
    /// What the server is to be told now.
    pub(crate) fn client(&self, remote: &Remote) -> ClientConfig {
        let mut client = remote.client.clone();
        if let Some(suffix) = &self.suffix {
            client.app = Redacted::address(format!("{}{}", client.app.expose(), suffix.expose()));
            client.tc_url = Redacted::address(format!("{}{}", client.tc_url.expose(), suffix.expose()));
        }
        client
    }

    /// The server asks who is there: connect again at once.
    ///
    /// # Errors
    /// It cannot be answered, or it was, and it did not help.
    pub(crate) fn answer(&mut self, io: &mut dyn Io, remote: &Remote, description: &Redacted) -> Result<(), Failure> {
        let Some(login) = &remote.login else {
            let why = "the server asks for a user and a password: rtmp://USER:PASSWORD@HOST/APP/NAME";
            return Err(Failure::refused(why));
        };
        let mut nonce = [0; 4];
        io.random(&mut nonce);
        match login.next_step(description.expose(), remote.client.app.expose(), nonce) {
            NextStep::Connect(suffix) if self.steps < STEPS => {
                (self.suffix, self.steps) = (Some(suffix), self.steps + 1);
                Ok(())
            }
            NextStep::Connect(_) | NextStep::Wrong | NextStep::None => {
                Err(Failure::refused("the server refused the user or the password"))
            }
        }
    }
}
