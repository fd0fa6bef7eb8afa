//! New settings for a target at work.

use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::client::Client;
use super::settings::Settings;
use super::target::Target;
use crate::proxy;

impl Target {
    /// Takes over token, batching, trust and proxy. Batches that are gathered stay as they are, and are divided if they are
    /// too large now; what waits for its acknowledgement is asked about with the new token.
    pub(super) fn take_over(&mut self, new: Settings, now: Instant) {
        self.edition += 1;
        if new.batch_bytes != self.settings.batch_bytes {
            self.endpoints
                .iter_mut()
                .for_each(|endpoint| endpoint.allow(new.batch_bytes));
        }
        let goes_otherwise = new.authorities != self.settings.authorities
            || !proxy::settings::is_same(new.proxy.as_ref(), self.settings.proxy.as_ref());
        if goes_otherwise {
            for connection in &mut self.connections {
                connection.client = Client::new(&new);
            }
        }
        if goes_otherwise || new.token().expose_secret() != self.settings.token().expose_secret() {
            self.blocks.try_now(now);
            for connection in &mut self.connections {
                connection.channel.poll_now(now);
            }
        }
        // What else differs needs a restart, and a difference there does not come here.
        self.settings = new;
    }

    /// A request from before the last settings has ended: if it was refused, that says nothing of the new ones.
    pub(super) fn try_anew(&mut self, connection: usize, now: Instant) {
        if self.connections[connection].edition != self.edition {
            self.blocks.try_now(now);
            self.connections[connection].channel.poll_now(now);
        }
    }
}
