#!/usr/bin/env bash
# Runs an image of the service as a careful host would, and asks it what its users will.
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
  small_enough
  start
  holds_no_tools
  answers "GET /health/ready" 200 "$base/health/ready"
  answers "a photograph" 200 --form "file=@$photograph" "$base/predict?top_k=3"
  says predicted_class
  grep --only-matching '"predicted_class":"[^"]*"' "$work/answer"
  head --bytes 40000000 /dev/zero >"$work/large.jpg"
  answers "an upload above the limit" 413 --form "file=@$work/large.jpg" "$base/predict"
  says too_large
  answers "a form without a file" 422 --form "other=1" "$base/predict"
  says missing_file
  answers "GET /metrics" 200 "$base/metrics"
  says '^# TYPE'
  answers "the page" 200 "$base/"
  becomes_healthy
  withstands_a_flood
  stops_without_losing_a_request
  takes_a_mounted_model
  echo "smoke test of $tag: all is well"
}

fail() {
  echo "error: $*" >&2
  [[ -z $container ]] || docker logs --tail 20 "$container" >&2
  exit 1
}

small_enough() {
  local size
  size=$(docker image inspect --format '{{.Size}}' "$tag")
  ((size < limit)) || fail "the image has $size bytes, at most $limit are allowed"
  echo "size: $((size / 1000000)) MB"
}

# start OPTIONS...: nothing may be written, no privilege is left, and the port is the one that the host names.
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

# Only what serves: nothing that runs commands, installs, compiles or fetches.
holds_no_tools() {
  local tools='a?sh|bash|busybox|dash|env|apk|apt|apt-get|dpkg|rpm|pip3?|perl|python[0-9.]*|c?cc|gcc|clang|ld|as|make|cargo|curl|wget|nc'
  docker export "$container" | tar --list >"$work/files"
  grep --quiet '^usr/local/bin/pet-cli$' "$work/files" || fail "the image's files cannot be listed"
  ! grep --extended-regexp "(^|/)($tools)$" "$work/files" || fail "the image holds these tools"
  echo "no tools among $(wc -l <"$work/files") files"
}

becomes_healthy() {
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

# The worst that the limits allow, 64 times and beside ordinary requests, fits into the memory of the container.
withstands_a_flood() {
  python3 docker/flood.py "$base" --times 64 --photograph "$photograph" || fail "the flood was not withstood"
  local state
  state=$(docker inspect --format '{{.State.Status}}, OOMKilled {{.State.OOMKilled}}' "$container")
  [[ $state == "running, OOMKilled false" ]] || fail "after the flood the container is $state"
  echo "flood: $state, $(docker stats --no-stream --format '{{.MemUsage}}' "$container")"
}

# A slow upload is under way when the service is told to stop: it is answered, and the service ends well.
stops_without_losing_a_request() {
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

# A model from outside the image is served, and loaded anew on SIGHUP.
takes_a_mounted_model() {
  docker rm --force "$container" >/dev/null
  start --volume "$PWD/results:/opt/pet-classifier/results:ro"
  docker kill --signal HUP "$container" >/dev/null
  answers "a photograph, with a mounted model" 200 --form "file=@$photograph" "$base/predict"
}

main "$@"
