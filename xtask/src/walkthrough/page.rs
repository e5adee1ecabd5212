//! The commands of a document.

use std::path::Path;

use crate::error::Error;
use crate::workspace;

/// The documents with commands, beside those in docs/, in the order in which one reads them.
const NAMED: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

/// A document, and what it tells its reader to run.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// As one would write it in the root.
    pub(super) name: String,
    pub(super) commands: Vec<Command>,
}

/// A command with all its lines.
#[derive(Debug, PartialEq)]
pub(super) struct Command {
    /// The line of the document where it begins, from 1.
    pub(super) line: usize,
    pub(super) language: Language,
    pub(super) text: String,
}

/// What reads a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Shell,
    Python,
}

/// The documents that hold commands.
pub(super) fn all() -> Result<Vec<Page>, Error> {
    let pages: Result<Vec<_>, Error> = names()?
        .into_iter()
        .map(|name| read(workspace::root(), name))
        .collect();
    let with_commands = |page: &Page| !page.commands.is_empty();
    Ok(pages?.into_iter().filter(with_commands).collect())
}

/// Every document, as one would write it in the root.
pub(crate) fn names() -> Result<Vec<String>, Error> {
    let pages = workspace::files("docs", "md")?;
    let [first, last] = NAMED.map(str::to_owned);
    let pages = pages.iter().map(|page| workspace::shown(page));
    Ok(std::iter::once(first).chain(pages).chain([last]).collect())
}

fn read(root: &Path, name: String) -> Result<Page, Error> {
    let commands = commands(&fs_err::read_to_string(root.join(&name))?);
    Ok(Page { name, commands })
}

/// The commands in the blocks for the shell and for Python, without their comments.
fn commands(text: &str) -> Vec<Command> {
    let mut language = None;
    let mut commands: Vec<Command> = Vec::new();
    let mut begun = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(fence) = line.strip_prefix("```") {
            language = of_fence(fence);
            begun = false;
            continue;
        }
        let Some(language) = language else { continue };
        let line = without_comment(line, language);
        match commands.last_mut() {
            Some(command) if begun => {
                command.text.push('\n');
                command.text.push_str(line);
            }
            _ if line.is_empty() => continue,
            _ => commands.push(Command {
                line: index + 1,
                language,
                text: line.to_owned(),
            }),
        }
        begun = commands.last().is_some_and(Command::goes_on);
    }
    commands
}

fn of_fence(fence: &str) -> Option<Language> {
    match fence {
        "sh" => Some(Language::Shell),
        "python" => Some(Language::Python),
        _ => None,
    }
}

fn without_comment(line: &str, language: Language) -> &str {
    match language {
        Language::Shell if line.starts_with('#') => "",
        Language::Shell => line.split(" # ").next().unwrap_or_default().trim_end(),
        Language::Python => line,
    }
}

impl Command {
    /// Whether more lines belong to it: a whole block of Python, or what a shell would wait for.
    fn goes_on(&self) -> bool {
        let open = self.text.matches('\'').count() % 2 == 1;
        let continued = self.text.ends_with(['\\', '|']);
        self.language == Language::Python || open || continued
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_all_their_lines() {
        let page = "`a`\n```sh\na   # not b\n\n# c\nd \\\n  e\nf '{\n}' |\ng\n```\n```text\nh\n```\n\
                    ```python\nimport i\n\ni.j()\n```\n```sh\nk\n```\n";
        let found: Vec<_> = commands(page)
            .into_iter()
            .map(|command| (command.line, command.text))
            .collect();
        let expected = [
            (3, "a"),
            (6, "d \\\n  e"),
            (8, "f '{\n}' |\ng"),
            (16, "import i\n\ni.j()"),
            (21, "k"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn the_documents_have_commands() {
        let pages = all().unwrap();
        let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
        assert_eq!((names[0], *names.last().unwrap()), (NAMED[0], NAMED[1]));
        assert!(names.contains(&"docs/deployment.md"), "{names:?}");
    }
}
