//! Every command in the documents is run: `curl` here against the service, the others where their rule says.

mod commands;
mod curl;
mod rules;
