# shellcheck shell=bash
# The start of every script of `cargo xtask walkthrough`. Needs bash 4, curl and jq.
set -euo pipefail
set -m # gives each server its own process group

declare -A servers # port → process group
ports=()           # of servers that have not started yet
started=0          # number of background commands
location=          # document and line of the current command

trap 'finish $?' EXIT
trap 'exit 130' INT TERM

finish() {
  trap - EXIT
  local port
  for port in "${!servers[@]}"; do
    stop "$port"
  done
  [[ $1 == 0 ]] || echo "error: $location does not work as documented (status $1)" >&2
  exit "$1"
}

fail() {
  echo "error: $*" >&2
  return 1
}

skip() {
  show "$@"
  echo "skipped: $3" >&2
}

# show LOCATION COMMAND
show() {
  location=$1
  printf '\n%s\n$ %s\n' "$1" "$2" >&2
}

# serves [PORT...]: the next commands include servers on these ports. Fails if an earlier server did not start.
serves() {
  ((${#ports[@]} == 0)) || fail "nothing answers at port ${ports[*]}"
  ports=("$@")
  local port
  for port in "$@"; do
    stop "$port"
    ! responds "$port" || fail "something else answers at port $port; end it first"
  done
}

# Runs a command until it ends, or until it responds on the next port as a server.
background() {
  local log=output-$((++started)).log port=${ports[0]:-} limit=$((SECONDS + 1800)) group status=0
  bash -c "$1" >"$log" 2>&1 &
  group=$!
  while kill -0 "$group" 2>/dev/null; do
    if [[ -n $port ]] && responds "$port"; then
      servers[$port]=$group
      ports=("${ports[@]:1}")
      return
    fi
    ((SECONDS < limit)) || fail "neither ends nor answers at port $port"
    sleep 0.2
  done
  wait "$group" || status=$?
  tail -n 20 "$log" >&2
  return "$status"
}

stop() {
  local group=${servers[$1]:-} _
  [[ -n $group ]] || return 0
  unset "servers[$1]"
  kill -TERM -- "-$group" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 -- "-$group" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$group" 2>/dev/null || true
}

responds() {
  command curl --silent --output /dev/null --max-time 2 "http://127.0.0.1:$1"
}

# Fails on HTTP errors.
curl() {
  command curl --silent --show-error --fail-with-body "$@"
}
export -f curl

# run N: the ID of the latest run but N.
run() {
  pet-cli runs list --json | jq --raw-output --argjson index "$1" '.[$index].run_id'
}

# Fills the folder like a fresh clone after `cargo xtask setup`, with generated photos. Shares downloads and features with
# the workspace, but no runs.
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
  pet-cli --quiet train --dataset sample --epochs 1 --tracking-uri "sqlite:///$PWD/first.db" >/dev/null
  cp -r data/sample/train my-photos
  local photographs=(my-photos/*/*.jpg)
  for name in photo dog cat large one; do
    cp "${photographs[0]}" "$name.jpg"
  done
  pet-cli --quiet resize photo.jpg 320 240 --output two.png
  mkdir -p photos breeds/Beagle breeds/Pug
  cp photo.jpg two.png photos
  cp photo.jpg breeds/Beagle
  cp photo.jpg breeds/Pug
  # A folder for each class, as the service writes them.
  mkdir -p "corrections/$(basename "$(dirname "${photographs[0]}")")"
  cp photo.jpg corrections/*
  draw_oxford ../oxford-iiit-pet "${photographs[@]}"
  # The real data set, if this machine has it.
  ln -s "${PHOTOGRAPHS:-$PWD/../oxford-iiit-pet}" DIR
  ln -s "$(realpath DIR)" data/oxford-iiit-pet
}

# draw_oxford FOLDER PHOTOGRAPHS...: the layout of the Oxford-IIIT Pet data set, with three training photos and one test
# photo per class.
draw_oxford() {
  local folder=$1 breed class=0 number list
  shift
  mkdir -p "$folder"/{images,annotations}
  rm -f "$folder"/annotations/*.txt
  while read -r breed; do
    ((++class))
    for number in 1 2 3 4; do
      cp "${!number}" "$folder/images/${breed}_$number.jpg"
      ((number < 4)) && list=trainval || list='test'
      echo "${breed}_$number $class 1 1" >>"$folder/annotations/$list.txt"
    done
  done < <(jq --raw-output '.[]' results/classes.json | tr ' ' _)
}
