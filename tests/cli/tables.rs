//! Tables in a terminal of 80 columns.

use crate::data_check::{png, scene};
use crate::output::Output;
use crate::promote::colours;
use crate::test_dir::TestDir;

const DATA: &str = "photographs_of_pets_in_several_colours";

/// A model with versions that cannot be compared, trained on data sets with long names.
fn dir() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    let others = "others_that_were_photographed_later";
    colours(&dir, others, 9);
    colours(&dir, DATA, 10);
    for (data, option) in
        [(others, ""), (DATA, "--seed 7"), (DATA, "--recipe stretch:64"), (DATA, "")]
    {
        dir.run(&format!(
            "train --backbone backbone.safetensors --dataset folder --data-dir {data} --model-name pets --epochs 1 {option}"
        ))
        .ok();
    }
    dir.run("models alias pets the_best_version_until_now 3").ok();
    Some(dir)
}

/// The table with this heading.
fn table<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let from_heading = |line: &&str| !line.trim_start().starts_with(heading);
    let lines = text.lines().skip_while(from_heading);
    lines.take_while(|line| !line.is_empty()).collect()
}

fn widest(table: &[&str]) -> usize {
    let widths = table.iter().map(|line| line.chars().count());
    widths.max().unwrap()
}

#[test]
fn tables_are_wrapped_to_the_width_of_the_terminal() {
    let Some(dir) = dir() else { return };
    dir.write(&format!("{DATA}/train/Red/cut.png"), &png(&scene(1))[..1000]);
    let long = format!("{DATA}/train/Red/{}.png", "7".repeat(70));
    dir.write(&long, png(&scene(2)));
    dir.write(&format!("{DATA}/test/Blue/copy.png"), png(&scene(2)));
    let check = format!("data check {DATA} --fail-on never");
    for (command, heading) in [
        ("select", "rank"),
        ("select", "version  excluded"),
        ("runs list", "run"),
        ("models show pets", "version"),
        (&check, "reason"),
        (&check, "alike"),
    ] {
        let whole = dir.run(command).ok();
        let whole = table(&whole, heading);
        let narrow = Output::of(dir.command(command).env("COLUMNS", "80")).ok();
        let narrow = table(&narrow, heading);
        assert!(widest(&whole) > 80, "{command}: {whole:#?}");
        assert!(widest(&narrow) <= 80, "{command}: {narrow:#?}");
        assert!(narrow.len() > whole.len(), "{command}: {narrow:#?}");
        // Nothing is left out.
        let letters = |table: &[&str]| {
            let mut letters: Vec<char> = table.concat().chars().collect();
            letters.retain(|letter| !letter.is_whitespace());
            letters.sort_unstable();
            letters
        };
        assert_eq!(letters(&narrow), letters(&whole), "{command}: {narrow:#?}");
    }
}

#[test]
fn the_table_of_a_promotion_fits_a_terminal() {
    let Some(dir) = dir() else { return };
    dir.run("models alias pets champion 3").ok();
    let promote =
        format!("promote --version 4 --dataset folder --data-dir {DATA} --split test --dry-run");
    let output = Output::of(dir.command(&promote).env("COLUMNS", "80"));
    let table = table(&output.stdout, "check");
    assert!(table.len() > 5, "{output:?}");
    assert!(widest(&table) <= 80, "{table:#?}");
}
