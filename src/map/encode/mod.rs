//! How a mapped record is written: JSON by [`super::plan`], the text formats here.

pub mod cef;
pub mod header;
pub mod leef;
pub mod shorten;
pub mod text;

pub use shorten::shorten;

/// What a map writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// One JSON object.
    Json,
    /// One line in the Common Event Format.
    Cef,
    /// One line in the Log Event Extended Format 2.0.
    Leef,
}

impl Output {
    /// Every output by the name it has in a header.
    pub const ALL: [(&'static str, Output); 3] = [
        ("json", Output::Json),
        ("cef", Output::Cef),
        ("leef", Output::Leef),
    ];

    /// The output called `name`.
    pub fn named(name: &str) -> Option<Output> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, output)| *output)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Names of the parts of its header, in the order in which they are written; none for JSON.
    pub fn header_names(self) -> &'static [&'static str] {
        match self {
            Output::Json => &[],
            Output::Cef => crate::map::schema::cef::HEADER_ORDER,
            Output::Leef => crate::map::schema::leef::HEADER_ORDER,
        }
    }

    /// Whether it is a line of text and no JSON.
    pub fn is_text(self) -> bool {
        self != Output::Json
    }

    /// The key of a mapping file under which its fields stand.
    pub fn fields_key(self) -> &'static str {
        match self {
            Output::Json => "fields",
            Output::Cef => "extension",
            Output::Leef => "attributes",
        }
    }
}

#[cfg(test)]
mod tests;
