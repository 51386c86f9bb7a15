#!/bin/sh
# Debian's chromium for the browser tests, where there is none and we may install it. Where we may not, the tests name
# what is missing at the end; in CI that is a failure, and is told at once.
command -v chromium >/dev/null 2>&1 && exit 0
missing() {
  echo "!!! $1"
  [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ] && exit 1
  echo "!!! The browser tests will be named as not tried."
  exit 0
}
command -v apt-get >/dev/null 2>&1 || missing "No chromium, and no apt-get to install it."
[ "$(id -u)" = 0 ] || missing "No chromium, and not root: apt-get install chromium."
log=$(mktemp)
for try in 1 2 3; do
  echo "Installing chromium for the browser tests (try $try of 3)."
  if { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >"$log" 2>&1; then
    rm -f "$log"
    exit 0
  fi
  tail -n 5 "$log"
  sleep $((try * 10))
done
missing "chromium could not be installed; the whole log: $log"
