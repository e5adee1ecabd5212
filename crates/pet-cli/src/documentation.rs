//! Generates docs/command-line.md from clap, and checks that clap accepts all commands in the documents.

#![expect(
    clippy::format_push_string,
    reason = "a page of some kilobytes, made once in a test"
)]

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, CommandFactory, Parser};

use crate::command::Arguments;

/// Set to 1 by `cargo xtask docs` to write the page.
const UPDATE: &str = "PET_UPDATE_DOCS";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_command_line_page_is_current() {
    let file = root().join("docs/command-line.md");
    let page = render(&Arguments::command());
    if std::env::var_os(UPDATE).is_some_and(|set| set == "1") {
        // Replaced atomically, because another test may be reading it.
        let new = file.with_extension("md.new");
        fs_err::write(&new, &page).unwrap();
        fs_err::rename(&new, &file).unwrap();
    }
    let written = fs_err::read_to_string(&file).unwrap_or_default();
    let stale = page
        .lines()
        .zip(written.lines())
        .find(|(one, other)| one != other);
    assert!(
        page == written,
        "docs/command-line.md is not current: {stale:?}; run `cargo xtask docs`"
    );
}

#[test]
fn commands_in_documents_are_valid() {
    let mut found = 0;
    for file in documents(&root()) {
        let text = fs_err::read_to_string(&file).unwrap();
        for line in commands_of(&text) {
            found += 1;
            if let Err(error) = Arguments::try_parse_from(&line) {
                let shown = matches!(error.exit_code(), 0);
                assert!(shown, "{}: `{}`\n{error}", file.display(), line.join(" "));
            }
        }
    }
    assert!(found > 10, "{found} commands in the documents");
}

#[test]
fn every_error_of_the_service_is_in_troubleshooting() {
    let text = fs_err::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    for code in pet_api::Code::ALL {
        let heading = format!("\n### `{}` ({})\n", code.name(), code.status());
        assert!(text.contains(&heading), "no {heading:?}");
    }
}

const HEAD: &str = "\
# The command line

Written by `cargo xtask docs` out of the program itself; `pet-cli COMMAND --help` says the same. Options with a variable
in brackets are also taken from that environment variable; the command line comes first.

Results go to the standard output, progress, notes and errors to the standard error. Exit status: 0 done, 1 the work
failed, 2 wrong usage.
";

/// Notes for `cargo xtask walkthrough` on the examples of a command; see CONTRIBUTING.md.
const WALKTHROUGH: [(&str, &str); 6] = [
    ("pet-cli promote", r#" skip="tests/cli promotes each way""#),
    (
        "pet-cli export",
        r#" skip="tests/cli and tests/parity export each way""#,
    ),
    (
        "pet-cli train",
        concat!(
            r#" with="train --resume 0123456789abcdef0123456789abcdef=runs list""#,
            r#" with="train --refit 0123456789abcdef0123456789abcdef=runs list""#,
        ),
    ),
    (
        "pet-cli runs",
        r#" with="2eb35f0c=$(run 0)" with="81d02ca1=$(run 1)""#,
    ),
    ("pet-cli evaluate", r#" with="other-pictures/=photos/""#),
    ("pet-cli serve", r#" serves="8000 9000""#),
];

fn render(root: &Command) -> String {
    // Arguments can be formatted only after `build`.
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

/// A command and its subcommands.
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

/// An argument as a list item.
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

/// Adds the full stop that clap removes from a first paragraph.
fn sentence(paragraph: &str) -> String {
    let paragraph = paragraph.trim();
    let end = if paragraph.ends_with(['.', ':', ';']) {
        ""
    } else {
        "."
    };
    format!("{paragraph}{end}")
}

/// A line of examples, with its explanation as a comment.
fn example(line: &str) -> String {
    let line = line.trim();
    match line.split_once("  ") {
        Some((command, explanation)) => format!("{command}  # {}", explanation.trim()),
        None => line.to_owned(),
    }
}

/// Words that end a command in a shell.
const ENDS: [&str; 8] = ["|", "||", "&&", ";", ">", "<", "&", "#"];

/// README, CONTRIBUTING and the pages of docs/.
#[expect(clippy::unwrap_used, reason = "only tests read the documents")]
fn documents(root: &Path) -> Vec<PathBuf> {
    let pages = fs_err::read_dir(root.join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let named = ["README.md", "CONTRIBUTING.md"].map(|name| root.join(name));
    let files = named.into_iter().chain(pages);
    files
        .filter(|file| file.extension().is_some_and(|ending| ending == "md"))
        .collect()
}

/// The calls of `pet-cli` in code fences, split into words.
fn commands_of(text: &str) -> Vec<Vec<String>> {
    let mut block = false;
    let mut commands = Vec::new();
    let mut joined = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            block = !block && matches!(line.trim(), "```sh" | "```bash" | "```console");
            continue;
        }
        if !block {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            joined.push_str(begun);
            continue;
        }
        joined.push_str(line);
        commands.extend(calls(&words(&joined)));
        joined.clear();
    }
    commands
}

/// The calls in a line.
fn calls(words: &[String]) -> Vec<Vec<String>> {
    let commands = words.split(|word| ENDS.contains(&word.as_str()));
    let calls = commands.filter_map(|words| {
        let program = words
            .iter()
            .position(|word| word == "pet-cli" || word.ends_with("/pet-cli"))?;
        let before = words.get(..program)?;
        let rest = words.get(program + 1..)?;
        match before.first().map(String::as_str) {
            Some("cargo") if before.iter().any(|word| word == "run") => {
                let start = rest.iter().position(|word| word == "--")? + 1;
                Some(called(rest.get(start..)?))
            }
            // Only variables can precede a program.
            _ if before.iter().all(|word| word.contains('=')) => Some(called(rest)),
            _ => None,
        }
    });
    calls.collect()
}

fn called(arguments: &[String]) -> Vec<String> {
    let program = "pet-cli".to_owned();
    std::iter::once(program)
        .chain(arguments.iter().cloned())
        .collect()
}

/// Splits a line like a shell, as far as the documents need it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in line.chars() {
        match quote {
            Some(end) if character == end => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if character.is_whitespace() => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            }
            Some(_) | None => word.push(character),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    let end = words.iter().position(|word| word.starts_with('#'));
    words.truncate(end.unwrap_or(words.len()));
    words
}

#[test]
fn calls_are_found_only_in_code_fences() {
    let text = "`pet-cli fly`\n```text\npet-cli swim\n```\n\n```sh\ncargo run --release -p pet-cli -- predict a.jpg\n\
                A=b target/release/pet-cli runs \\\n  --json | jq . # pet-cli dig\ncargo build -p pet-cli\n\
                pet-cli runs list --filter 'metrics.val_acc > 0.9' && pet-cli select\n```\n";
    let expected = [
        "pet-cli predict a.jpg",
        "pet-cli runs --json",
        "pet-cli runs list --filter metrics.val_acc > 0.9",
        "pet-cli select",
    ];
    let found: Vec<_> = commands_of(text)
        .iter()
        .map(|words| words.join(" "))
        .collect();
    assert_eq!(found, expected);
}
