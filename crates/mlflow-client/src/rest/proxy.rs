//! Artifacts behind the server's proxy (`mlflow-artifacts:`).

use super::request::Request;
use super::transport::Transport;
use crate::artifact::{ArtifactFile, ArtifactRepository, Content, join};
use crate::error::{Error, Result};
use crate::limits::check_path;
use crate::location::{PATH, public};
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use std::io::Read;
use std::sync::Arc;

const SERVICE: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// The artifacts below one `mlflow-artifacts:` URI.
pub(super) struct ProxyArtifacts {
    transport: Arc<Transport>,
    /// Path of the root within the service, without `/` at its ends.
    root: String,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    #[serde(default)]
    is_dir: bool,
    /// Absent when it is 0.
    #[serde(default)]
    file_size: u64,
}

impl ProxyArtifacts {
    pub(super) fn new(transport: Arc<Transport>, uri: &str) -> Result<Self> {
        let root = root(uri, transport.authority())?;
        Ok(Self { transport, root })
    }

    fn path(&self, path: &str) -> String {
        let whole = join(&self.root, path);
        format!("{SERVICE}/{}", utf8_percent_encode(&whole, PATH))
    }
}

/// `mlflow-artifacts:/1/RUN/artifacts` → `1/RUN/artifacts`. A URI that names another host is
/// refused: the credentials of this server are not for that one.
fn root(uri: &str, authority: &str) -> Result<String> {
    let refuse = |expected| Error::ArtifactUri { uri: public(uri), expected };
    let rest = uri.strip_prefix("mlflow-artifacts:").unwrap_or(uri);
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(named) => {
            let (host, path) = named.split_once('/').unwrap_or((named, ""));
            if !host.is_empty() && host != authority {
                return Err(refuse("artifacts on the tracking server itself"));
            }
            path
        }
    };
    let decoded = percent_decode_str(path.trim_matches('/')).decode_utf8();
    let root = decoded.map_err(|_| refuse("a valid Unicode path"))?.into_owned();
    if !root.is_empty() {
        check_path(&root)?;
    }
    Ok(root)
}

impl ArtifactRepository for ProxyArtifacts {
    fn upload(&self, path: &str, content: Content<'_>) -> Result<()> {
        let request = Request::put(self.path(path), content, media_type(path));
        self.transport.send(&request).map(|_| ())
    }

    fn list(&self, folder: &str) -> Result<Vec<ArtifactFile>> {
        let whole = join(&self.root, folder);
        let request = Request::get_path(SERVICE).query("path", whole.trim_end_matches('/'));
        // Paths in the listing are relative to the requested folder.
        let file = |entry: Entry| ArtifactFile {
            path: join(folder, &entry.path),
            size: (!entry.is_dir).then_some(entry.file_size),
            is_folder: entry.is_dir,
        };
        match self.transport.fetch_page(&request.about("artifact", folder), "files") {
            Ok(listing) => Ok(listing.items.into_iter().map(file).collect()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read>> {
        let request = Request::get_path(&self.path(path)).about("artifact", path);
        Ok(Box::new(self.transport.send(&request)?.into_body().into_reader()))
    }
}

/// The type by which a browser shows an artifact.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("svg") => "image/svg+xml",
        Some("txt" | "md" | "yaml" | "yml" | "csv") => "text/plain",
        Some("html") => "text/html",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots() {
        let at = |uri| root(uri, "host:5000").unwrap();
        assert_eq!(at("mlflow-artifacts:/1/abc/artifacts"), "1/abc/artifacts");
        assert_eq!(at("mlflow-artifacts:///1/a%20b/"), "1/a b");
        assert_eq!(at("mlflow-artifacts://host:5000/1"), "1");
        assert_eq!(at("mlflow-artifacts:/"), "");
    }

    #[test]
    fn other_hosts_and_ways_upwards_are_refused() {
        let elsewhere = root("mlflow-artifacts://elsewhere/1", "host:5000").unwrap_err();
        assert!(matches!(elsewhere, Error::ArtifactUri { .. }));
        assert!(root("mlflow-artifacts:/1/../2", "host").is_err());
        assert!(root("mlflow-artifacts:/1/%2e%2e/2", "host").is_err());
    }
}
