# shellcheck shell=bash
# Requests of the tests of the image, the stack and the cluster, which define a folder `work` and a function `fail`.
# shellcheck disable=SC2154

# draw PATH WIDTH HEIGHT: writes a PNG of colour gradients with Python's standard library.
draw() {
  python3 - "$@" <<'PYTHON'
import struct, sys, zlib

path, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rows = b"".join(
    b"\0" + bytes(value for x in range(width) for value in (x % 256, y % 256, (x * y) % 256)) for y in range(height)
)

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
with open(path, "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PYTHON
}

# expect NAME STATUS CURL-ARGUMENTS...: checks the status and keeps the body for `contains`.
expect() {
  local what=$1 expected=$2 got
  shift 2
  # curl may fail if the service responds before the upload ends.
  got=$(curl --silent --max-time 20 --output "$work/answer" --write-out '%{http_code}' "$@" || true)
  [[ $got == "$expected" ]] || fail "$what: expected $expected, got $got: $(head --bytes 300 "$work/answer")"
  echo "$what: $got"
}

# contains PATTERN: checks the last body.
contains() {
  grep --quiet "$1" "$work/answer" || fail "no \`$1\` in: $(head --bytes 300 "$work/answer")"
}
