"""Administration through ftpdctl (mod_ctrls_admin.c)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.controls import FAILED, Answer, ControlsAcl, Daemon, Presence, controls_acl
from pyproftpd.api.directive import ConfBlock, Context, ParseContext, Repeat, directive
from pyproftpd.api.module import Control, Module


def _engine(words: Sequence[str], context: ParseContext) -> tuple[str, ...]:
    """``("on",)``, ``("off",)``, or the actions enabled."""
    try:
        return ("on",) if values.to_boolean(words[0]) else ("off",)
    except ValueError:
        actions = tuple(action.lower() for word in words for action in word.split(",") if action)
    known = [row.action for row in CONTROLS]
    for action in actions:
        if action not in known:
            raise ValueError(f"on, off, or actions out of {' '.join(known)}, not '{action}'{values.nearest(action, known)}")
    return actions


class AdminControlsConf(ConfBlock, module="ctrls_admin", prefix="AdminControls"):
    """Administrative actions."""

    engine: tuple[str, ...] = directive(
        "AdminControlsEngine", _engine, where=Context.SERVER, arity="1..*", syntax="on|off|action,...",
        default=("on",), default_text="on", repeat=Repeat.LAST,
        doc="All actions, none, or those listed.")
    ac_ls: tuple[ControlsAcl, ...] = directive(
        "AdminControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="root only", repeat=Repeat.ACCUMULATE,
        doc="Who may run the administrative actions.")


def _failed(text: str) -> Answer:
    return FAILED, [text]


def _missing(action: str) -> Answer:
    return _failed(f"{action}: missing required parameters")


# servers


def _address(word: str) -> tuple[str, int] | None:
    """``addr#port``; port 21 where none is said, as in the real server."""
    host, _, port = word.partition("#")
    return (host, int(port or 21)) if (port or "21").isdigit() else None


def _unknown(address: tuple[str, int] | None, word: str) -> str:
    """A name is no address: only what the configuration's servers listen on has a state."""
    known = address is not None and all(char in "0123456789abcdefABCDEF.:" for char in address[0])
    return f"no server associated with {_named(address, word)}" if known else f"no such server: {_named(address, word)}"


def _named(address: tuple[str, int] | None, word: str) -> str:
    return f"{address[0]}#{address[1]}" if address else word


def _down(daemon: Daemon, words: Sequence[str]) -> Answer:
    if not words:
        return _missing("down")
    if list(words) == ["all"]:
        daemon.disabled.update(daemon.addresses)
        return 0, ["down: all servers disabled"]
    return _each(words, lambda word, address: _disable(daemon, word, address))


def _disable(daemon: Daemon, word: str, address: tuple[str, int] | None) -> tuple[bool, str]:
    name = _named(address, word)
    if address is None or address not in daemon.addresses:
        return False, f"down: no such server: {name}"
    if address in daemon.disabled:
        return False, f"down: {name} already disabled"
    daemon.disabled.add(address)
    return True, f"down: {name} disabled"


def _up(daemon: Daemon, words: Sequence[str]) -> Answer:
    if not words:
        return _missing("up")
    return _each(words, lambda word, address: _enable(daemon, word, address))


def _enable(daemon: Daemon, word: str, address: tuple[str, int] | None) -> tuple[bool, str]:
    name = _named(address, word)
    if address is None or address not in daemon.addresses:
        return False, f"up: {_unknown(address, word)}"
    if address not in daemon.disabled:
        return False, f"up: {name} already enabled"
    daemon.disabled.discard(address)
    return True, f"up: {name} enabled"


def _status(daemon: Daemon, words: Sequence[str]) -> Answer:
    if not words:
        return _missing("status")
    if list(words) == ["all"]:
        return 0, [_state(daemon, address) for address in daemon.addresses]
    return _each(words, lambda word, address: (
        (True, _state(daemon, address)) if address is not None and address in daemon.addresses
        else (False, f"status: {_unknown(address, word)}")))


def _state(daemon: Daemon, address: tuple[str, int]) -> str:
    return f"status: {address[0]}#{address[1]} {'DOWN' if address in daemon.disabled else 'UP'}"


def _each(words: Sequence[str], act: Callable[[str, tuple[str, int] | None], tuple[bool, str]]) -> Answer:
    done = [act(word, _address(word)) for word in words]
    return 0 if all(well for well, _ in done) else FAILED, [text for _, text in done]


# sessions

#: kind -> what its names are called, and whether a session is meant by one
_WHOM: Mapping[str, tuple[str, Callable[[Presence, str], bool]]] = MappingProxyType({
    "user": ("user name(s)", lambda session, name: session.user == name),
    "host": ("host(s)", lambda session, name: name in (session.address, session.name)),
    "class": ("class name(s)", lambda session, name: session.connection_class == name),
})


def _kick(daemon: Daemon, words: Sequence[str]) -> Answer:
    """``user|host|class [-n count] name ...``; a host is meant as the scoreboard shows it: nothing is looked up."""
    if not words:
        return _failed("missing required parameters")
    kind, names = words[0], list(words[1:])
    if kind not in _WHOM:
        return _failed(f"unknown kick type requested: '{kind}'")
    most: int | None = None
    if names[:1] == ["-n"]:
        if len(names) < 2 or not names[1].isdigit():
            return _failed(f"bad number: {names[1] if len(names) > 1 else ''}")
        most, names = int(names[1]), names[2:]
    wanted, matches = _WHOM[kind]
    if not names:
        return _failed(f"kick {kind}: missing required {wanted}")
    lines, sessions = [], daemon.sessions()
    for name in names:
        found = [session for session in sessions if matches(session, name)][:most]
        for session in found:
            daemon.end_session(session.pid)
        count = f" ({len(found)} clients)" if most is not None else ""
        lines.append(f"kicked {kind} '{name}'{count}" if found else f"{kind} '{name}' not connected")
    return 0 if any(line.startswith("kicked") for line in lines) else FAILED, lines


def _who(daemon: Daemon, words: Sequence[str]) -> Answer:
    """One line a session; more is shown by ftpwho."""
    if words:
        return _failed("wrong number of parameters")
    now = time.time_ns()
    return 0, [f"{one.pid} {one.user} {one.name} [{one.address}] {one.protocol or '-'} "
               f"{max(0, now - one.since_ns) // 1_000_000_000}s {one.doing}" for one in daemon.sessions()
               ] or ["no users connected"]


# the daemon


def _restart(daemon: Daemon, words: Sequence[str]) -> Answer:
    if not words:
        return (0, ["restarted server"]) if daemon.reload() else _failed(
            "configuration not changed: the new one is faulty, see the log")
    if list(words) != ["count"]:
        return _failed(f"unsupported parameter '{words[0]}'")
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(daemon.started))
    return 0, [f"server restarted {daemon.restarts} times since {since} GMT"]


def _shutdown(daemon: Daemon, words: Sequence[str]) -> Answer:
    """``[graceful seconds]``"""
    if not words:
        daemon.retire(None)
    elif words[0] != "graceful" or len(words) != 2:
        return _failed("shutdown: expected graceful and a number of seconds")
    elif not words[1].isdigit():
        return _failed(f"shutdown: bad number: {words[1]}")
    else:
        daemon.retire(float(words[1]))
    return 0, ["shutting down"]


def _scoreboard(daemon: Daemon, words: Sequence[str]) -> Answer:
    if len(words) != 1:
        return _failed("wrong number of parameters")
    if words[0] not in ("clean", "scrub"):
        return _failed(f"unknown scoreboard action '{words[0]}'")
    daemon.scrub()
    return 0, ["scrubbed scoreboard"]


# settings


def _get(daemon: Daemon, words: Sequence[str]) -> Answer:
    if not words:
        return _missing("get")
    rows = {row.keyword.lower(): (module.name, row) for module in daemon.configuration.modules for block in module.conf
            for row in block.directives.values()}
    if words[0] == "directives":
        return 0, [f"{row.keyword} (mod_{owner}.c)" for owner, row in sorted(rows.values(), key=lambda one: one[1].keyword)]
    if words[0] != "config":
        return _failed(f"unknown get type requested: '{words[0]}'")
    if len(words) == 1:
        return _failed("config: missing parameters")
    lines = []
    for name in words[1:]:
        if name.lower() not in rows:
            lines.append(f"{name}: directive not found")
            continue
        row = rows[name.lower()][1]
        settings = [setting for server in daemon.configuration.servers for setting in server.deciding(row)]
        lines += [f"{row.keyword}: {' '.join(setting.words)}" for setting in settings] or [
            f"{row.keyword}: not set, default {row.default_text}"]
    return 0, lines


def _config(daemon: Daemon, words: Sequence[str]) -> Answer:
    """The settings of sessions are frozen with the file they came from: what is set by hand would be gone at the next
    restart without a trace, so nothing is set here."""
    if not words:
        return _missing("config")
    if words[0] not in ("set", "remove"):
        return _failed(f"config: unknown config action: '{words[0]}'")
    if len(words) < (4 if words[0] == "set" else 3):
        return _missing(f"config {words[0]}")
    return _failed("config: settings are changed in the configuration file only; edit it and restart")


def _dump(daemon: Daemon, words: Sequence[str]) -> Answer:
    """The settings of every server, each with its line in the file."""
    if words:
        return _failed("wrong number of parameters")
    rows = [row for module in daemon.configuration.modules for block in module.conf for row in block.directives.values()]
    lines = []
    for server in daemon.configuration.servers:
        lines.append(f"server {', '.join(address or '*' for address in server.addresses)} ({server.where})")
        lines += [f"  {row.keyword} {' '.join(setting.words)}  ({setting.where})"
                  for row in rows for setting in server.deciding(row)]
    return 0, lines


# diagnosis


def _debug(daemon: Daemon, words: Sequence[str]) -> Answer:
    if not words:
        return _missing("debug")
    if words[0] != "level" or len(words) > 2:
        return _failed(f"unknown debug action: '{words[0]}'")
    if len(words) == 2 and not (words[1].isdigit() and int(words[1]) <= 10):
        return _failed(f"debug level: '{words[1]}' is not a level from 0 to 10")
    return 0, [f"debug level set to {daemon.set_debug_level(int(words[1]) if len(words) == 2 else None)}"]


def _dns(daemon: Daemon, words: Sequence[str]) -> Answer:
    """``on|off``, or ``cache clear``: every session looks up for itself, so there is nothing to forget."""
    if not words:
        return _missing("dns")
    if words[0] == "cache" and len(words) == 2:
        if words[1] != "clear":
            return _failed(f"dns: error: expected 'clear' command: '{words[1]}'")
        return 0, ["dns: netaddr cache cleared"]
    try:
        on = values.to_boolean(words[0])
    except ValueError:
        return _failed(f"dns: error: expected Boolean parameter: '{words[0]}'")
    daemon.set_reverse_dns(on)
    return 0, [f"dns: UseReverseDNS set to '{'on' if on else 'off'}'"]


def _trace(daemon: Daemon, words: Sequence[str]) -> Answer:
    """``info``, or ``channel:level`` and ``channel:low-high``"""
    if not words:
        return _missing("trace")
    if words[0] == "info":
        rows = [f"{channel:>10} {low:<6}" for channel, low, _ in daemon.trace_levels()]
        return 0, [f"{'Channel':<10} {'Level':<6}", "---------- ------", *rows] if rows else ["trace: no info available"]
    done = [_set_trace(daemon, word) for word in words]
    return 0 if all(well for well, _ in done) else FAILED, [text for _, text in done]


def _set_trace(daemon: Daemon, word: str) -> tuple[bool, str]:
    channel, colon, level = word.partition(":")
    if not colon or not channel:
        return False, f"trace: badly formatted parameter: '{word}'"
    low, dash, high = level.partition("-")
    bounds = (low, high) if dash else ("1", low)
    if not all(bound.isdigit() for bound in bounds):
        return False, f"trace: error parsing level '{level}' for channel '{channel}': Invalid argument"
    daemon.set_trace(channel, int(bounds[0]), int(bounds[1]))
    return True, f"trace: set channel '{channel}' to levels {int(bounds[0])}-{int(bounds[1])}"


# the table


def _acls(scope: Any) -> Sequence[ControlsAcl]:
    return scope.get(AdminControlsConf).ac_ls  # type: ignore[no-any-return]


def _action(name: str, doc: str, handler: Callable[..., Answer]) -> Control:
    def enabled(scope: Any) -> bool:
        engine = scope.get(AdminControlsConf).engine
        return engine == ("on",) or name in engine
    return Control(name, doc, handler, _acls, enabled)


CONTROLS = (
    _action("config", "set config directives", _config),
    _action("debug", "set debugging level", _debug),
    _action("dns", "set UseReverseDNS configuration", _dns),
    _action("down", "disable an individual virtual server", _down),
    _action("dump", "show the settings in force", _dump),
    _action("get", "list configuration data", _get),
    _action("kick", "disconnect a class, host, or user", _kick),
    _action("restart", "restart the daemon (similar to using HUP)", _restart),
    _action("scoreboard", "clean the ScoreboardFile", _scoreboard),
    _action("shutdown", "shutdown the daemon", _shutdown),
    _action("status", "display status of servers", _status),
    _action("trace", "set trace levels", _trace),
    _action("up", "enable a downed virtual server", _up),
    _action("who", "list the sessions", _who),
)

module = Module(name="ctrls_admin", api=API, conf=(AdminControlsConf,), requires=("ctrls",), controls=CONTROLS)
