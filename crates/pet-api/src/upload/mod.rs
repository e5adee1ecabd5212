//! Uploads: what arrives, bounded in size, in memory and in time. Nothing is written to disk.
//!
//! | extractor | gives |
//! |---|---|
//! | [`Deadline`] | when the request must be answered; first among a handler's arguments |
//! | [`Upload`] | one photograph: the multipart field `file`, or a raw image body |
//! | [`Uploads`] | several photographs: every multipart field `file`, or a raw image body |
//!
//! A handler with another kind of body reads it by [`read_body`].

mod body;
mod deadline;
mod extract;
mod file_name;
mod memory;
mod multipart;

pub(crate) use body::read_body;
pub(crate) use deadline::Deadline;
pub(crate) use extract::{Photograph, Upload, Uploads};
pub(crate) use file_name::attachment;
pub(crate) use memory::{Body, Memory};
