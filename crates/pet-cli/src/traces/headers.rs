//! Headers for the collector, in the format of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`.

use std::fmt::{self, Debug};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use ureq::http::{HeaderName, HeaderValue};

/// Names and values of headers. The values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromStr for Headers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        pairs.map(header).collect::<Result<_, _>>().map(Self)
    }
}

/// Parses a header with a percent-encoded value. Errors don't contain the value.
fn header(pair: &str) -> Result<(String, String), String> {
    let (name, value) = pair.split_once('=').ok_or("expected name=value,name=value")?;
    let name = name.trim();
    name.parse::<HeaderName>().map_err(|_| format!("`{name}` is not a valid header name"))?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok();
    let value = value.filter(|value| value.parse::<HeaderValue>().is_ok());
    let value = value.ok_or_else(|| format!("the value of `{name}` cannot be sent"))?;
    Ok((name.to_owned(), value.into_owned()))
}

impl Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn values_can_be_percent_encoded() {
        let headers: Headers =
            "x-mlflow-experiment-id=0, authorization=Basic%20cGV0==,".parse().unwrap();
        let pairs: Vec<_> = headers.iter().collect();
        let expected = [("x-mlflow-experiment-id", "0"), ("authorization", "Basic cGV0==")];
        assert_eq!(pairs, expected);
        assert!(!format!("{headers:?}").contains("cGV0"));
        assert_eq!("".parse(), Ok(Headers::default()));
    }

    #[test]
    fn errors_do_not_contain_values() {
        for bad in ["secret", "a b=secret", "a=secret%0A", "a=secret%ff"] {
            let refusal = bad.parse::<Headers>().unwrap_err();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}
