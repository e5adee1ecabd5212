//! End-to-end tests of `pet-cli`: its output, exit status and files.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod anywhere;
mod bad_data;
mod bad_disk;
mod bad_images;
mod bad_store;
#[cfg(unix)]
mod changing_data;
mod corrections;
mod data_check;
mod evaluate;
mod image_commands;
mod installation;
mod int8;
mod journey;
mod limits;
mod messages;
mod pictures;
mod predict;
mod promote;
mod refit;
mod registry;
mod resume;
mod running;
mod serve;
mod sweep;
mod terminal;
mod test_dir;
mod traces;
mod train;
