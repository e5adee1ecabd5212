//! How an endpoint is described.

use crate::error::Code;

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    /// The route's pattern.
    pub(crate) path: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) body: Body,
    pub(crate) answer: Answer,
    /// How it may be refused.
    pub(crate) refusals: &'static [Code],
    /// Those that only this endpoint has.
    pub(crate) besides: &'static [Code],
    /// Whether it asks for the administrator's token.
    pub(crate) guarded: bool,
}

/// A parameter in the query, the path or the head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: &'static str,
    pub(crate) description: &'static str,
    pub(crate) value: Value,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// A whole number from `least`; without a default it may be absent.
    Integer {
        least: i64,
        most: Option<i64>,
        default: Option<i64>,
    },
    /// Any text.
    Text,
    /// One of some texts.
    OneOf(&'static [&'static str]),
}

/// What a request's body holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    Nothing,
    /// A photograph, as a form's field `file` or as the body itself.
    Photograph,
    /// Several photographs, each a form's field `file`.
    Photographs,
    /// An inference request of the Open Inference Protocol.
    Inference,
}

/// What an answer holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// JSON of a schema by its name.
    Json(&'static str),
    /// The same, or content of a media type if asked for.
    JsonOr(&'static str, &'static str),
    /// An image in the format of the upload.
    Image,
    /// Text or bytes of these media types.
    Content(&'static [&'static str]),
    /// An inference response, as JSON or followed by binary data.
    Inference,
}

impl Endpoint {
    /// `GET` of a path, which answers with JSON of a schema.
    pub(crate) const fn get(path: &'static str, tag: &'static str, schema: &'static str) -> Self {
        Self {
            method: "get",
            path,
            tag,
            summary: "",
            description: "",
            parameters: &[],
            body: Body::Nothing,
            answer: Answer::Json(schema),
            refusals: &[],
            besides: &[],
            guarded: false,
        }
    }

    /// `POST` of a photograph to a path.
    pub(crate) const fn post(path: &'static str, tag: &'static str, answer: Answer) -> Self {
        Self {
            method: "post",
            body: Body::Photograph,
            answer,
            refusals: Self::WORK,
            ..Self::get(path, tag, "")
        }
    }

    pub(crate) const fn about(mut self, summary: &'static str, description: &'static str) -> Self {
        self.summary = summary;
        self.description = description;
        self
    }

    pub(crate) const fn with(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    pub(crate) const fn taking(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    pub(crate) const fn giving(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    pub(crate) const fn refusing(mut self, refusals: &'static [Code]) -> Self {
        self.refusals = refusals;
        self
    }

    pub(crate) const fn refusing_besides(mut self, refusals: &'static [Code]) -> Self {
        self.besides = refusals;
        self
    }

    pub(crate) const fn guarded(mut self) -> Self {
        self.guarded = true;
        self
    }

    /// How work on an upload may be refused.
    const WORK: &'static [Code] = &[
        Code::BadParameter,
        Code::BadRequest,
        Code::Undecodable,
        Code::UploadTimeout,
        Code::TooLarge,
        Code::UnsupportedFormat,
        Code::UnsupportedEncoding,
        Code::MissingFile,
        Code::Busy,
        Code::Internal,
        Code::NotReady,
        Code::DeadlinePassed,
    ];

    /// How it may refuse.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = &'static Code> + Clone {
        self.refusals.iter().chain(self.besides)
    }

    /// Every status that it answers with.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = u16> {
        let refusals = self.refusals().map(|code| code.status());
        std::iter::once(200).chain(refusals)
    }
}
