//! The closed set of functions a path can be piped through.
//!
//! Adding one is an entry in [`FUNCTIONS`], a pure function in the file of its subject, and its cases in `tests.rs`.

mod date;
mod list;
mod number;
mod resource;
mod text;
#[cfg(test)]
mod tests;

use super::item::Item;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name in a pipe.
    pub name: &'static str,
    /// What stands in its parentheses, in order; all are needed.
    pub parameters: &'static [Parameter],
    /// Whether a list is given to it as a whole or element by element.
    pub input: Input,
    /// What becomes of the input.
    pub effect: Effect,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// An example for the reference: the pipe, its input and its result as JSON.
    pub example: [&'static str; 3],
    apply: for<'s> fn(Item<'s>, &'s [Argument]) -> Option<Item<'s>>,
}

/// Name and type of a parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in messages and the reference.
    pub name: &'static str,
    /// What can be given.
    pub kind: ParameterKind,
}

/// What can be given for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// Text of at least one character.
    Separator,
    /// A whole number above 0.
    Count,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// An argument as given in a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Text or a word.
    Text(Box<str>),
    /// A count.
    Count(usize),
}

/// How a function takes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Element by element.
    Each,
    /// As a whole; a single value counts as a list of one.
    Whole,
}

/// What can be said of a result without running the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The same content in another form; the source counts as taken.
    Keeps,
    /// A part of the content or a summary; the source stays among the leftovers.
    Reduces,
    /// One value out of a list, as [`Effect::Reduces`].
    Picks,
    /// A list out of one value, keeping the content.
    Splits,
    /// One value out of a list, keeping the content.
    Joins,
}

/// The parts of an ARM id that `arm` gives.
const ARM_PARTS: &[&str] = &[
    "subscription",
    "resource_group",
    "provider",
    "type",
    "name",
    "parent",
];

const fn text(name: &'static str) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Text,
    }
}

const fn separator(name: &'static str) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Separator,
    }
}

/// All functions, in the order of the documentation.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "lower",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: text::lower,
        summary: "lower case",
        example: ["lower", r#""Linux""#, r#""linux""#],
    },
    Function {
        name: "upper",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: text::upper,
        summary: "upper case",
        example: ["upper", r#""sha256""#, r#""SHA256""#],
    },
    Function {
        name: "trim",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: text::trim,
        summary: "without white space at both ends",
        example: ["trim", r#""  a b ""#, r#""a b""#],
    },
    Function {
        name: "rfc3339",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: date::rfc3339,
        summary: "a date as UTC with milliseconds; further digits are cut",
        example: [
            "rfc3339",
            r#""2024-11-08T07:01:02.1239999Z""#,
            r#""2024-11-08T07:01:02.123Z""#,
        ],
    },
    Function {
        name: "epoch_ms",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: date::epoch_ms,
        summary: "a date as milliseconds since 1970",
        example: ["epoch_ms", r#""2024-11-08T07:01:02.123Z""#, "1731049262123"],
    },
    Function {
        name: "epoch_s",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: date::epoch_s,
        summary: "a date as whole seconds since 1970",
        example: ["epoch_s", r#""2024-11-08T07:01:02.923Z""#, "1731049262"],
    },
    Function {
        name: "int",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: number::int,
        summary: "a whole number, from a number or from decimal or `0x` text; absent if it has a fraction",
        example: ["int", r#""0x1008""#, "4104"],
    },
    Function {
        name: "float",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: number::float,
        summary: "a number, from a number or from text",
        example: ["float", r#""9.8""#, "9.8"],
    },
    Function {
        name: "percent",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: number::percent,
        summary: "a ratio from 0 to 1 as a whole number from 0 to 100, rounded",
        example: ["percent", "0.256", "26"],
    },
    Function {
        name: "text",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: text::text,
        summary: "a number or truth value as text",
        example: ["text", "42", r#""42""#],
    },
    Function {
        name: "split",
        parameters: &[separator("separator")],
        input: Input::Each,
        effect: Effect::Splits,
        apply: text::split,
        summary: "the parts between separators, trimmed, empty ones left out",
        example: [
            r#"split(",")"#,
            r#""Persistence, Impact""#,
            r#"["Persistence","Impact"]"#,
        ],
    },
    Function {
        name: "join",
        parameters: &[text("separator")],
        input: Input::Whole,
        effect: Effect::Joins,
        apply: list::join,
        summary: "one text of all elements",
        example: [r#"join("; ")"#, r#"["a","b"]"#, r#""a; b""#],
    },
    Function {
        name: "first",
        parameters: &[],
        input: Input::Whole,
        effect: Effect::Picks,
        apply: list::first,
        summary: "the first element",
        example: ["first", "[1,2]", "1"],
    },
    Function {
        name: "last",
        parameters: &[],
        input: Input::Whole,
        effect: Effect::Picks,
        apply: list::last,
        summary: "the last element",
        example: ["last", "[1,2]", "2"],
    },
    Function {
        name: "unique",
        parameters: &[],
        input: Input::Whole,
        effect: Effect::Keeps,
        apply: list::unique,
        summary: "the list without repetitions",
        example: ["unique", "[1,2,1]", "[1,2]"],
    },
    Function {
        name: "count",
        parameters: &[],
        input: Input::Whole,
        effect: Effect::Picks,
        apply: list::count,
        summary: "the number of elements",
        example: ["count", r#"["a","b"]"#, "2"],
    },
    Function {
        name: "arm",
        parameters: &[Parameter {
            name: "part",
            kind: ParameterKind::Word(ARM_PARTS),
        }],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: resource::arm,
        summary: "a part of an ARM id: `subscription`, `resource_group`, `provider`, `type`, `name`, or `parent`, \
                  the resource that an extension such as an assessment belongs to",
        example: [
            "arm(type)",
            r#""/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm""#,
            r#""Microsoft.Compute/virtualMachines""#,
        ],
    },
    Function {
        name: "segment",
        parameters: &[separator("name")],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: resource::segment,
        summary: "the path segment after the one called `name`, compared without case",
        example: [
            "segment(location)",
            r#""https://portal/alertId/1/location/westeurope""#,
            r#""westeurope""#,
        ],
    },
    Function {
        name: "after_last",
        parameters: &[separator("mark")],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: text::after_last,
        summary: "what follows the last `mark`; the whole text if there is none",
        example: [r#"after_last("_")"#, r#""251_ab""#, r#""ab""#],
    },
    Function {
        name: "before",
        parameters: &[separator("mark")],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: text::before,
        summary: "what precedes the first `mark`; the whole text if there is none",
        example: [r#"before("@")"#, r#""ann@contoso""#, r#""ann""#],
    },
    Function {
        name: "truncate",
        parameters: &[Parameter {
            name: "characters",
            kind: ParameterKind::Count,
        }],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: text::truncate,
        summary: "at most so many characters from the start",
        example: ["truncate(3)", r#""abcdef""#, r#""abc""#],
    },
    Function {
        name: "basename",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: resource::basename,
        summary: "what follows the last `/` or `\\`",
        example: ["basename", r#""C:\\Windows\\cmd.exe""#, r#""cmd.exe""#],
    },
    Function {
        name: "replace",
        parameters: &[separator("from"), text("to")],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: text::replace,
        summary: "every `from` becomes `to`",
        example: [r#"replace("a", "b")"#, r#""banana""#, r#""bbnbnb""#],
    },
    Function {
        name: "url",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: resource::url,
        summary: "an address with its scheme; `https` is added where there is none",
        example: [
            "url",
            r##""portal.azure.com/#blade""##,
            r##""https://portal.azure.com/#blade""##,
        ],
    },
    Function {
        name: "plain_text",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Reduces,
        apply: text::plain_text,
        summary: "HTML as text: breaks and blocks end a line, tags go, entities become characters",
        example: [
            "plain_text",
            r#""1. <b>Open</b><br>2. Save &amp; close""#,
            r#""1. Open\n2. Save & close""#,
        ],
    },
    Function {
        name: "json",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: text::json,
        summary: "the value as JSON text; a list is taken element by element",
        example: ["json", r#"{"a":1}"#, r#""{\"a\":1}""#],
    },
    Function {
        name: "date_us",
        parameters: &[],
        input: Input::Each,
        effect: Effect::Keeps,
        apply: date::date_us,
        summary: "a date written `M/d/yyyy h:mm:ss tt`, taken as UTC",
        example: [
            "date_us",
            r#""11/13/2024 11:40:48 PM""#,
            r#""2024-11-13T23:40:48.000Z""#,
        ],
    },
];

impl Function {
    /// The function called `name`.
    pub fn named(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// Applies it to a value; `None` if the result cannot be computed or is empty.
    pub fn apply<'s>(&self, input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
        if self.input == Input::Whole || !input.is_list() {
            return (self.apply)(input, arguments);
        }
        let results = input
            .into_elements()
            .into_iter()
            .filter_map(|element| (self.apply)(element, arguments))
            .flat_map(|result| match result {
                Item::List(inner) => inner,
                other => vec![other],
            })
            .collect();
        Item::list(results)
    }
}

impl Argument {
    /// The text given; a count has none.
    fn as_text(&self) -> &str {
        match self {
            Argument::Text(text) => text,
            Argument::Count(_) => "",
        }
    }

    /// The count given; text has none.
    fn as_count(&self) -> usize {
        match self {
            Argument::Count(count) => *count,
            Argument::Text(_) => 0,
        }
    }
}
