//! The results folder is complete, consistent and fit to be served.

mod checker;
mod figures;
mod files;
mod model;
