# shellcheck shell=bash
# What the scripts that make stand-in images have in common. They have a folder `work`.
# shellcheck disable=SC2154

missing() {
  ! docker image inspect "$1" >/dev/null 2>&1
}

# unpack FOLDER PACKAGES...: Debian's packages, as they are, without those that they depend on.
unpack() {
  local root=$1 archives package
  shift
  archives=$(mktemp --directory --tmpdir="$work")
  mkdir -p "$root"
  chmod 777 "$work" "$archives" # apt fetches as a user of its own
  (cd "$archives" && apt-get download --quiet "$@" >&2)
  for package in "$archives"/*.deb; do
    dpkg-deb --extract "$package" "$root"
  done
}
