#!/usr/bin/env bash
# Checks a downloaded release.
#
#   xtask/src/release/test-archive.sh FOLDER NAME VERSION
#
# FOLDER contains NAME.tar.gz with its checksum; the archive is unpacked there.
set -euo pipefail

readonly folder=$1 name=$2 version=$3

fail() {
  echo "error: $*" >&2
  exit 1
}

cd "$folder"
sha256sum --check --strict "$name.tar.gz.sha256"
tar -xzf "$name.tar.gz"
cd "$name"

found=$(./pet-cli --version | head -n 1)
[[ $found == "pet-cli $version" ]] || fail "expected \`pet-cli $version\`, got \`$found\`"

for file in completions/_pet-cli completions/pet-cli.fish LICENSE README.md CHANGELOG.md docs/command-line.md; do
  [[ -s $file ]] || fail "$file is missing or empty"
done

# Completes `pet-cli pred` as bash does.
# shellcheck source=/dev/null
source completions/pet-cli.bash
COMP_WORDS=(pet-cli pred) COMP_CWORD=1 COMPREPLY=()
function=$(complete -p pet-cli | sed 's/.*-F \([^ ]*\).*/\1/')
"$function" pet-cli pred pet-cli
[[ ${COMPREPLY[*]} == predict ]] || fail "bash completes \`pred\` to \`${COMPREPLY[*]}\`"
echo "release $name: passed"
