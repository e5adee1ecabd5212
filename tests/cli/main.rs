//! End-to-end tests of `pet-cli`: its output, exit status and files.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod anywhere;
mod bad_data;
mod bad_disk;
mod bad_images;
mod bad_model;
mod bad_store;
#[cfg(unix)]
mod changing_data;
mod collector;
mod corrections;
mod data_check;
mod evaluate;
mod explain;
mod fine_tune;
mod flood;
mod folds;
mod foreign;
mod health;
mod image_commands;
mod int8;
#[cfg(unix)]
mod interrupt;
mod journey;
mod learning_rate;
mod limits;
mod messages;
mod mistyped;
mod other_programs;
mod output;
#[cfg(unix)]
mod paused;
mod predict;
mod promote;
mod promote_precision;
mod refit;
mod registry;
mod resume;
mod running;
mod select;
mod serve;
mod sweep;
mod tables;
mod test_dir;
mod traces;
mod trained_split;
mod usage;
