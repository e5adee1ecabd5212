//! A document as a script for bash.

use std::fmt::Write;

use super::need::Need;
use super::page::{Command, Language, Page};
use super::rule::{FILLED_IN, Preparation, Rule, Way};
use crate::ci::python;
use crate::invocation::quoted;

/// The functions of every script.
pub(super) const PRELUDE: &str = include_str!("prelude.sh");

/// A script, and what it leaves out.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) run: usize,
    /// The commands that this machine cannot run, and why.
    pub(super) skipped: Vec<String>,
}

/// The script that runs a document's commands in their order.
pub(super) fn of(page: &Page) -> Script {
    let mut script = Script {
        text: PRELUDE.to_owned(),
        run: 0,
        skipped: Vec::new(),
    };
    script.push("prepare");
    if let Some(preparation) = Preparation::of(&page.name) {
        script.push(preparation.script);
    }
    for command in &page.commands {
        script.add(&format!("{}:{}", page.name, command.line), command);
    }
    script
}

impl Script {
    fn add(&mut self, place: &str, command: &Command) {
        let rule = Rule::of(&command.text);
        let (at, said) = (shell_word(place), shell_word(&command.text));
        if let Way::Elsewhere { file, .. } = rule.way {
            return self.push(&format!("skip {at} {said} 'run by {file}'"));
        }
        if let Some(reason) = rule.need.and_then(Need::missing) {
            let first = command.text.lines().next().unwrap_or_default();
            self.skipped.push(format!("{place}: `{first}`: {reason}"));
            return self.push(&format!("skip {at} {said} {}", shell_word(&reason)));
        }
        self.run += 1;
        self.push(&format!("\nat {at} {said}"));
        let text = filled_in(&command.text);
        match (rule.way, command.language) {
            (_, Language::Python) => {
                let program = shell_word(&interpreter(rule));
                self.push(&format!("{program} - <<'PYTHON'\n{text}\nPYTHON"));
            }
            (Way::Serve { address }, _) => {
                self.push(&format!("serve {address} {}", shell_word(&text)));
            }
            _ => self.push(&text),
        }
    }

    fn push(&mut self, lines: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{lines}");
    }
}

/// The Python that has what a command imports.
fn interpreter(rule: &Rule) -> String {
    let program = match rule.need {
        Some(Need::Environment(folder)) => python::usable(folder),
        _ => None,
    };
    program.map_or_else(
        || "python3".to_owned(),
        |program| program.display().to_string(),
    )
}

fn filled_in(command: &str) -> String {
    FILLED_IN
        .iter()
        .fold(command.to_owned(), |command, (words, text)| {
            command.replace(words, text)
        })
}

fn shell_word(text: &str) -> String {
    quoted(text.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        let command = Command {
            line: 7,
            language: Language::Shell,
            text: text.to_owned(),
        };
        let page = Page {
            name: "docs/x.md".to_owned(),
            commands: vec![command],
        };
        let mut script = of(&page);
        let functions = format!("{PRELUDE}prepare\n");
        script.text = script.text.strip_prefix(&functions).unwrap().to_owned();
        script
    }

    #[test]
    fn commands_are_run_as_they_stand() {
        let text = script("pet-cli predict photo.jpg").text;
        assert_eq!(
            text,
            "\nat docs/x.md:7 'pet-cli predict photo.jpg'\npet-cli predict photo.jpg\n"
        );
    }

    #[test]
    fn servers_run_beside_the_others() {
        let text = script("pet-cli serve --results x").text;
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "serve http://127.0.0.1:8000/health/ready 'pet-cli serve --results x'"
        );
    }

    #[test]
    fn what_runs_elsewhere_is_not_run_here() {
        let script = script("cargo xtask ci");
        assert_eq!(script.run, 0);
        assert_eq!(
            script.text,
            "skip docs/x.md:7 'cargo xtask ci' 'run by .ci/run'\n"
        );
    }

    #[test]
    fn placeholders_are_filled_in() {
        let text = filled_in("cargo xtask pipeline --dataset oxford-iiit-pet [--data-dir DIR]");
        assert!(
            text.ends_with("--data-dir \"$PHOTOGRAPHS\" --results results"),
            "{text}"
        );
        assert_eq!(
            filled_in("pet-cli runs show 2eb35f0c"),
            "pet-cli runs show \"$(run 0)\""
        );
    }
}
