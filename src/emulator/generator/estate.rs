//! The tenants, machines and people the items are about. All invented; addresses are those reserved for documentation.

use super::random::Random;

/// Number of subscriptions that export into the hub.
const SUBSCRIPTIONS: usize = 6;

pub const RESOURCE_GROUPS: [&str; 8] = [
    "rg-web-production",
    "rg-data-production",
    "RG-IDENTITY",
    "rg-shop-test",
    "rg-platform",
    "rg-analytics",
    "rg-backup",
    "Legacy-Servers",
];
pub const ROLES: [&str; 10] = [
    "web", "db", "app", "jump", "build", "mail", "cache", "files", "proxy", "batch",
];
pub const USERS: [&str; 8] = [
    "a.berger",
    "j.okafor",
    "m.silva",
    "svc-deploy",
    "t.nguyen",
    "root",
    "p.lindqvist",
    "operator",
];
pub const CLUSTERS: [&str; 4] = ["payments", "frontend", "internal", "lab"];
pub const REPOSITORIES: [&str; 6] = ["shop", "checkout", "website", "tools", "billing", "reports"];
pub const PROJECTS: [&str; 3] = ["contoso-shop", "contoso-lab", "contoso-data"];
pub const REGIONS: [&str; 5] = [
    "westeurope",
    "northeurope",
    "centralus",
    "germanywestcentral",
    "southeastasia",
];
pub const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// What stays the same as long as the generator runs.
#[derive(Debug)]
pub struct Estate {
    pub subscriptions: Vec<Subscription>,
}

/// One exporting subscription.
#[derive(Debug)]
pub struct Subscription {
    pub id: String,
    pub tenant: String,
    pub workspace: String,
    /// Its AWS account and GCP project number: 12 digits.
    pub account: i64,
}

impl Estate {
    /// The estate of a seed. Two seeds have no subscription in common, so their resource ids differ.
    pub fn new(random: &mut Random) -> Self {
        let tenants = [guid(random), guid(random)];
        let subscriptions = (0..SUBSCRIPTIONS)
            .map(|index| Subscription {
                id: guid(random),
                tenant: tenants[index % tenants.len()].clone(),
                workspace: guid(random),
                account: 100_000_000_000 + random.below(900_000_000_000) as i64,
            })
            .collect();
        Self { subscriptions }
    }
}

fn guid(random: &mut Random) -> String {
    let mut text = Vec::with_capacity(36);
    write_guid(random.next(), random.next(), &mut text);
    String::from_utf8(text).expect("hexadecimal digits are ASCII")
}

/// Appends a version 4 GUID that keeps all bits of `unique` and 58 bits of `random`.
pub fn write_guid(unique: u64, random: u64, output: &mut Vec<u8>) {
    write_hex(unique >> 32, 8, output);
    output.push(b'-');
    write_hex(unique >> 16 & 0xFFFF, 4, output);
    output.push(b'-');
    write_hex(0x4000 | random >> 52, 4, output);
    output.push(b'-');
    write_hex(0x8000 | random >> 38 & 0x3FFF, 4, output);
    output.push(b'-');
    write_hex(unique & 0xFFFF, 4, output);
    write_hex(random & 0xFFFF_FFFF, 8, output);
}

/// Appends the low `4 × width` bits of `number` (`width` at most 16) as lower-case hexadecimal digits.
pub fn write_hex(number: u64, width: usize, output: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for place in (0..width).rev() {
        output.push(DIGITS[(number >> (4 * place) & 15) as usize]);
    }
}
