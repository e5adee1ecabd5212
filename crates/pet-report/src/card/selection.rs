//! The section on the selection of the version.

use pet_model::Selection;

use super::markdown::{code, code_cell, decimal, percent, table, text};

pub(super) fn section(selection: &Selection) -> String {
    let rows = selection.candidates.iter().enumerate().map(|(index, candidate)| {
        vec![
            (index + 1).to_string(),
            text(&candidate.version),
            code_cell(&candidate.run_name),
            percent(candidate.val_acc),
            candidate.val_loss.map_or_else(|| "–".into(), decimal),
            text(&candidate.reason),
        ]
    });
    let head = [">rank", ">version", "run", ">validation accuracy", ">validation loss", "reason"];
    let alias = match selection.alias.as_str() {
        "" => String::new(),
        alias => format!(", alias {}", code(alias)),
    };
    let mut section = format!(
        "## Selection\n\nVersion {} was selected (run {}{alias}). Rule: {}.\n\n{}\n\
         The validation images were used for this selection, so metrics on them are slightly too good.\n",
        text(&selection.version),
        code(&selection.run_id),
        text(selection.rule.trim_end_matches('.')),
        table(&head, rows),
    );
    if !selection.excluded.is_empty() {
        section.push_str("\nNot ranked:\n\n");
        section.extend(
            selection.excluded.iter().map(|(version, reason)| {
                format!("- version {}: {}\n", text(version), text(reason))
            }),
        );
    }
    section
}
