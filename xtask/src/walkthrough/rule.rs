//! What the runner has to be told of a command, and what a reader knows without being told.

use super::need::Need;

/// How a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To its end, which has to be good.
    Run,
    /// Beside those that follow, from when this address answers.
    Serve { address: &'static str },
    /// Not here: the file runs it, with these words.
    Elsewhere {
        file: &'static str,
        words: &'static str,
    },
}

/// How the commands that begin like this are run, and what the machine must have.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) start: &'static str,
    pub(super) way: Way,
    pub(super) need: Option<Need>,
}

impl Rule {
    /// The first that fits; a command without a rule is run to its end.
    pub(super) fn of(command: &str) -> &'static Self {
        let rule = RULES.iter().find(|rule| command.starts_with(rule.start));
        rule.unwrap_or(&PLAIN)
    }
}

static PLAIN: Rule = run("", None);

/// More particular ones first.
pub(super) static RULES: [Rule; 26] = [
    elsewhere("cargo xtask ci", ".ci/run", "cargo xtask ci"),
    // The step runs these tests as well; alone, other features would compile half of the libraries anew.
    elsewhere("cargo xtask test -p", CI, "(\"test\", every_test)"),
    run("cargo xtask test ", None),
    elsewhere("cargo xtask test", CI, "(\"test\", every_test)"),
    run(
        "cargo xtask pipeline --dataset oxford-iiit-pet",
        Some(Need::Photographs),
    ),
    run("cargo xtask pipeline --dataset folder", None),
    elsewhere(
        "cargo xtask pipeline",
        CI,
        "(\"pipeline\", sample_pipeline)",
    ),
    elsewhere(
        "cargo clippy --workspace",
        CI,
        "clippy --workspace --all-targets",
    ),
    elsewhere(
        "cargo clippy -p pet-cli",
        CI,
        "clippy -p pet-cli --no-default-features",
    ),
    run("cargo xtask docker", Some(Need::Docker)),
    serve("docker run ", SERVICE, Some(Need::Docker)),
    elsewhere(
        "docker compose ",
        "docker/stack-test.sh",
        "docker compose --file docker/compose.yaml",
    ),
    run("eval \"$(docker/stand-in-", Some(Need::StandIns)),
    elsewhere(
        "kubectl apply ",
        "docker/kubernetes/cluster-test.sh",
        "kubectl apply --filename docker/kubernetes/deployment.yaml",
    ),
    elsewhere("hf upload ", ".github/workflows/deploy.yml", "hf upload"),
    run("pet-cli evaluate --dataset", None),
    run("pet-cli evaluate breeds/", None),
    run("pet-cli evaluate", Some(Need::Photographs)),
    elsewhere("pet-cli train --resume", "tests/cli/resume.rs", "--resume"),
    serve("cargo run --release -p pet-cli -- serve", SERVICE, None),
    serve(
        "pet-cli serve --host 0.0.0.0 --port 9000",
        "http://127.0.0.1:9000/health/ready",
        None,
    ),
    serve("pet-cli serve", SERVICE, None),
    serve("mlflow server ", "http://127.0.0.1:5000/health", MLFLOW),
    serve("mlflow models serve ", "http://127.0.0.1:5001/ping", MLFLOW),
    run("import mlflow", MLFLOW),
    run(
        "import numpy, tritonclient",
        Some(Need::Environment("python-env")),
    ),
];

const CI: &str = "xtask/src/ci/mod.rs";
const SERVICE: &str = "http://127.0.0.1:8000/health/ready";
const MLFLOW: Option<Need> = Some(Need::Environment("mlflow-env"));

const fn run(start: &'static str, need: Option<Need>) -> Rule {
    Rule {
        start,
        way: Way::Run,
        need,
    }
}

const fn serve(start: &'static str, address: &'static str, need: Option<Need>) -> Rule {
    Rule {
        start,
        way: Way::Serve { address },
        need,
    }
}

const fn elsewhere(start: &'static str, file: &'static str, words: &'static str) -> Rule {
    Rule {
        start,
        way: Way::Elsewhere { file, words },
        need: None,
    }
}

/// What stands for something else in the documents, and what the script has in its place.
pub(super) const FILLED_IN: [(&str, &str); 5] = [
    // The committed model is not to be replaced, nor what is recorded in the root.
    (
        "cargo xtask pipeline --dataset oxford-iiit-pet [--data-dir DIR]",
        "MLFLOW_TRACKING_URI=sqlite:///$PWD/mlflow.db \
         cargo xtask pipeline --dataset oxford-iiit-pet --data-dir DIR --results results",
    ),
    (" DIR", " \"$PHOTOGRAPHS\""),
    // Fine-tuning on all photographs takes minutes, and a sweep hours.
    (
        "--data-dir ../oxford-iiit-pet",
        "--dataset folder --data-dir few",
    ),
    ("2eb35f0c", "\"$(run 0)\""),
    ("81d02ca1", "\"$(run 1)\""),
];

/// What must have been done before a document's commands.
#[derive(Debug)]
pub(super) struct Preparation {
    pub(super) page: &'static str,
    pub(super) script: &'static str,
    pub(super) needs: &'static [Need],
}

impl Preparation {
    pub(super) fn of(page: &str) -> Option<&'static Self> {
        PREPARATIONS
            .iter()
            .find(|preparation| preparation.page == page)
    }
}

pub(super) static PREPARATIONS: [Preparation; 3] = [
    Preparation {
        page: "docs/http-api.md",
        script: "serve http://127.0.0.1:8000/health/ready 'pet-cli serve'",
        needs: &[],
    },
    Preparation {
        page: "docs/scale-out.md",
        script: "",
        needs: &[Need::Java, Need::Photographs],
    },
    Preparation {
        page: "docs/tracking.md",
        script: "pet-cli train --dataset sample --epochs 2 --learning-rate 0.001 0.003",
        needs: &[Need::Environment("mlflow-env")],
    },
];

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;
    use crate::workspace;

    #[test]
    fn every_rule_is_of_use() {
        let pages = page::all().unwrap();
        let texts: Vec<_> = pages
            .iter()
            .flat_map(|page| page.commands.iter().map(|command| command.text.as_str()))
            .collect();
        for rule in &RULES {
            assert!(
                texts.iter().any(|text| std::ptr::eq(Rule::of(text), rule)),
                "no document has `{}`",
                rule.start
            );
        }
        for (words, _) in FILLED_IN {
            assert!(
                texts.iter().any(|text| text.contains(words)),
                "no document has `{words}`"
            );
        }
        for Preparation { page, .. } in &PREPARATIONS {
            assert!(
                pages.iter().any(|other| other.name == *page),
                "no commands in {page}"
            );
        }
    }

    #[test]
    fn what_is_run_elsewhere_is_there() {
        for rule in &RULES {
            if let Way::Elsewhere { file, words } = rule.way {
                let text = fs_err::read_to_string(workspace::root().join(file)).unwrap();
                assert!(text.contains(words), "{file} has no `{words}`");
            }
        }
    }
}
