#!/usr/bin/env bash
# Runs an image of the service with a hardened configuration and tests it.
#
#   docker/smoke-test.sh [TAG] [PHOTOGRAPH]
#
# Needs docker, curl and python3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docker/requests.sh

readonly tag=${1:-pet-classifier} limit=$((120 * 1000 * 1000)) port=9000
work=$(mktemp -d)
container=
trap 'status=$?; [[ -z $container ]] || docker rm --force "$container" >/dev/null; rm -rf "$work"; exit $status' EXIT

main() {
  photograph=${2:-$work/photograph.png}
  [[ -n ${2:-} ]] || draw "$photograph" 320 240
  check_size
  start
  check_tools
  expect "GET /health/ready" 200 "$base/health/ready"
  expect "a photograph" 200 --form "file=@$photograph" "$base/predict?top_k=3"
  contains predicted_class
  grep --only-matching '"predicted_class":"[^"]*"' "$work/answer"
  head --bytes 40000000 /dev/zero >"$work/large.jpg"
  expect "an upload above the limit" 413 --form "file=@$work/large.jpg" "$base/predict"
  contains too_large
  expect "a form without a file" 422 --form "other=1" "$base/predict"
  contains missing_file
  expect "GET /metrics" 200 "$base/metrics"
  contains '^# TYPE'
  expect "the page" 200 "$base/"
  check_health
  check_memory
  check_shutdown
  check_mounted_model
  echo "smoke test of $tag: passed"
}

fail() {
  echo "error: $*" >&2
  [[ -z $container ]] || docker logs --tail 20 "$container" >&2
  exit 1
}

check_size() {
  local size
  size=$(docker image inspect --format '{{.Size}}' "$tag")
  ((size < limit)) || fail "the image has $size bytes, at most $limit are allowed"
  echo "size: $((size / 1000000)) MB"
}

# start OPTIONS...: with a read-only file system, without privileges, and on a port set by the host.
start() {
  container=$(docker run --detach --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m \
    --env PORT=$port --publish 127.0.0.1::$port "$@" "$tag")
  base=http://$(docker port "$container" $port/tcp | head -n 1)
  local user
  user=$(docker inspect --format '{{.Config.User}}' "$container")
  [[ $user == 65532:65532 ]] || fail "the container runs as \`$user\`"
  for _ in $(seq 100); do
    ! curl --silent --fail --output /dev/null "$base/health/ready" || return 0
    sleep 0.1
  done
  fail "the service is not ready after 10 s"
}

# The image has no shells, package managers, compilers or download tools.
check_tools() {
  local tools='a?sh|bash|busybox|dash|env|apk|apt|apt-get|dpkg|rpm|pip3?|perl|python[0-9.]*|c?cc|gcc|clang|ld|as|make|cargo|curl|wget|nc'
  docker export "$container" | tar --list >"$work/files"
  grep --quiet '^usr/local/bin/pet-cli$' "$work/files" || fail "the image's files cannot be listed"
  ! grep --extended-regexp "(^|/)($tools)$" "$work/files" || fail "the image holds these tools"
  echo "no tools among $(wc -l <"$work/files") files"
}

check_health() {
  local status
  for _ in $(seq 300); do
    status=$(docker inspect --format '{{.State.Health.Status}}' "$container")
    if [[ $status == healthy ]]; then
      echo "health check: healthy"
      return
    fi
    sleep 0.1
  done
  fail "the health check says \`$status\`"
}

# The most expensive requests within the limits, together with ordinary ones, fit into the container's memory.
check_memory() {
  python3 docker/flood.py "$base" --times 64 --photograph "$photograph" || fail "the flood was not withstood"
  local state
  state=$(docker inspect --format '{{.State.Status}}, OOMKilled {{.State.OOMKilled}}' "$container")
  [[ $state == "running, OOMKilled false" ]] || fail "after the flood the container is $state"
  echo "flood: $state, $(docker stats --no-stream --format '{{.MemUsage}}' "$container")"
}

# A request that is being uploaded when the service is stopped gets a response.
check_shutdown() {
  draw "$work/slow.png" 900 700
  local size seconds=4
  size=$(stat --format %s "$work/slow.png")
  curl --silent --output "$work/slow" --write-out '%{http_code}' --limit-rate $((size / seconds)) \
    --form "file=@$work/slow.png" "$base/predict" >"$work/status" &
  local upload=$!
  sleep 1
  docker stop --time 20 "$container" >/dev/null
  wait "$upload" || fail "the request in flight was cut off"
  [[ $(<"$work/status") == 200 ]] || fail "the request in flight got $(<"$work/status"): $(head --bytes 300 "$work/slow")"
  local status
  status=$(docker inspect --format '{{.State.ExitCode}}' "$container")
  [[ $status == 0 ]] || fail "the service ended with $status"
  echo "docker stop: exit status 0, the request in flight was answered"
}

# A mounted model is served, and reloaded on SIGHUP.
check_mounted_model() {
  docker rm --force "$container" >/dev/null
  start --volume "$PWD/results:/opt/pet-classifier/results:ro"
  docker kill --signal HUP "$container" >/dev/null
  expect "a photograph, with a mounted model" 200 --form "file=@$photograph" "$base/predict"
}

main "$@"
