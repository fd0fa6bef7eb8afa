//! How lines are written, checked: what the target kinds `syslog` and `relp` have in common.

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;

use super::format::{Facility, Format, Oversize};
use crate::config::ByteSize;

/// What a receiver must at least take.
const MIN_MESSAGE_LIMIT_BYTES: usize = 480;
/// RFC 5424, section 6.
const MAX_HOSTNAME_BYTES: usize = 255;
/// RFC 5424, section 6.
const MAX_APP_NAME_BYTES: usize = 48;
/// RFC 3164, section 4.1.3.
const MAX_TAG_BYTES: usize = 32;

/// The options a line depends on, as the file has them.
#[derive(Debug, Clone, Copy)]
pub struct LineOptions<'o> {
    /// The form of a line.
    pub format: Format,
    /// Its facility.
    pub facility: Facility,
    /// Its host.
    pub hostname: &'o str,
    /// Its program; empty: none.
    pub app_name: &'o str,
    /// Zone of its time; `None`: UTC.
    pub time_zone: Option<&'o str>,
    /// Most bytes of a line.
    pub message_limit: ByteSize,
    /// What becomes of a longer one; `None`: by its text.
    pub oversize: Option<Oversize>,
}

/// The same, checked.
#[derive(Debug, Clone)]
pub struct LineSettings {
    pub(super) format: Format,
    pub(super) facility: Facility,
    /// What stands between the time and what differs by record.
    pub(super) origin: Box<str>,
    pub(super) time_zone: TimeZone,
    pub(super) limit_bytes: usize,
    pub(super) oversize: Option<Oversize>,
}

/// An option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name with characters that cannot stand in a header, or too long a one.
    #[error("`{option}` is `{name}`, but {rule}")]
    InvalidName {
        /// Name of the option.
        option: &'static str,
        /// The name.
        name: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A zone that is not known on this machine.
    #[error(
        "`time_zone` is `{name}`, which is not known here; write `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`"
    )]
    UnknownTimeZone {
        /// The name.
        name: String,
    },
    /// A zone where the time has its own.
    #[error("`time_zone` is for `format: rfc3164`; the time of RFC 5424 is written in UTC and says so")]
    NeedlessTimeZone,
    /// A limit below what every receiver takes.
    #[error("`message_limit` must be at least {MIN_MESSAGE_LIMIT_BYTES}B, which every receiver takes")]
    Limit,
}

impl LineSettings {
    /// Checks the options.
    pub fn new(options: LineOptions<'_>) -> Result<Self, Error> {
        hostname(options.format, options.hostname)?;
        app_name(options.format, options.app_name)?;
        let limit_bytes = options.message_limit.get();
        if limit_bytes < MIN_MESSAGE_LIMIT_BYTES {
            return Err(Error::Limit);
        }
        let (hostname, app_name) = (options.hostname, options.app_name);
        let origin = match options.format {
            Format::Rfc5424 if app_name.is_empty() => format!(" {hostname} - - "),
            Format::Rfc5424 => format!(" {hostname} {app_name} - "),
            Format::Rfc3164 if app_name.is_empty() => format!(" {hostname} "),
            Format::Rfc3164 => format!(" {hostname} {app_name}: "),
        };
        Ok(Self {
            format: options.format,
            facility: options.facility,
            origin: origin.into(),
            time_zone: time_zone(options.format, options.time_zone)?,
            limit_bytes,
            oversize: options.oversize,
        })
    }

    /// Most bytes of a line, without its framing.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// Whether lines are to be shortened whatever their text is, which only CEF and LEEF stand.
    pub fn is_always_truncated(&self) -> bool {
        self.oversize == Some(Oversize::Truncate)
    }
}

fn hostname(format: Format, name: &str) -> Result<(), Error> {
    let invalid = |rule| Error::InvalidName {
        option: "hostname",
        name: name.to_owned(),
        rule,
    };
    if name.is_empty() || name.len() > MAX_HOSTNAME_BYTES || !name.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(invalid(
            "must be 1 to 255 printable ASCII characters without spaces",
        ));
    }
    if format == Format::Rfc3164 && name.contains(':') {
        return Err(invalid(
            "readers of RFC 3164 take what ends with a colon, also within an IPv6 address, for a tag; write a name or an IPv4 address",
        ));
    }
    Ok(())
}

fn app_name(format: Format, name: &str) -> Result<(), Error> {
    let (limit, is_fine, rule): (_, fn(u8) -> bool, _) = match format {
        Format::Rfc5424 => (
            MAX_APP_NAME_BYTES,
            |byte| byte.is_ascii_graphic(),
            "must be at most 48 printable ASCII characters without spaces",
        ),
        Format::Rfc3164 => (
            MAX_TAG_BYTES,
            |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte),
            "must be at most 32 letters, digits, `-`, `_` and `.` with `format: rfc3164`",
        ),
    };
    match name.len() <= limit && name.bytes().all(is_fine) {
        true => Ok(()),
        false => Err(Error::InvalidName {
            option: "app_name",
            name: name.to_owned(),
            rule,
        }),
    }
}

fn time_zone(format: Format, name: Option<&str>) -> Result<TimeZone, Error> {
    match name {
        None => Ok(TimeZone::UTC),
        Some(_) if format == Format::Rfc5424 => Err(Error::NeedlessTimeZone),
        // Known without the files of the machine.
        Some(name) if name.eq_ignore_ascii_case("utc") => Ok(TimeZone::UTC),
        Some(name) => DateTimeParser::new()
            .parse_time_zone(name)
            .map_err(|_| Error::UnknownTimeZone {
                name: name.to_owned(),
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the options can be used when `change` was made to good ones.
    fn is_usable(change: impl FnOnce(&mut LineOptions<'static>), format: Format) -> bool {
        let mut options = LineOptions {
            format,
            facility: Facility::Local0,
            hostname: "hub2siem",
            app_name: "hub2siem",
            time_zone: None,
            message_limit: ByteSize(8_000),
            oversize: None,
        };
        change(&mut options);
        LineSettings::new(options).is_ok()
    }

    #[test]
    fn refuses_what_no_header_can_carry() {
        const LONG: &str = concat!(
            "0123456789012345678901234567890123456789012345678901234567890123",
            "0123456789012345678901234567890123456789012345678901234567890123",
            "0123456789012345678901234567890123456789012345678901234567890123",
            "0123456789012345678901234567890123456789012345678901234567890123",
        );
        for (hostname, newer, older) in [
            ("10.0.0.7", true, true),
            ("2001:db8::7", true, false),
            ("[2001:db8::7]", true, false),
            ("siem:514", true, false),
            (&LONG[..255], true, true),
            (LONG, false, false),
            ("", false, false),
            ("a b", false, false),
            ("h\u{fc}b", false, false),
        ] {
            let usable = |format| is_usable(|options| options.hostname = hostname, format);
            let found = (usable(Format::Rfc5424), usable(Format::Rfc3164));
            assert_eq!(found, (newer, older), "{hostname}");
        }
        for (app_name, newer, older) in [
            ("", true, true),
            ("a:b", true, false),
            ("a b", false, false),
            (&LONG[..32], true, true),
            (&LONG[..48], true, false),
            (&LONG[..49], false, false),
        ] {
            let usable = |format| is_usable(|options| options.app_name = app_name, format);
            let found = (usable(Format::Rfc5424), usable(Format::Rfc3164));
            assert_eq!(found, (newer, older), "{app_name}");
        }
        for (zone, newer, older) in [
            ("utc", false, true),
            ("+02:00", false, true),
            ("Mars/Olympus", false, false),
        ] {
            let usable = |format| is_usable(|options| options.time_zone = Some(zone), format);
            let found = (usable(Format::Rfc5424), usable(Format::Rfc3164));
            assert_eq!(found, (newer, older), "{zone}");
        }
        for (bytes, expected) in [(479, false), (480, true)] {
            let found = is_usable(|options| options.message_limit = ByteSize(bytes), Format::Rfc5424);
            assert_eq!(found, expected, "{bytes}");
        }
    }
}
