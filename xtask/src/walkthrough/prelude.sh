# shellcheck shell=bash
# What the scripts that `cargo xtask walkthrough` makes of the documents begin with. Needs bash 4, curl and jq.
set -euo pipefail
set -m # a server and its children are one group of processes

declare -A servers # address → group of processes
started=0          # servers so far
place=             # where in the documents we are

trap 'finish $?' EXIT
trap 'exit 130' INT TERM

finish() {
  trap - EXIT
  local address
  for address in "${!servers[@]}"; do
    end "$address"
  done
  [[ $1 == 0 ]] || echo "error: $place does not do what it says (status $1)" >&2
  exit "$1"
}

# at PLACE COMMAND: says what runs next.
at() {
  place=$1
  printf '\n%s\n$ %s\n' "$1" "$2" >&2
}

skip() {
  at "$1" "$2"
  echo "skipped: $3" >&2
}

# serve ADDRESS COMMAND: starts a server in place of an earlier one, and waits until it answers. What it says goes to a file.
serve() {
  local address=$1 command=$2
  end "$address"
  if answers "$address"; then
    echo "error: something else answers at $address; end it first" >&2
    return 1
  fi
  local log=server-$((++started)).log
  bash -c "$command" >"$log" 2>&1 &
  servers[$address]=$!
  local _
  for _ in $(seq 600); do
    ! answers "$address" || return 0
    kill -0 "${servers[$address]}" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$log" >&2
  echo "error: nothing answers at $address" >&2
  return 1
}

end() {
  local group=${servers[$1]:-}
  [[ -n $group ]] || return 0
  unset "servers[$1]"
  kill -TERM -- "-$group" 2>/dev/null || true
  wait "$group" 2>/dev/null || true
  local _
  for _ in $(seq 100); do
    kill -0 -- "-$group" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$group" 2>/dev/null || true
}

answers() {
  command curl --silent --fail --output /dev/null --max-time 2 "$1"
}

# A refusal shall not pass for an answer.
curl() {
  command curl --silent --show-error --fail-with-body "$@"
}

# The run that was recorded last but N.
run() {
  pet-cli runs list --json | jq --raw-output --argjson index "$1" '.[$index].run_id'
}

# A folder like a fresh clone after `cargo xtask setup`, with photographs in it. Of the cache only what others may share:
# what could not be sent to a server is nobody else's.
prepare() {
  local name
  for name in docs docker crates; do
    ln -s "$ROOT/$name" "$name"
  done
  cp -r "$ROOT/results" results
  mkdir .cache
  for name in backbone features onnxruntime; do
    mkdir -p "$CACHE/$name"
    ln -s "$CACHE/$name" ".cache/$name"
  done
  cp .cache/backbone/mobilenet_v2.safetensors mobilenet_v2.pth
  # The photographs are cartoons, drawn by the program.
  pet-cli --quiet train --dataset sample --epochs 1 --tracking-uri "sqlite:///$PWD/first.db" >/dev/null
  cp -r data/sample/train my-photos
  local photographs=(my-photos/*/*.jpg)
  for name in photo dog cat large one; do
    cp "${photographs[0]}" "$name.jpg"
  done
  pet-cli --quiet resize photo.jpg 320 240 --output two.png
  mkdir photos
  cp photo.jpg two.png photos
  for name in Beagle Pug; do
    mkdir -p "breeds/$name" "few/$name"
    cp photo.jpg "breeds/$name"
    cp my-photos/Husky*/000[1-6].jpg "few/$name"
  done
  [[ -z ${PHOTOGRAPHS:-} ]] || ln -s "$PHOTOGRAPHS" data/oxford-iiit-pet
}
