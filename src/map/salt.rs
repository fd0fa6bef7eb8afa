//! The secret that `sha256` mixes into what it hashes: without one, a known name or address is found in a table.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Fewest bytes of a salt; a shorter one can be guessed together with what it hides.
pub const MIN_BYTES: usize = 16;

/// A salt, ready to be used.
#[derive(Clone)]
pub struct Salt(Arc<Hmac<Sha256>>);

impl Salt {
    /// Takes a secret of any length; the configuration wants at least [`MIN_BYTES`].
    pub fn new(secret: &SecretString) -> Self {
        let key = Hmac::new_from_slice(secret.expose_secret().as_bytes());
        Self(Arc::new(key.expect("HMAC takes keys of any length")))
    }

    /// HMAC-SHA-256 of a text, 64 lower-case hexadecimal digits.
    pub fn hash(&self, text: &str) -> String {
        let mut state = (*self.0).clone();
        state.update(text.as_bytes());
        let mut digits = String::with_capacity(64);
        for byte in state.finalize().into_bytes() {
            for half in [byte >> 4, byte & 15] {
                digits.push(char::from_digit(u32::from(half), 16).expect("half a byte is below 16"));
            }
        }
        digits
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Salt(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 4231, test case 2.
    #[test]
    fn is_the_standard_construction() {
        let salt = Salt::new(&SecretString::from("Jefe"));
        assert_eq!(
            salt.hash("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(format!("{salt:?}"), "Salt(***)");
    }
}
