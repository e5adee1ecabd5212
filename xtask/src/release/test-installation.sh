#!/usr/bin/env bash
# Installs the program on an otherwise empty machine: with cargo into an empty home, and from the wheel into an empty
# Python environment. Each must predict from another folder.
#
#   xtask/src/release/test-installation.sh FOLDER [WHEEL]
#
# Run it in the workspace's root. Parts that need a package index are skipped and reported without one.
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

# Runs a command in another folder, without configuration except for the package index.
isolated() {
  (
    cd /
    unset ORT_DYLIB_PATH
    for name in ${!PET_@} ${!XDG_@} ${!MLFLOW_@}; do
      unset "$name"
    done
    HOME=$home "$@"
  )
}

# predicts PROGRAM: with the built-in model.
predicts() {
  local version
  version=$(isolated "$1" --version)
  [[ $version == *"model: built in: "* ]] || fail "another model than the one built in: $version"
  isolated "$1" predict "$photo" | grep --quiet '^Predicted class: ' || fail "\`$1\` does not answer"
}

# cargo and its toolchain stay where they are.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
HOME=$home cargo install --quiet --locked --path crates/pet-cli --root "$folder/cargo" --no-track --force
program=$folder/cargo/bin/pet-cli
if output=$(isolated "$program" predict "$photo" 2>&1); then
  echo "skipped: whether the library is missed: the system has one" >&2
else
  [[ $output == *"ONNX Runtime was not found"*"hint: "*"pet-cli setup"* ]] || fail "unhelpful: $output"
fi
if output=$(isolated "$program" setup 2>&1); then
  [[ $output == *"$home/.local/share/pet-cli/onnxruntime/"* ]] || fail "setup has installed elsewhere: $output"
  predicts "$program"
  echo "installed by cargo: it answers from another folder"
else
  [[ $output == *"cannot get "* ]] || fail "$output"
  echo "skipped: pet-cli setup in an empty home: no index of packages" >&2
fi

if [[ -z $wheel ]]; then
  echo "skipped: the wheel: there is none" >&2
  exit
fi
rm -rf "$home" && mkdir "$home" # as it was before `setup`
python3 -m venv --clear "$folder/python"
environment=$folder/python
if isolated "$environment/bin/python" -m pip install --quiet --only-binary=:all: "$wheel"; then
  predicts "$environment/bin/pet-cli"
  isolated "$environment/bin/pet-cli" --version | grep --quiet "^ONNX Runtime: $environment/" \
    || fail "the library is not the environment's"
  echo "installed from the wheel: it answers without any setup"
else
  echo "skipped: the wheel in an empty environment: no index of packages" >&2
fi
