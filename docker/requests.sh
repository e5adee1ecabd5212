# shellcheck shell=bash
# What the tests of the image, of the stack and of the cluster send, and how they look at the answers. They have a folder
# `work` and a function `fail`.
# shellcheck disable=SC2154

# A picture of colours that run into each other, written with nothing but Python's own library.
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

# answers WHAT STATUS CURL-ARGUMENTS...: the body is kept for `says`.
answers() {
  local what=$1 expected=$2 got
  shift 2
  # A refused upload may be cut off while it is sent; what counts is the answer.
  got=$(curl --silent --max-time 20 --output "$work/answer" --write-out '%{http_code}' "$@" || true)
  [[ $got == "$expected" ]] || fail "$what: expected $expected, got $got: $(head --bytes 300 "$work/answer")"
  echo "$what: $got"
}

says() {
  grep --quiet "$1" "$work/answer" || fail "no \`$1\` in: $(head --bytes 300 "$work/answer")"
}
