//! `cargo xtask walkthrough`: the documents, tried.

mod need;
pub(crate) mod page;
mod place;
// The bash of macOS is too old for the scripts.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod prelude_tests;
mod rule;
mod script;

use clap::Args;

use self::need::Need;
use self::page::Page;
use self::rule::Preparation;
use crate::error::Error;
use crate::report::{Outcome, Report};
use crate::setup;

/// Run every command in the documents, as a reader would
///
/// Each document becomes a script, which runs in a folder of its own below target/walkthrough/, with photographs drawn by
/// the program. Servers listen where the document says: ports 5000, 5001 and 8000 must be free. What the machine has not
/// got (an engine for containers, photographs, Java) is skipped by name.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask walkthrough
  cargo xtask walkthrough docs/tracking.md")]
pub(crate) struct Arguments {
    /// The documents [default: all that hold commands]
    #[arg(value_name = "PAGE")]
    pages: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let pages = chosen(page::all()?, &arguments.pages)?;
    setup::run(&setup::Arguments {})?;
    let mut report = Report::new("document");
    for page in &pages {
        report.step(&page.name, || walk(page));
    }
    report.finish()
}

/// The pages that are asked for.
fn chosen(pages: Vec<Page>, names: &[String]) -> Result<Vec<Page>, Error> {
    let known: Vec<_> = pages.iter().map(|page| page.name.clone()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        let message = format!("no commands in `{unknown}`; there are some in {known}");
        return Err(Error::Usage { message });
    }
    let wanted = |page: &Page| names.is_empty() || names.contains(&page.name);
    Ok(pages.into_iter().filter(wanted).collect())
}

fn walk(page: &Page) -> Result<Outcome, Error> {
    let needs = Preparation::of(&page.name).map_or(&[][..], |preparation| preparation.needs);
    if let Some(reason) = needs.iter().copied().find_map(Need::missing) {
        return Ok(Outcome::skipped(reason));
    }
    let script = script::of(page);
    place::run(&page.name, &script.text)?;
    let mut output = format!("{} commands", script.run);
    for skipped in script.skipped {
        eprintln!("skipped: {skipped}");
        output.push_str("; skipped ");
        output.push_str(&skipped);
    }
    Ok(Outcome::done(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_page_is_named() {
        let names = ["docs/none.md".to_owned()];
        let error = chosen(page::all().unwrap(), &names).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("no commands in `docs/none.md`; there are some in README.md")
        );
        assert_eq!(
            chosen(page::all().unwrap(), &["README.md".to_owned()])
                .unwrap()
                .len(),
            1
        );
    }
}
