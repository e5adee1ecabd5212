//! The commands in the documents' blocks for the shell.

use std::path::Path;

/// A command with all its lines, and where it stands.
pub(super) struct Command {
    pub(super) page: String,
    pub(super) text: String,
}

/// The commands of README, CONTRIBUTING and the pages of docs/.
pub(super) fn all(root: &Path) -> Vec<Command> {
    let pages = fs_err::read_dir(root.join("docs")).unwrap();
    let pages = pages.map(|page| page.unwrap().path());
    let named = ["README.md", "CONTRIBUTING.md"].map(|name| root.join(name));
    let pages = named.into_iter().chain(pages);
    let pages = pages.filter(|page| page.extension().is_some_and(|ending| ending == "md"));
    let commands = pages.flat_map(|page| {
        let text = fs_err::read_to_string(&page).unwrap();
        let page = page.strip_prefix(root).unwrap().display().to_string();
        let command = move |text| Command {
            page: page.clone(),
            text,
        };
        of(&text).into_iter().map(command)
    });
    commands.collect()
}

/// The commands in a page, without their comments.
fn of(page: &str) -> Vec<String> {
    let mut shell = false;
    let mut commands = Vec::new();
    let mut begun = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            shell = line == "```sh";
        } else if shell {
            begun.push_str(line.split(" # ").next().unwrap_or_default().trim_end());
            begun.push('\n');
            if !goes_on(&begun) {
                commands.push(std::mem::take(&mut begun).trim_end().to_owned());
            }
        }
    }
    assert!(begun.is_empty(), "a command breaks off: {begun}");
    commands.retain(|command| !command.is_empty() && !command.starts_with('#'));
    commands
}

/// Whether a shell would wait for another line.
fn goes_on(command: &str) -> bool {
    let open = command.matches('\'').count() % 2 == 1;
    open || command.trim_end().ends_with(['\\', '|'])
}

#[test]
fn commands_have_all_their_lines() {
    let page = "`a`\n```sh\na   # not b\nc \\\n  d\ne '{\n}' |\nf\n```\n```text\ng\n```\n";
    assert_eq!(of(page), ["a", "c \\\n  d", "e '{\n}' |\nf"]);
}
