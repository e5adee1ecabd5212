#!/usr/bin/env bash
# Installs the program as somebody would who has nothing of this project: with cargo into an empty home, and from the
# wheel into an empty Python environment. Each must answer from another folder.
#
#   xtask/src/release/installed.sh FOLDER [WHEEL]
#
# Started in the workspace's root. What needs an index of packages is skipped by name where none can be reached.
set -euo pipefail

folder=$(realpath "$1")
wheel=${2:+$(realpath "$2")}
photo=$PWD/docs/images/page.png
home=$(mktemp -d)
readonly folder wheel photo home
trap 'rm -rf "$home"' EXIT

fail() {
  echo "error: $*" >&2
  exit 1
}

# Nothing of this user or of the checks, only how to reach an index.
elsewhere() {
  (
    cd /
    unset ORT_DYLIB_PATH
    for name in ${!PET_@} ${!XDG_@} ${!MLFLOW_@}; do
      unset "$name"
    done
    HOME=$home "$@"
  )
}

# answers PROGRAM: it names a breed, by the model inside it.
answers() {
  local version
  version=$(elsewhere "$1" --version)
  [[ $version == *"model: built in: "* ]] || fail "another model than the one built in: $version"
  elsewhere "$1" predict "$photo" | grep --quiet '^Predicted class: ' || fail "\`$1\` does not answer"
}

# Where cargo and its toolchain keep their own files does not matter here.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
HOME=$home cargo install --quiet --locked --path crates/pet-cli --root "$folder/cargo" --no-track --force
program=$folder/cargo/bin/pet-cli
if complaint=$(elsewhere "$program" predict "$photo" 2>&1); then
  echo "skipped: whether the library is missed: the system has one" >&2
else
  [[ $complaint == *"ONNX Runtime was not found"*"hint: "*"pet-cli setup"* ]] || fail "unhelpful: $complaint"
fi
if said=$(elsewhere "$program" setup 2>&1); then
  [[ $said == *"$home/.local/share/pet-cli/onnxruntime/"* ]] || fail "setup has installed elsewhere: $said"
  answers "$program"
  echo "installed by cargo: it answers from another folder"
else
  [[ $said == *"cannot get "* ]] || fail "$said"
  echo "skipped: pet-cli setup in an empty home: no index of packages" >&2
fi

if [[ -z $wheel ]]; then
  echo "skipped: the wheel: there is none" >&2
  exit
fi
rm -rf "$home" && mkdir "$home" # as it was before `setup`
python3 -m venv --clear "$folder/python"
environment=$folder/python
if elsewhere "$environment/bin/python" -m pip install --quiet --only-binary=:all: "$wheel"; then
  answers "$environment/bin/pet-cli"
  elsewhere "$environment/bin/pet-cli" --version | grep --quiet "^ONNX Runtime: $environment/" \
    || fail "the library is not the environment's"
  echo "installed from the wheel: it answers without any setup"
else
  echo "skipped: the wheel in an empty environment: no index of packages" >&2
fi
