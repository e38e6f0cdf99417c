"""``ftpasswd``: entries of AuthUserFile and AuthGroupFile, and hashes for UserPassword. After the real tool.

Passwords come from the terminal or from standard input, never from the command line, which every user may read.
"""

from __future__ import annotations

import getopt
import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pyproftpd.cli.accountfiles import AccountFile, BadField, check_field, locked
from pyproftpd.unix import crypt

_VERSION = "1.3.0"
_SHADOW = "/etc/shadow"
_METHODS = ("des", "md5", "sha256", "sha512")
_DEFAULT_METHOD = "sha256"
#: how often a person may try to type a password that is taken
_ATTEMPTS = 3

#: exit statuses of the real tool
FAILED, SAME_AS_CURRENT, SAME_AS_SYSTEM, RELATIVE_HOME = 1, 2, 4, 8

_LONG = ("passwd", "group", "hash", "help", "version", "file=", "force", "name=", "uid=", "gid=", "home=", "shell=", "gecos=",
         "stdin", "lock", "unlock", "change-home", "change-password", "delete-user", "not-previous-password",
         "not-system-password", "use-cracklib", "member=", "add-member=", "delete-member=", "delete-group",
         "enable-group-passwd", *_METHODS)
_SHORT = MappingProxyType({"-h": "help", "-F": "force", "-l": "lock", "-u": "unlock", "-m": "member"})

_USAGE = """\
usage: ftpasswd --passwd|--group|--hash [options]

  --passwd    work on a file for AuthUserFile, ./ftpd.passwd unless --file names another
    --name --uid --gid --home --shell --gecos   fields of an entry; --gid is --uid where it is not given
    --change-home --change-password --delete-user   change one field, or remove the entry
    -l, --lock  -u, --unlock      make the password unusable, and usable again
    --not-previous-password --not-system-password   refuse a password that is in use already
  --group     work on a file for AuthGroupFile, ./ftpd.group unless --file names another
    --name --gid  -m, --member    fields of an entry; --member may be given several times
    --add-member --delete-member --delete-group
    --enable-group-passwd         ask for a password of the group
  --hash      print the hash of a password, for UserPassword

  --file FILE       work on FILE           -F, --force   begin with an empty file
  --stdin           read the password from standard input, one line
  --des --md5 --sha256 --sha512     kind of hash, default sha256
  --version  -h, --help

exit status: 0 done, 1 no such entry or wrong usage, 2 password as before, 4 password as in the system, 8 relative home"""


class Stop(Exception):
    """The command ends with this status and line."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        self.text, self.status = text, status
        super().__init__(text)


@dataclass(slots=True)
class Request:
    """The command line as values."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)

    @property
    def method(self) -> str:
        return next((name for name in _METHODS if name in self.flags), _DEFAULT_METHOD)

    def needed(self, mode: str, *names: str) -> list[str]:
        for name in names:
            if name not in self.values:
                raise Stop(f"--{mode}: missing required argument: --{name}")
        return [check_field(name, self.values[name]) for name in names]

    def number(self, name: str) -> str:
        if not self.values[name].isdigit():
            raise Stop(f"--{name} requires a number, not '{self.values[name]}'")
        return self.values[name]


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    try:
        return _run(_parse(list(sys.argv[1:] if words is None else words)))
    except Stop as stop:
        print(f"ftpasswd: {stop.text}", file=sys.stderr)
        return stop.status
    except (getopt.GetoptError, BadField, ValueError) as error:
        print(f"ftpasswd: {error}\nftpasswd: use ftpasswd --help for details on usage", file=sys.stderr)
    except OSError as error:
        print(f"ftpasswd: {error.filename or 'error'}: {error.strerror}", file=sys.stderr)
    except (KeyboardInterrupt, EOFError):
        print("ftpasswd: nothing was changed", file=sys.stderr)
    return FAILED


def _parse(words: list[str]) -> Request:
    if any(word.startswith("--use-cracklib") for word in words):
        raise Stop("--use-cracklib: there is no cracklib here; check passwords where people choose them")
    request = Request()
    options, rest = getopt.gnu_getopt(words, "hFlum:", list(_LONG))
    if rest:
        raise Stop(f"unknown parameter: '{rest[0]}'")
    for option, value in options:
        name = _SHORT.get(option) or option[2:]
        if name == "member":
            request.members.append(check_field("member", value))
        elif f"{name}=" in _LONG:
            request.values[name] = value
        else:
            request.flags.add(name)
    return request


def _run(request: Request) -> int:
    if "help" in request.flags:
        print(_USAGE)
        return 0
    if "version" in request.flags:
        print(_VERSION)
        return 0
    modes = [mode for mode in _MODES if mode in request.flags]
    if not modes:
        raise Stop("missing required --passwd or --group\nftpasswd: use ftpasswd --help for details on usage")
    if len(modes) > 1:
        raise Stop("please use *one*: --passwd, --group, or --hash")
    _MODES[modes[0]](request)
    return 0


# passwords


def _password(request: Request, accepted: Callable[[str], Stop | None] = lambda password: None) -> str:
    """From standard input it is taken or not; a person at a terminal may try again."""
    if "stdin" in request.flags:
        password = sys.stdin.readline().rstrip("\n")
        refusal = accepted(password)
        if refusal is not None:
            raise refusal
        return password
    refusal = None
    for _ in range(_ATTEMPTS):
        password = getpass.getpass("\nPassword: ")
        if password != getpass.getpass("Re-type password: "):
            print("\nPasswords do not match.  Please try again.", file=sys.stderr)
            continue
        refusal = accepted(password)
        if refusal is None:
            return password
        print(f"\nftpasswd: {refusal.text}", file=sys.stderr)
    raise refusal if refusal is not None else Stop("no password was given")


def _hash(request: Request, accepted: Callable[[str], Stop | None] = lambda password: None) -> str:
    return crypt.hash_password(_password(request, accepted), request.method)


def _judge(request: Request, name: str, current: str) -> Callable[[str], Stop | None]:
    """Must the new password differ from the one in the file, from the one of the system's account?"""
    def accepted(password: str) -> Stop | None:
        raw = password.encode("utf-8", "surrogateescape")
        if request.flags & {"change-password", "not-previous-password"} and crypt.verify(raw, current.removeprefix("!")):
            return Stop("error: password matches current password", SAME_AS_CURRENT)
        if "not-system-password" in request.flags and crypt.verify(raw, _system_hash(name)):
            return Stop("error: password matches system password", SAME_AS_SYSTEM)
        return None
    return accepted


def _system_hash(name: str) -> str:
    """Raises ``OSError``: whoever asks for the comparison must be able to make it."""
    with open(_SHADOW, encoding="utf-8", errors="surrogateescape") as file:
        entries = (line.split(":") for line in file)
        return next((fields[1] for fields in entries if fields[0] == name and len(fields) > 1), "")


# the three modes


def _passwd(request: Request) -> None:
    (name,) = request.needed("passwd", "name")
    path = _path(request, "./ftpd.passwd")
    if "home" in request.values:
        _check_home(request.values["home"])
    with locked(path):
        file = AccountFile(path, fresh="force" in request.flags)
        entry = file.find(name)
        for flag, change in _CHANGES.items():
            if flag in request.flags:
                if entry is None or len(entry) != 7:
                    raise Stop(f"error: no such user {name} in {path}")
                print(f"ftpasswd: updating passwd entry for user {name}")
                change(request, file, entry)
                file.save()
                print(f"ftpasswd: entry {'deleted' if flag == 'delete-user' else 'updated'}")
                return
        _put_user(request, file, name, entry)


def _put_user(request: Request, file: AccountFile, name: str, entry: list[str] | None) -> None:
    _, home, shell, _ = request.needed("passwd", "name", "home", "shell", "uid")
    if "gid" not in request.values:
        print("ftpasswd: --passwd: missing --gid argument: default gid set to uid", file=sys.stderr)
        request.values["gid"] = request.values["uid"]
    uid, gid = request.number("uid"), request.number("gid")
    gecos = check_field("gecos", request.values.get("gecos", ""))
    print(f"ftpasswd: {'creating' if entry is None else 'updating'} passwd entry for user {name}")
    current = entry[1] if entry is not None and len(entry) > 1 else ""
    file.put([name, _hash(request, _judge(request, name, current)), uid, gid, gecos, home, shell])
    file.save()
    print(f"ftpasswd: entry {'created' if entry is None else 'updated'}")


def _check_home(home: str) -> None:
    if not home.startswith("/"):
        raise Stop("error: relative path given for home directory", RELATIVE_HOME)
    if not os.path.isdir(home):
        print(f"ftpasswd: --home {home} does not exist yet", file=sys.stderr)


def _change_home(request: Request, file: AccountFile, entry: list[str]) -> None:
    (entry[5],) = request.needed("passwd", "home")
    file.put(entry)


def _change_password(request: Request, file: AccountFile, entry: list[str]) -> None:
    entry[1] = _hash(request, _judge(request, entry[0], entry[1]))
    file.put(entry)


def _lock(request: Request, file: AccountFile, entry: list[str]) -> None:
    entry[1] = f"!{entry[1].removeprefix('!')}"
    file.put(entry)


def _unlock(request: Request, file: AccountFile, entry: list[str]) -> None:
    entry[1] = entry[1].removeprefix("!")
    file.put(entry)


def _delete_user(request: Request, file: AccountFile, entry: list[str]) -> None:
    file.drop(entry[0])


def _group(request: Request) -> None:
    if request.flags.isdisjoint({"delete-group"}) and request.values.keys().isdisjoint({"add-member", "delete-member"}):
        request.needed("group", "gid")
    (name,) = request.needed("group", "name")
    path = _path(request, "./ftpd.group")
    with locked(path):
        file = AccountFile(path, fresh="force" in request.flags)
        entry = file.find(name)
        if entry is None and "gid" not in request.values:
            raise Stop(f"error: no such group {name} in {path}")
        print(f"ftpasswd: {'creating' if entry is None else 'updating'} group entry for group {name}")
        if "delete-group" in request.flags:
            file.drop(name)
            done = "deleted"
        else:
            file.put(_group_fields(request, name, entry))
            done = "created" if entry is None else "updated"
        file.save()
        print(f"ftpasswd: entry {done}")


def _group_fields(request: Request, name: str, entry: list[str] | None) -> list[str]:
    _, password, gid, members = (entry if entry is not None and len(entry) == 4 else [name, "x", "", ""])
    if "gid" in request.values:
        gid = request.number("gid")
    names = request.members or [member for member in members.split(",") if member]
    added, removed = (check_field(flag, request.values.get(flag, "")) for flag in ("add-member", "delete-member"))
    if added and added not in names:
        names = [*names, added]
    if "enable-group-passwd" in request.flags:
        password = _hash(request)
    return [name, password, gid, ",".join(member for member in names if member != removed)]


def _print_hash(request: Request) -> None:
    print(f"ftpasswd: {_hash(request)}")


def _path(request: Request, default: str) -> str:
    if "file" not in request.values:
        return default
    print(f"ftpasswd: using alternate file: {request.values['file']}")
    return request.values["file"]


_MODES: Mapping[str, Callable[[Request], None]] = MappingProxyType({
    "passwd": _passwd, "group": _group, "hash": _print_hash})
_CHANGES: Mapping[str, Callable[[Request, AccountFile, list[str]], None]] = MappingProxyType({
    "change-home": _change_home, "change-password": _change_password, "lock": _lock, "unlock": _unlock,
    "delete-user": _delete_user})


if __name__ == "__main__":
    sys.exit(main())
