#!/bin/sh
# Debian's chromium for the browser tests, where there is none and we may install it. Where we may not, the tests name
# what is missing at the end; in CI that is a failure, and is told at once.
command -v chromium >/dev/null 2>&1 && exit 0
missing() {
  echo "!!! $1" >&2
  case "${CI:-}" in 1 | [Tt][Rr][Uu][Ee] | [Yy][Ee][Ss]) exit 1 ;; esac
  echo "!!! The browser tests will be named as not tried." >&2
  exit 0
}
command -v apt-get >/dev/null 2>&1 || missing "No chromium, and no apt-get to install it."
[ "$(id -u)" = 0 ] || missing "No chromium, and not root: apt-get install chromium."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for pause in 10 20 0; do # a mirror that is away for a moment is no reason to fail
  echo "Installing chromium for the browser tests."
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >"$log" 2>&1 && exit 0
  echo "!!! apt-get failed; its last lines:" >&2
  tail -n 40 "$log" >&2
  sleep "$pause"
done
missing "chromium could not be installed in three tries."
