//! Code fences with commands.
//!
//! `sh` and `python` fences are run as their notes say, which CONTRIBUTING.md describes. `<!--sh` … `-->` is a hidden
//! fence.

use std::fmt::Write as _;

use crate::ci::python;
use crate::error::Error;
use crate::invocation::quoted;

/// Notes of the form `NAME=VALUE` after the language.
const NOTES: [&str; 5] = ["needs", "serves", "with", "instead", "skip"];

#[derive(Debug, PartialEq)]
pub(crate) struct Fence {
    /// Document and line of its start.
    pub(super) location: String,
    is_python: bool,
    pub(super) commands: Vec<String>,
    notes: Vec<(String, String)>,
}

/// The fences of a document.
pub(crate) fn all(page: &str, text: &str) -> Result<Vec<Fence>, Error> {
    let mut fences = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let (info, end) = match (line.strip_prefix("```"), line.strip_prefix("<!--")) {
            (Some(info), _) => (info, "```"),
            (_, Some(info)) if !line.contains("-->") => (info, "-->"),
            _ => continue,
        };
        let body = lines.by_ref().map(|(_, line)| line);
        let body: Vec<_> = body.take_while(|line| *line != end).collect();
        fences.extend(Fence::read(format!("{page}:{}", index + 1), info, &body)?);
    }
    Ok(fences)
}

impl Fence {
    /// `None` for other languages.
    fn read(location: String, info: &str, body: &[&str]) -> Result<Option<Self>, Error> {
        let wrong =
            || Error::usage(format!("{location}: expected {}, got `{info}`", NOTES.join("=…, ")));
        let mut words = shlex::split(info).ok_or_else(wrong)?.into_iter();
        let (is_python, commands) = match words.next().as_deref() {
            Some("sh") => (false, commands(body)),
            Some("python") => (true, vec![body.join("\n")]),
            _ => return Ok(None),
        };
        let note = |word: String| {
            let (name, value) = word.split_once('=').ok_or_else(wrong)?;
            let is_known = NOTES.contains(&name) && (name != "with" || value.contains('='));
            is_known.then(|| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
        };
        let notes = words.map(note).collect::<Result<_, Error>>()?;
        Ok(Some(Self { location, is_python, commands, notes }))
    }

    /// The values of all notes of this name.
    fn notes(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.notes.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_str())
    }

    /// What this machine must have.
    pub(super) fn needs(&self) -> impl Iterator<Item = &str> {
        self.notes("needs").flat_map(|needs| needs.split(' '))
    }

    /// Why it is not run here.
    pub(super) fn skip(&self) -> Option<&str> {
        self.notes("skip").next()
    }

    /// The bash script that runs it, or reports why it is skipped.
    pub(super) fn script(&self, obstacle: Option<&str>) -> String {
        let location = quoted(self.location.as_ref());
        let reason = obstacle.or(self.skip());
        let serves = self.notes("serves").next().filter(|_| reason.is_none());
        let mut script = serves.map_or_else(String::new, |ports| format!("serves {ports}\n"));
        let instead: Vec<_> = self.notes("instead").map(str::to_owned).collect();
        let commands = if instead.is_empty() { &self.commands } else { &instead };
        for command in commands {
            let command = self.resolved(command);
            let word = quoted(command.as_ref());
            // Writing to a string does not fail.
            let _ = match (reason, serves) {
                (Some(reason), _) => {
                    writeln!(script, "skip {location} {word} {}", quoted(reason.as_ref()))
                }
                (None, Some(_)) => writeln!(script, "show {location} {word}\nbackground {word}"),
                (None, None) => writeln!(script, "show {location} {word}\n{command}"),
            };
        }
        script + serves.map_or("", |_| "serves\n")
    }

    /// A command for bash, with placeholders replaced.
    fn resolved(&self, command: &str) -> String {
        let pairs = self.notes("with").filter_map(|pair| pair.split_once('='));
        let command =
            pairs.fold(command.to_owned(), |command, (word, text)| command.replace(word, text));
        if !self.is_python {
            return command;
        }
        let program = self.needs().find_map(python::usable);
        let program =
            program.map_or_else(|| "python3".to_owned(), |program| quoted(program.as_ref()));
        format!("{program} - <<'PYTHON'\n{command}\nPYTHON")
    }
}

/// Splits a block into commands, which may have several lines.
fn commands(body: &[&str]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut continues = false;
    for line in body {
        match commands.last_mut() {
            Some(command) if continues => *command = format!("{command}\n{line}"),
            _ if line.is_empty() || line.starts_with('#') => continue,
            _ => commands.push((*line).to_owned()),
        }
        let command = commands.last().map_or("", String::as_str);
        continues = command.matches('\'').count() % 2 == 1 || command.ends_with(['\\', '|']);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> String {
        let fences = all("p.md", text).unwrap();
        fences.iter().map(|fence| fence.script(None)).collect()
    }

    #[test]
    fn commands_can_have_several_lines() {
        let page = "`a`\n```sh\na   # not b\n\n# c\nd \\\n  e\nf '{\n}' |\ng\n```\n```text\nh\n```\n\
                    ```python\nimport i\n\ni.j()\n```\n<!-- k -->\n<!--sh\nl\n-->\n";
        let fences = all("p.md", page).unwrap();
        let found: Vec<_> =
            fences.iter().map(|fence| (fence.location.as_str(), fence.commands.concat())).collect();
        let shell = "a   # not bd \\\n  ef '{\n}' |\ng".to_owned();
        let expected =
            [("p.md:2", shell), ("p.md:15", "import i\n\ni.j()".into()), ("p.md:21", "l".into())];
        assert_eq!(found, expected);
    }

    #[test]
    fn notes_change_how_a_fence_is_run() {
        let shown = "show p.md:1 'a b'\n";
        for (block, lines) in [
            ("sh\na b\nc", "a b\nshow p.md:1 c\nc\n"),
            ("sh instead=\"a b\"\nc", "a b\n"),
            ("sh with=\"c=a b\"\nc", "a b\n"),
        ] {
            let block = format!("```{block}\n```");
            assert_eq!(script(&block), format!("{shown}{lines}"));
        }
        let served = format!("serves 80 90\n{shown}background 'a b'\nserves\n");
        assert_eq!(script("```sh serves=\"80 90\"\na b\n```"), served);
        let skipped = "skip p.md:1 a 'run by x'\n";
        assert_eq!(script("```sh skip=\"run by x\"\na\n```"), skipped);
        let python = "\npython3 - <<'PYTHON'\na\nPYTHON\n";
        assert!(script("```python\na\n```").ends_with(python));
        let fence = &all("p.md", "```sh needs=docker serves=80\na\n```").unwrap()[0];
        assert_eq!(fence.needs().collect::<Vec<_>>(), ["docker"]);
        assert_eq!(fence.script(Some("none")), "skip p.md:1 a none\n");
    }

    #[test]
    fn invalid_notes_are_errors() {
        for info in ["sh serve=80", "sh with=a", "sh skip=\"a"] {
            let error = all("p.md", &format!("```{info}\na\n```")).unwrap_err();
            assert!(error.to_string().starts_with("p.md:1: "), "{error}");
        }
    }
}
