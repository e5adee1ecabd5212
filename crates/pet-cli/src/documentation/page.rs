//! The page of the command line, out of clap's own knowledge.

use clap::{Arg, ArgAction, Command};

const HEAD: &str = "\
# The command line

Written by `cargo xtask docs` out of the program itself; `pet-cli COMMAND --help` says the same. Options with a variable
in brackets are also taken from that environment variable; the command line comes first.

Results go to the standard output, progress, notes and errors to the standard error. Exit status: 0 done, 1 the work
failed, 2 wrong usage.
";

/// What `cargo xtask walkthrough` has to know of the examples of a command; CONTRIBUTING.md describes it.
const WALKTHROUGH: [(&str, &str); 3] = [
    (
        "pet-cli train",
        r#" with="train --resume 0123456789abcdef0123456789abcdef=runs list""#,
    ),
    (
        "pet-cli runs",
        r#" with="2eb35f0c=$(run 0)" with="81d02ca1=$(run 1)""#,
    ),
    ("pet-cli serve", r#" serves="8000 9000""#),
];

/// The whole page.
pub(super) fn render(root: &Command) -> String {
    // Before it is built, an argument cannot say how it is written.
    let mut root = root.clone();
    root.build();
    let mut text = HEAD.to_owned();
    text.push_str("\nEvery command takes:\n\n");
    root.get_arguments()
        .filter(|argument| argument.is_global_set())
        .for_each(|argument| text.push_str(&line(argument)));
    for command in visible(&root) {
        section(command, "pet-cli", &mut text);
    }
    text
}

/// A command with those below it.
fn section(command: &Command, parent: &str, text: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    text.push_str(&format!("\n## {name}\n"));
    let about = command.get_long_about().or_else(|| command.get_about());
    for paragraph in about
        .map(ToString::to_string)
        .unwrap_or_default()
        .split("\n\n")
    {
        text.push_str(&format!("\n{}\n", sentence(paragraph)));
    }
    let usage = command.clone().bin_name(&name).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    text.push_str(&format!("\n```text\n{usage}\n```\n"));
    let arguments: Vec<_> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && !argument.is_global_set())
        .filter(|argument| {
            !matches!(
                argument.get_action(),
                ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort | ArgAction::Version
            )
        })
        .collect();
    if !arguments.is_empty() {
        text.push('\n');
    }
    for argument in arguments {
        text.push_str(&line(argument));
    }
    let examples = command.get_after_help().map(ToString::to_string);
    if let Some(examples) = examples {
        let (examples, rest) = examples.split_once("\n\n").unwrap_or((&examples, ""));
        let examples = examples.trim_start_matches("Examples:\n");
        let lines: Vec<_> = examples.lines().map(example).collect();
        let words = WALKTHROUGH.iter().find(|(command, _)| *command == name);
        let words = words.map_or("", |(_, words)| words);
        text.push_str(&format!("\n```sh{words}\n{}\n```\n", lines.join("\n")));
        if !rest.is_empty() {
            text.push_str(&format!("\n{}\n", rest.trim()));
        }
    }
    for below in visible(command) {
        section(below, &name, text);
    }
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

/// An argument as an item of a list.
fn line(argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string);
    let mut notes = Vec::new();
    if argument.get_action().takes_values() {
        let values = argument.get_possible_values();
        let values: Vec<_> = values
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        if !values.is_empty() {
            notes.push(format!("one of {}", values.join(", ")));
        }
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults
            .filter(|value| !value.is_empty())
            .map(|value| format!("`{}`", value.display()))
            .collect();
        if !defaults.is_empty() {
            notes.push(format!("default {}", defaults.join(" ")));
        }
    }
    let short = argument.get_short().map(|short| format!("`-{short}`, "));
    let variable = argument
        .get_env()
        .map(|name| format!(" [`{}`]", name.display()));
    let mut text = format!(
        "- {}`{argument}`{}",
        short.unwrap_or_default(),
        variable.unwrap_or_default()
    );
    text.push_str(&format!(": {}", help.unwrap_or_default()));
    if !notes.is_empty() {
        text.push_str(&format!(" ({})", notes.join("; ")));
    }
    text + "\n"
}

/// clap takes the full stop of a first paragraph away.
fn sentence(paragraph: &str) -> String {
    let paragraph = paragraph.trim();
    let end = if paragraph.ends_with(['.', ':', ';']) {
        ""
    } else {
        "."
    };
    format!("{paragraph}{end}")
}

/// A line of examples, its explanation as a comment.
fn example(line: &str) -> String {
    let line = line.trim();
    match line.split_once("  ") {
        Some((command, explanation)) => format!("{command}  # {}", explanation.trim()),
        None => line.to_owned(),
    }
}
