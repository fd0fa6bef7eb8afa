//! serde over a [`Node`] tree; every error carries the place and the path of what is wrong.

use std::fmt;
use std::ops::Range;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Content, Entry, Node, Scalar};
use super::spanned;

/// What serde found wrong, and where.
#[derive(Debug)]
pub(super) struct Error {
    pub kind: ErrorKind,
    pub span: Option<Range<usize>>,
    /// Keys and list positions from the root to the culprit.
    pub path: Vec<Step>,
}

/// The classes of errors that read differently.
#[derive(Debug)]
pub(super) enum ErrorKind {
    UnknownField {
        field: String,
        expected: &'static [&'static str],
    },
    UnknownVariant {
        variant: String,
        expected: &'static [&'static str],
    },
    MissingField {
        field: &'static str,
    },
    Invalid {
        message: String,
    },
}

/// One step from the root towards a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Position(usize),
}

impl Error {
    fn within(mut self, step: Step, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self.path.insert(0, step);
        self
    }

    fn at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            span: None,
            path: Vec::new(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.kind)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ErrorKind::Invalid {
            message: message.to_string(),
        }
        .into()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        ErrorKind::UnknownField {
            field: field.to_owned(),
            expected,
        }
        .into()
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        ErrorKind::UnknownVariant {
            variant: variant.to_owned(),
            expected,
        }
        .into()
    }

    fn missing_field(field: &'static str) -> Self {
        ErrorKind::MissingField { field }.into()
    }
}

/// A node as serde reads it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de>(pub &'de Node);

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.content {
            Content::Null => visitor.visit_unit(),
            Content::Scalar(Scalar::Text(text)) => visitor.visit_borrowed_str(text),
            Content::Scalar(Scalar::Bool(value)) => visitor.visit_bool(*value),
            Content::Scalar(Scalar::Integer(value, _)) => visitor.visit_i64(*value),
            Content::Scalar(Scalar::Float(value, _)) => visitor.visit_f64(*value),
            Content::Sequence(elements) => visitor.visit_seq(Elements { elements, next: 0 }),
            Content::Mapping(entries) => visitor.visit_map(Entries {
                entries: entries.iter(),
                value: None,
            }),
        }
        .map_err(|error| error.at(&self.0.span))
    }

    /// Text is wanted: a number or truth value counts as it was written.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.content {
            Content::Scalar(scalar) => visitor.visit_borrowed_str(scalar.text()),
            _ => Err(Error::invalid_type(
                Unexpected::Other(self.0.describe()),
                &visitor,
            )),
        }
        .map_err(|error| error.at(&self.0.span))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|error| error.at(&self.0.span))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == spanned::NAME {
            return visitor
                .visit_map(Place {
                    node: self.0,
                    next: 0,
                })
                .map_err(|error| error.at(&self.0.span));
        }
        match self.0.content {
            Content::Mapping(_) => self.deserialize_any(visitor),
            // Nothing between the braces: every option has its default, or is missing.
            Content::Null => visitor
                .visit_map(Entries {
                    entries: [].iter(),
                    value: None,
                })
                .map_err(|error| error.at(&self.0.span)),
            _ => Err(Error::invalid_type(Unexpected::Other(self.0.describe()), &visitor).at(&self.0.span)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.content {
            Content::Scalar(scalar) => {
                let deserializer: StrDeserializer<'_, Error> = scalar.text().into_deserializer();
                visitor.visit_enum(deserializer)
            }
            Content::Mapping(entries) if entries.len() == 1 => visitor.visit_enum(Variant(&entries[0])),
            Content::Mapping(_) => Err(Error::custom("expected exactly one of several forms, as one key")),
            _ => Err(Error::invalid_type(
                Unexpected::Other(self.0.describe()),
                &visitor,
            )),
        }
        .map_err(|error| error.at(&self.0.span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Elements<'de> {
    elements: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(element) = self.elements.get(self.next) else {
            return Ok(None);
        };
        let position = Step::Position(self.next);
        self.next += 1;
        seed.deserialize(Reader(element))
            .map(Some)
            .map_err(|error| error.within(position, &element.span))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(entry);
        let deserializer: StrDeserializer<'_, Error> = entry.key.as_str().into_deserializer();
        let step = || Step::Key(entry.key.clone());
        seed.deserialize(deserializer)
            .map(Some)
            .map_err(|error| error.within(step(), &entry.key_span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self.value.take().expect("serde asks for a key first");
        // A missing value has no place of its own; its key has.
        let span = if entry.value.span.is_empty() {
            &entry.key_span
        } else {
            &entry.value.span
        };
        let step = || Step::Key(entry.key.clone());
        seed.deserialize(Reader(&entry.value))
            .map_err(|error| error.within(step(), span))
    }
}

struct Variant<'de>(&'de Entry);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let deserializer: StrDeserializer<'_, Error> = self.0.key.as_str().into_deserializer();
        let variant = seed
            .deserialize(deserializer)
            .map_err(|error| error.at(&self.0.key_span))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error::custom(format!("`{}` takes no value", self.0.key)).at(&self.0.key_span))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let step = Step::Key(self.0.key.clone());
        seed.deserialize(Reader(&self.0.value))
            .map_err(|error| error.within(step, &self.0.value.span))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        Reader(&self.0.value).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let step = Step::Key(self.0.key.clone());
        let result = Reader(&self.0.value).deserialize_struct("", fields, visitor);
        result.map_err(|error| error.within(step, &self.0.value.span))
    }
}

/// The three entries that make a [`super::Spanned`].
struct Place<'de> {
    node: &'de Node,
    next: usize,
}

impl<'de> MapAccess<'de> for Place<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = spanned::FIELDS.get(self.next) else {
            return Ok(None);
        };
        let deserializer: StrDeserializer<'_, Error> = (*name).into_deserializer();
        seed.deserialize(deserializer).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.node.span.start.into_deserializer()),
            2 => seed.deserialize(self.node.span.end.into_deserializer()),
            _ => seed.deserialize(Reader(self.node)),
        }
    }
}
