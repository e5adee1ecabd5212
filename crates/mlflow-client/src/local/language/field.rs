//! What can be searched for.

/// What is compared, or ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) enum Field {
    /// The latest value of a metric.
    Metric(String),
    /// A parameter.
    Param(String),
    /// A tag.
    Tag(String),
    /// A property that every run has.
    Attribute(Attribute),
}

/// A property that every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::local) enum Attribute {
    RunId,
    RunName,
    UserId,
    Status,
    ArtifactUri,
    StartTime,
    EndTime,
}

impl Field {
    /// The field of a kind and a key; a key without a kind is an attribute.
    pub(super) fn new(kind: Option<&str>, key: &str) -> Option<Self> {
        match kind {
            Some("metric" | "metrics") => Some(Self::Metric(key.to_owned())),
            Some("param" | "params" | "parameter" | "parameters") => {
                Some(Self::Param(key.to_owned()))
            }
            Some("tag" | "tags") => Some(Self::Tag(key.to_owned())),
            Some("attribute" | "attributes" | "attr" | "run") | None => {
                Attribute::named(key).map(Self::Attribute)
            }
            Some(_) => None,
        }
    }

    /// Whether it is compared with numbers.
    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Metric(_) | Self::Attribute(Attribute::StartTime | Attribute::EndTime)
        )
    }
}

impl Attribute {
    fn named(key: &str) -> Option<Self> {
        Some(match key {
            "run_id" => Self::RunId,
            "run_name" | "run name" | "Run name" | "Run Name" => Self::RunName,
            "user_id" => Self::UserId,
            "status" => Self::Status,
            "artifact_uri" => Self::ArtifactUri,
            "start_time" | "created" | "Created" => Self::StartTime,
            "end_time" => Self::EndTime,
            _ => return None,
        })
    }
}
