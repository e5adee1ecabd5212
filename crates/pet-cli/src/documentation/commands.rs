//! The commands in documents.

use std::path::{Path, PathBuf};

/// What a shell takes as the end of a command.
const ENDS: [&str; 8] = ["|", "||", "&&", ";", ">", "<", "&", "#"];

/// README, CONTRIBUTING and the pages of docs/.
#[expect(clippy::unwrap_used, reason = "only tests read the documents")]
pub(super) fn documents(root: &Path) -> Vec<PathBuf> {
    let pages = fs_err::read_dir(root.join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let named = ["README.md", "CONTRIBUTING.md"].map(|name| root.join(name));
    let files = named.into_iter().chain(pages);
    files
        .filter(|file| file.extension().is_some_and(|ending| ending == "md"))
        .collect()
}

/// The calls of `pet-cli` in the blocks of shell commands, split into words.
pub(super) fn of(text: &str) -> Vec<Vec<String>> {
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

/// The words of each call in a line of words.
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
            // Only variables may stand before a program.
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

/// The words of a line, as a shell would split it as far as documents need.
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
    // The rest is a comment.
    let end = words.iter().position(|word| word.starts_with('#'));
    words.truncate(end.unwrap_or(words.len()));
    words
}

#[test]
fn calls_are_found_in_blocks_only() {
    let text = "`pet-cli fly`\n```text\npet-cli swim\n```\n\n```sh\ncargo run --release -p pet-cli -- predict a.jpg\n\
                A=b target/release/pet-cli runs \\\n  --json | jq . # pet-cli dig\ncargo build -p pet-cli\n\
                pet-cli runs list --filter 'metrics.val_acc > 0.9' && pet-cli select\n```\n";
    let expected = [
        "pet-cli predict a.jpg",
        "pet-cli runs --json",
        "pet-cli runs list --filter metrics.val_acc > 0.9",
        "pet-cli select",
    ];
    let found: Vec<_> = of(text).iter().map(|words| words.join(" ")).collect();
    assert_eq!(found, expected);
}
