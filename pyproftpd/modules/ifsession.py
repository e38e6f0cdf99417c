"""Settings for some sessions only: by user, group, class, or once logged in (mod_ifsession.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Repeat, Status, directive
from pyproftpd.api.expressions import Expression, Mode, parse_expression
from pyproftpd.api.facts import BindFacts
from pyproftpd.api.module import Module, Section, SessionCondition
from pyproftpd.errors import ConfigError

#: read by the master, or before it is known who connects: no section of this module can change them
OF_THE_DAEMON = frozenset({
    "AdminControlsACLs", "AdminControlsEngine", "ControlsACLs", "ControlsAuthFreshness", "ControlsEngine", "ControlsLog",
    "ControlsMaxClients", "ControlsSocket", "ControlsSocketACL", "ControlsSocketOwner", "DefaultAddress", "DefaultServer",
    "DelayControlsACLs", "DelayTable", "Group", "MaxConnectionRate", "MaxInstances", "ModuleControlsACLs", "PidFile",
    "Port", "ScoreboardFile", "ScoreboardMutex", "ScoreboardOptions", "ScoreboardScrub", "ServerAlias", "ServerType",
    "SFTPEngine", "SFTPHostKey", "SFTPPassPhraseProvider", "SocketBindTight", "SocketOptions", "TCPBackLog", "UseIPv6",
    "User"})

#: read from the connection on and done with at the login: a class can change them, a user or a group comes too late
BEFORE_LOGIN = frozenset({
    "AllowEmptyPasswords", "AuthAliasOnly", "AuthFileOptions", "AuthGroupFile", "AuthOrder", "AuthPAM", "AuthPAMConfig",
    "AuthPAMOptions", "AuthPAMSession", "AuthUserFile", "DelayEngine", "DelayOnEvent", "MaxConnectionsPerHost",
    "MaxLoginAttempts", "MaxPasswordSize", "PersistentPasswd", "RLimitCPU", "RLimitMemory", "RLimitOpenFiles",
    "ServerIdent", "SFTPAuthMethods", "SFTPAuthorizedHostKeys", "SFTPAuthorizedPrincipals", "SFTPAuthorizedUserKeys",
    "SFTPAuthPublicKeys", "SFTPCiphers", "SFTPClientMatch", "SFTPCompression", "SFTPDHParamFile", "SFTPDigests",
    "SFTPDisplayBanner", "SFTPHostKeys", "SFTPKeyBlacklist", "SFTPKeyExchanges", "SFTPKeyFingerprints", "SFTPKeyLimits",
    "SFTPPAMEngine", "SFTPPAMOptions", "SFTPPAMServiceName", "SFTPRevokedKeys", "SFTPSecurityProfile",
    "SFTPTrustedUserCAKeys", "TCPNoDelay", "TimeoutLogin", "UserAlias", "UserPassword"})


class IfSessionConf(ConfBlock, module="ifsession"):
    """When the sections are asked."""

    if_session_options: frozenset[str] = directive(
        "IfSessionOptions", values.options("PerUnauthenticatedUser"), where=SERVERS, arity="1..*",
        syntax="PerUnauthenticatedUser ...", default=frozenset(), repeat=Repeat.ACCUMULATE, joined=True,
        status=Status.ACCEPTED, doc="Ask IfUser with the name that has not yet been proved.")

    @classmethod
    def check(cls, scope: Any) -> Iterable[ConfigError | str]:
        """A line that is read before its section can match would be ignored in silence."""
        for section in scope.place.sessions:
            late = isinstance(section.condition, LoggedIn | Proven)
            for setting in (setting for group in section.place.groups for setting in group):
                keyword = setting.row.directive.keyword
                if keyword in OF_THE_DAEMON:
                    yield f"{setting.where}: {keyword} has no effect in a section for some sessions; it is the daemon's"
                elif late and keyword in BEFORE_LOGIN:
                    yield (f"{setting.where}: {keyword} has no effect here; it is read before anybody is logged in "
                           "(<IfClass> is in time)")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """``<IfAuthenticated>``"""

    def matches(self, facts: BindFacts) -> bool:
        return facts.authenticated


@dataclass(frozen=True, slots=True)
class Proven:
    """An expression over names that mean something only after the login."""

    expression: Expression

    def matches(self, facts: BindFacts) -> bool:
        return facts.authenticated and self.expression.matches(facts)


def _expression(kind: str, mode: Mode) -> Callable[[Sequence[str]], SessionCondition]:
    def parse(words: Sequence[str]) -> SessionCondition:
        expression = parse_expression(words, kind, mode)
        return expression if kind == "class" else Proven(expression)
    return parse


def _authenticated(words: Sequence[str]) -> SessionCondition:
    return LoggedIn()


def _section(keyword: str, rank: int, condition: Callable[[Sequence[str]], SessionCondition], doc: str) -> Section:
    return Section(keyword=keyword, kind="session", where=SERVERS, arity="1..*",
                   syntax="[AND|OR] expr | regex pattern", condition=condition, rank=rank, doc=doc)


#: the ranks are the real server's (1.3.8, verified live)
module = Module(
    name="ifsession", api=API, conf=(IfSessionConf,), sections=(
        _section("IfUser", 0, _expression("user", Mode.OR), "Settings for users."),
        _section("IfGroup", 1, _expression("group", Mode.AND), "Settings for members of groups."),
        Section(keyword="IfAuthenticated", kind="session", where=SERVERS, arity="0..0", syntax="(none)",
                condition=_authenticated, rank=2, doc="Settings for every session that is logged in."),
        _section("IfClass", 3, _expression("class", Mode.OR), "Settings for clients of a connection class.")))
