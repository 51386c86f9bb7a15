#!/bin/sh
# Debian's chromium for the browser tests, where there is none and we may install it. Where we may not, the
# tests name what is missing at the end.
command -v chromium >/dev/null 2>&1 && exit 0
command -v apt-get >/dev/null 2>&1 || exit 0
[ "$(id -u)" = 0 ] || { echo "No chromium, and not root: the browser tests will be named as not tried."; exit 0; }
echo "Installing chromium for the browser tests."
apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null || echo "chromium could not be installed."
exit 0
