//! Parts of Azure resource ids. All segment names compare without regard to case; what is returned stays as written,
//! except the subscription.
//!
//! An id is made of pairs below `/subscriptions/{s}[/resourceGroups/{g}]` or nothing, each run of pairs after a
//! `/providers/{namespace}`. The last run names the resource: an extension's own id names the extension.

use std::borrow::Cow;

use super::text::lower_str;

const PROVIDERS: &str = "providers";
const SECURITY_PROVIDER: &[u8] = b"/providers/Microsoft.Security/";

/// First segments below `Microsoft.Security` that are items about a resource and not resources themselves. A connector
/// (`securityConnectors`) is a resource.
const ITEMS: [&str; 6] = [
    "assessments",
    "secureScores",
    "regulatoryComplianceStandards",
    "attackPaths",
    "locations",
    "alerts",
];

/// A part of an id, as the map function `arm()` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `subscription`: id of the subscription, in lower case.
    Subscription,
    /// `resource_group`: name of the resource group.
    ResourceGroup,
    /// `provider`: namespace of the resource, as `Microsoft.Compute`.
    Provider,
    /// `type`: `provider/type`, child types included, as `Microsoft.Sql/servers/databases`.
    Type,
    /// `name`: the last name.
    Name,
    /// `parent`: everything before the last `/providers/Microsoft.Security/`.
    Parent,
}

impl Part {
    /// All parts with the words that name them.
    pub const ALL: [(&'static str, Part); 6] = [
        ("subscription", Part::Subscription),
        ("resource_group", Part::ResourceGroup),
        ("provider", Part::Provider),
        ("type", Part::Type),
        ("name", Part::Name),
        ("parent", Part::Parent),
    ];

    /// The part called `name`.
    pub fn named(name: &str) -> Option<Part> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, part)| *part)
    }
}

/// One part of `id`; `None` where it has none, and for a text that is no resource id.
pub fn part(id: &str, part: Part) -> Option<Cow<'_, str>> {
    match part {
        Part::Subscription => subscription(id),
        Part::ResourceGroup => resource_group(id).map(Cow::Borrowed),
        Part::Provider => provider(id).map(Cow::Borrowed),
        Part::Type => resource_type(id),
        Part::Name => name(id).map(Cow::Borrowed),
        Part::Parent => parent(id).map(Cow::Borrowed),
    }
}

/// The subscription an id lies in, in lower case.
pub fn subscription(id: &str) -> Option<Cow<'_, str>> {
    let mut segments = segments(id)?;
    let first = segments.next()?;
    first.eq_ignore_ascii_case("subscriptions").then_some(())?;
    Some(lower_str(segments.next()?))
}

/// The resource group an id lies in.
pub fn resource_group(id: &str) -> Option<&str> {
    let mut segments = segments(id)?.skip(2);
    subscription(id)?;
    let third = segments.next()?;
    third.eq_ignore_ascii_case("resourceGroups").then_some(())?;
    segments.next()
}

/// The namespace of the resource an id names.
pub fn provider(id: &str) -> Option<&str> {
    resource(id)?.next()
}

/// The type of the resource an id names: `provider/type`, with child types. Subscriptions and resource groups have types too.
pub fn resource_type(id: &str) -> Option<Cow<'_, str>> {
    let Some(mut segments) = resource(id) else {
        return container_type(id).map(Cow::Borrowed);
    };
    let mut text = String::with_capacity(64);
    text.push_str(segments.next()?);
    // Types and names take turns, the type first.
    for segment in segments.step_by(2) {
        text.push('/');
        text.push_str(segment);
    }
    text.contains('/').then_some(Cow::Owned(text))
}

/// The last segment of an id.
pub fn name(id: &str) -> Option<&str> {
    segments(id)?.skip(1).last()
}

/// What stands before the last `/providers/Microsoft.Security/`: the resource of an item.
pub fn parent(id: &str) -> Option<&str> {
    let (position, _) = last_security_provider(id)?;
    Some(&id[..position]).filter(|parent| !parent.is_empty())
}

/// The resource that `id` is about: `id` itself, or what stands before the item it names.
pub fn without_item(id: &str) -> &str {
    match last_security_provider(id) {
        Some((position, rest)) if position > 0 && is_item(rest) => &id[..position],
        _ => id,
    }
}

/// What stands after the last `/providers/Microsoft.Security/`: the path of an item below its resource.
pub fn item(id: &str) -> Option<&str> {
    last_security_provider(id).map(|(_, rest)| rest)
}

/// Whether `text` looks like a resource id at all.
pub fn is_id(text: &str) -> bool {
    segments(text).is_some()
}

/// The path segment after the first one called `name`. Works on any text with slashes, portal links included.
pub fn segment_after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut segments = text.split(['/', '?', '#', '&']);
    segments.find(|segment| segment.eq_ignore_ascii_case(name))?;
    segments.next().filter(|segment| !segment.is_empty())
}

fn segments(id: &str) -> Option<impl Iterator<Item = &str> + Clone> {
    let path = id.strip_prefix('/')?;
    let first = split(path).next()?;
    let is_root = first.eq_ignore_ascii_case("subscriptions") || first.eq_ignore_ascii_case(PROVIDERS);
    is_root.then(|| split(path).filter(|segment| !segment.is_empty()))
}

/// What stands between slashes, as `path.split('/')` gives it in a third of the time.
pub fn split(path: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let slash = memchr::memchr(b'/', path.as_bytes());
        rest = slash.map(|slash| &path[slash + 1..]);
        Some(&path[..slash.unwrap_or(path.len())])
    })
}

/// The segments after the last `providers`.
fn resource(id: &str) -> Option<impl Iterator<Item = &str>> {
    let mut rest = segments(id)?;
    let mut found = None;
    while let Some(segment) = rest.next() {
        if segment.eq_ignore_ascii_case(PROVIDERS) {
            found = Some(rest.clone());
        }
    }
    found
}

/// The type of an id without a provider.
fn container_type(id: &str) -> Option<&'static str> {
    subscription(id)?;
    match segments(id)?.count() {
        2 => Some("Microsoft.Resources/subscriptions"),
        4 if resource_group(id).is_some() => Some("Microsoft.Resources/subscriptions/resourceGroups"),
        _ => None,
    }
}

/// Position of the last `/providers/Microsoft.Security/` and what follows it. Asked for several times for each record, so it
/// goes from slash to slash, and compares only where the whole text can stand.
fn last_security_provider(id: &str) -> Option<(usize, &str)> {
    let bytes = id.as_bytes();
    let mut end = (bytes.len() + 1).checked_sub(SECURITY_PROVIDER.len())?;
    loop {
        let slash = memchr::memrchr(b'/', &bytes[..end])?;
        let rest = slash + SECURITY_PROVIDER.len();
        if bytes[slash..rest].eq_ignore_ascii_case(SECURITY_PROVIDER) {
            return Some((slash, &id[rest..]));
        }
        end = slash;
    }
}

fn is_item(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    ITEMS.iter().any(|item| item.eq_ignore_ascii_case(first))
}

#[cfg(test)]
mod tests;
