#!/usr/bin/env bash
# Builds github.com/goccy/bigquery-emulator, a BigQuery server that the tests talk to through the
# real client, and prints where the binary is. Needs Go 1.25 and nothing else: its GoogleSQL
# analyzer is Google's own, compiled to Go. About five minutes on two cores; kept in
# the user's cache folder.
set -euo pipefail

version=v0.8.1
sum=h1:q3oRL2ylqGY3UYbccAztEUycj+TU5SVBxsElFsvJP9E=
cache=${XDG_CACHE_HOME:-$HOME/.cache}/handoff-tests
binary=$cache/bigquery-emulator-$version

if [ -x "$binary" ]; then
  echo "$binary"
  exit
fi
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo "no Go to build a BigQuery server with: the tests that need one are skipped" >&2
  exit
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# not 'go install ...@version': that asks the proxy for the module's list of versions as well
module=$(cd "$work" && go mod download -json "github.com/goccy/bigquery-emulator@$version")
if ! grep -qF "\"Sum\": \"$sum\"" <<<"$module"; then
  echo "the emulator's module is not the one that was reviewed" >&2
  exit 1
fi

echo "building bigquery-emulator $version, once, about five minutes" >&2
# in the module's own folder: its go.sum pins everything it needs
cd "$(sed -n 's/.*"Dir": "\(.*\)",/\1/p' <<<"$module")"
CGO_ENABLED=0 GOCACHE=$work/gocache GOFLAGS=-buildvcs=false \
  go build -ldflags="-s -w" -o "$work/bigquery-emulator" ./cmd/bigquery-emulator
# renamed last: whoever looks finds a whole binary or none
mv "$work/bigquery-emulator" "$binary"
echo "$binary"
