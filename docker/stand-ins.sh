# shellcheck shell=bash
# Common functions of the scripts that create stand-in images, which define a folder `work`.
# shellcheck disable=SC2154

missing() {
  ! docker image inspect "$1" >/dev/null 2>&1
}

# unpack FOLDER PACKAGES...: extracts Debian packages without their dependencies.
unpack() {
  local root=$1 archives package
  shift
  archives=$(mktemp --directory --tmpdir="$work")
  mkdir -p "$root"
  chmod 777 "$work" "$archives" # apt downloads as its own user
  (cd "$archives" && apt-get download --quiet "$@" >&2)
  for package in "$archives"/*.deb; do
    dpkg-deb --extract "$package" "$root"
  done
}
