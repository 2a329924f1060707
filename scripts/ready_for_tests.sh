#!/usr/bin/env bash
# Bring what the tests need beyond Python's packages: a browser and a database server.
# As root it installs Debian's packages; otherwise it says what to install. Tests whose tool is
# still missing are skipped, each with its reason; where CI is set, they fail.
set -u
cd "$(dirname "$0")/.."

wanted=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || wanted+=(chromium)
ls /usr/lib/postgresql/*/bin/postgres /usr/local/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || wanted+=(postgresql)

if [ ${#wanted[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${wanted[*]} with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null; } ||
      echo "could not install ${wanted[*]}; the tests that need them will be skipped (where CI is set: fail)"
  else
    echo "not found: ${wanted[*]}; install them to run every test (Debian: sudo apt-get install ${wanted[*]})"
  fi
fi
exit 0
