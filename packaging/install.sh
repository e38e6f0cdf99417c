#!/bin/sh
# install.sh VENV [EXTRA]: makes a virtual environment with pyproftpd and what it uses. The optional packages cost a feature
# when they are missing, never the server, so one that does not install is named and passed over.
set -eu

venv=${1:?directory of the virtual environment}
extra=${2:-}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1)" >&2
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

if [ -n "$extra" ]; then
  install --editable ".[$extra]" || { cat "$venv/install.log" >&2; exit 1; }
  exit 0
fi
install --editable . || { cat "$venv/install.log" >&2; exit 1; }
for package in python-pam setproctitle python-prctl bcrypt psutil; do
  install "$package" && continue
  cp "$venv/install.log" "$venv/$package.log"
  echo "$package could not be installed (see $venv/$package.log); README.md says what that costs" >&2
done
