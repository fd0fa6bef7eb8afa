//! What a record is: the closed set of kinds that folders, labels, headers and sourcetypes share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Kind of a record. The words are the same in samples, mappings, metric labels, headers and field values.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Security alert, in the shape of the export or of the REST API.
    Alert,
    /// Recommendation for one resource.
    Assessment,
    /// Security finding below a recommendation.
    SubAssessment,
    /// Overall secure score of a subscription.
    SecureScore,
    /// Score of one security control.
    SecureScoreControl,
    /// Compliance state of one recommendation under one control of one standard.
    RegulatoryComplianceAssessment,
    /// Compliance state of a control; only a backfill writes it.
    RegulatoryComplianceControl,
    /// Compliance state of a standard; only a backfill writes it.
    RegulatoryComplianceStandard,
    /// Attack path.
    AttackPath,
    /// Valid JSON that is none of the above.
    Unknown,
    /// No JSON, or nested deeper than 128 levels. Never routed; goes to the dead letters.
    Undecodable,
}

impl Kind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Kind; 11] = [
        Kind::Alert,
        Kind::Assessment,
        Kind::SubAssessment,
        Kind::SecureScore,
        Kind::SecureScoreControl,
        Kind::RegulatoryComplianceAssessment,
        Kind::RegulatoryComplianceControl,
        Kind::RegulatoryComplianceStandard,
        Kind::AttackPath,
        Kind::Unknown,
        Kind::Undecodable,
    ];

    /// Number of kinds, for tables indexed by [`Kind::index`].
    pub const COUNT: usize = Self::ALL.len();

    /// Position in [`Kind::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The word used everywhere outside the program.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Alert => "alert",
            Kind::Assessment => "assessment",
            Kind::SubAssessment => "sub_assessment",
            Kind::SecureScore => "secure_score",
            Kind::SecureScoreControl => "secure_score_control",
            Kind::RegulatoryComplianceAssessment => "regulatory_compliance_assessment",
            Kind::RegulatoryComplianceControl => "regulatory_compliance_control",
            Kind::RegulatoryComplianceStandard => "regulatory_compliance_standard",
            Kind::AttackPath => "attack_path",
            Kind::Unknown => "unknown",
            Kind::Undecodable => "undecodable",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no kind.
#[derive(Debug, thiserror::Error)]
#[error("unknown record kind `{text}`")]
pub struct UnknownKind {
    /// What was given.
    pub text: String,
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind {
                text: text.to_owned(),
            })
    }
}
