#!/bin/sh
# install.sh VENV [EXTRA]: makes a virtual environment with pyproftpd and what it uses. The optional packages cost a feature
# when they are missing, never the server, so one that does not install is named and passed over. PYTHON names the
# interpreter; without it the distribution's own is taken, on which the packages run and which is built for speed, and
# the first one of PATH where that is too old or cannot make environments.
set -eu

venv=${1:?directory of the virtual environment}
extra=${2:-}

for python in ${PYTHON:-/usr/bin/python3 python3}; do
  "$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
  python=
done
[ -n "$python" ] || {
  echo "Python 3.11 or newer with its venv module is needed; ${PYTHON:-python3} is $("${PYTHON:-python3}" -V 2>&1)" >&2
  exit 1
}
if [ ! -x "$venv/bin/python" ]; then
  echo "installing pyproftpd into $venv, which takes about a minute"
  "$python" -m venv "$venv"
fi

# The build tools warn about much that is none of the reader's business: shown only when something fails.
install() {
  "$venv/bin/python" -m pip --quiet --disable-pip-version-check install "$@" >"$venv/install.log" 2>&1
}

# One client of the tests is a package of Node. Where it cannot be had soon its test is skipped and says so.
install_node_client() {
  command -v npm >/dev/null || return 0
  [ -d "$venv/node/node_modules/ssh2" ] && return 0
  timeout 60 npm install --prefix "$venv/node" --fetch-retries=0 --omit=optional --ignore-scripts --no-audit --no-fund ssh2@1 >"$venv/npm.log" 2>&1 ||
    echo "ssh2 of Node could not be installed (see $venv/npm.log)" >&2
}

if [ -n "$extra" ]; then
  install --editable ".[$extra]" || { cat "$venv/install.log" >&2; exit 1; }
  if [ "$extra" = test ]; then install_node_client; fi
  exit 0
fi
install --editable . || { cat "$venv/install.log" >&2; exit 1; }
for package in python-pam setproctitle python-prctl bcrypt psutil; do
  install "$package" && continue
  cp "$venv/install.log" "$venv/$package.log"
  echo "$package could not be installed (see $venv/$package.log); README.md says what that costs" >&2
done
