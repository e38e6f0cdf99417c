#!/bin/sh
# Installs the system packages that a duty needs: run | test | bench. As an ordinary user it names what is missing instead.
set -eu

duty=${1:?run, test or bench}

debian_run="python3 python3-venv python3-dev gcc libc6-dev libcap-dev libpam0g libcrypt1"
debian_test="$debian_run openssh-client openssh-server putty-tools lftp curl sshfs fuse3 rclone sshpass proftpd-core
  proftpd-mod-crypto libpam-wrapper dropbear-bin ruby-net-sftp ruby-net-scp erlang-ssh libssh-4
  php-cli php-phpseclib default-jre-headless bsh libj2ssh-java
  strace rsync git openssl whois attr acl util-linux iproute2 groff-base
  libnettle8"
debian_bench="$debian_run openssh-client openssh-server proftpd-core proftpd-mod-crypto libnettle8"
fedora_run="python3 python3-devel gcc libcap-devel pam libxcrypt"
fedora_test="$fedora_run openssh-clients openssh-server putty lftp curl fuse-sshfs rclone sshpass proftpd pam_wrapper
  dropbear erlang-ssh libssh php-cli php-phpseclib strace rsync git-core openssl mkpasswd attr acl util-linux iproute groff-base
  nettle"
fedora_bench="$fedora_run openssh-clients openssh-server proftpd nettle"

if command -v apt-get >/dev/null 2>&1; then
  family=debian
  have() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }
elif command -v dnf >/dev/null 2>&1; then
  family=fedora
  have() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }
else
  echo "neither apt-get nor dnf here: make sure of Python 3.11 or newer with its headers, a C compiler and libcap's headers" >&2
  exit 0
fi

eval "wanted=\$${family}_${duty}"
missing=
for package in $wanted; do
  have "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
  echo "missing system packages, to be installed by root:$missing" >&2
  exit 0
fi

echo "installing system packages:$missing"
if [ "$family" = fedora ]; then
  # shellcheck disable=SC2086
  exec dnf install -y -q $missing
fi

# Debian starts a server that it installs; a test machine wants the programs alone.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
  trap 'rm -f "$guard"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  echo "could not install:$missing" >&2
  exit 1
fi
rm -f "$log"
