#!/usr/bin/env bash
# Creates base images on machines without an image registry, from Debian packages and from the Rust toolchain, the
# certificates and the package managers' configuration of this machine.
#
#   eval "$(docker/stand-in-bases.sh)"
#   cargo xtask docker
#
# Prints the variables that name the images, for `cargo xtask docker` and docker/compose.yaml; progress goes to standard
# error. Existing images are kept. Needs Debian, root, a Docker engine, debootstrap and cargo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docker/stand-ins.sh

# Variables that configure the package managers, if they are set.
readonly variables=(
  CARGO_HTTP_CAINFO HTTPS_PROXY HTTP_PROXY NO_PROXY http_proxy https_proxy no_proxy
  PIP_CERT PIP_DEFAULT_TIMEOUT PIP_EXTRA_INDEX_URL PIP_INDEX_URL
)

# Libraries for Rust and C++ programs, and Debian's users.
readonly runtime_packages=(base-files libc6 libgcc-s1 libstdc++6)

main() {
  # shellcheck source=/dev/null
  source /etc/os-release
  local suite=$VERSION_CODENAME
  local rust
  rust=$(rustc --version | cut -d ' ' -f 2)
  local build="pet-stand-in-build:$suite-rust-$rust" runtime="pet-stand-in-runtime:$suite"

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  missing "$build" && create_build "$suite" "$build"
  missing "$runtime" && create_runtime "$runtime"
  # The package registries may be reachable only from this machine's network.
  printf 'export %s=%q\n' RUST_IMAGE "$build" PYTHON_IMAGE "$build" RUNTIME_IMAGE "$runtime" BUILD_NETWORK host
}

# A small Debian with a C compiler, pip and venv, and this machine's Rust.
create_build() {
  local suite=$1 tag=$2 root=$work/build
  echo "creating $tag" >&2
  debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev,python3-pip,python3-venv "$suite" "$root" >&2
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  local toolchain
  toolchain=$(rustc --print sysroot)
  mkdir -p "$root/opt/rust"
  tar --create --directory "$toolchain" --exclude=./share --exclude='*/rustlib/src' . \
    | tar --extract --directory "$root/opt/rust"
  configure "$root"
  local changes=(--change "ENV PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
  local name
  for name in "${variables[@]}"; do
    [[ -z "${!name:-}" ]] || changes+=(--change "ENV $name=\"${!name}\"")
  done
  tar --create --directory "$root" . | docker import "${changes[@]}" - "$tag" >&2
  rm -rf "$root"
}

# Copies the configuration of the package managers.
configure() {
  local root=$1 cargo_home=${CARGO_HOME:-$HOME/.cargo} file
  mkdir -p "$root/root/.cargo"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  for file in config.toml credentials.toml; do
    [[ ! -f "$cargo_home/$file" ]] || cp "$cargo_home/$file" "$root/root/.cargo/"
  done
  [[ ! -f /etc/pip.conf ]] || cp /etc/pip.conf "$root/etc/"
  [[ ! -f "$HOME/.config/pip/pip.conf" ]] || cp "$HOME/.config/pip/pip.conf" "$root/etc/"
}

# Only libraries, without a shell or package manager.
create_runtime() {
  local tag=$1 root=$work/runtime
  echo "creating $tag" >&2
  unpack "$root" "${runtime_packages[@]}"
  rm -rf "$root"/usr/share/{doc,info,lintian,locale,man,gcc,gdb} "$root"/usr/lib/*/gconv
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
  echo 'nonroot:x:65532:' >"$root/etc/group"
  tar --create --directory "$root" . | docker import - "$tag" >&2
}

main
