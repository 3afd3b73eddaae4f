#!/usr/bin/env bash
# Make sure a Chromium is there for the browser tests; without one they are skipped, loudly.
set -u
for name in "${CLPS_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
  [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && exit 0
done
[ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
  echo "No Chromium found: installing it with apt-get."
  $as_root apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq chromium >/dev/null
  command -v chromium >/dev/null 2>&1 && exit 0
fi

cat <<'TEXT'
#############################################################################
#  NO CHROMIUM: THE BROWSER TESTS WILL BE SKIPPED.                          #
#  Install Chromium or Chrome, or name its program in CLPS_CHROMIUM.        #
#############################################################################
TEXT
exit 0
