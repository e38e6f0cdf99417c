"""May this client do this to that object? One function, asked on every road; it looks and never acts.

Rules are those of the *resolved* object. Where links led elsewhere, the rules of the path as it was asked for must
allow it too, so that neither name of a place is a way around the other.
"""

from __future__ import annotations

import math
import os
import stat as _stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pyproftpd.api.auth import Identity
from pyproftpd.api.facts import BindFacts
from pyproftpd.conf.dynamic import FILE_NAME, Dynamic
from pyproftpd.unix.users import Names
from pyproftpd.vfs import limits
from pyproftpd.vfs.conf import AccessConf, HiddenOwner, HidingConf, JailConf, OwnershipConf
from pyproftpd.vfs.directories import Admit
from pyproftpd.vfs.limits import Verdict
from pyproftpd.vfs.resolve import VPath
from pyproftpd.wire import vpath

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope

#: Limit verdicts remembered per session; each is a few words, and a session meets few (place, command) pairs
MAX_REMEMBERED = 4096

#: how long the .ftpaccess files of a directory are taken to be as they were, in seconds; a change that this session makes
#: itself is seen at once. Without it each request would look for one in every ancestor.
FRESH_SECONDS = 1.0

#: inside a chroot the C library reads these as the host's own: whoever can write there decides what root's processes load
#: (security.md U15; RLimitChroot). Source: real server
PROTECTED = ("/etc", "/lib")

#: how the path of a file with rules in it ends
_RULES = f"/{FILE_NAME}"

_HIDING = {"hide_files": "HideFiles", "hide_user": "HideUser", "hide_group": "HideGroup", "hide_no_access": "HideNoAccess"}

#: the Limit names that READDIR is asked for, most exact first. Source: real server, mod_sftp
READDIR = ("READDIR", "LIST", "NLST")


class Subject(NamedTuple):
    """What a decision is about: the path, what stands there (``None`` = nothing, or not known) and the argument as sent."""

    path: VPath
    info: os.stat_result | None
    arg: str = ""
    #: the object is, or is about to be, a directory: its own <Directory> rules hold, not only its parent's
    directory: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` names the deciding rule with file and line, for logs and ``--explain``. ``hidden``: answer ENOENT."""

    allowed: bool
    hidden: bool
    #: (files, directories)
    umask: tuple[int, int]
    owner: str | None
    group: str | None
    reason: str
    scope: Scope


class Access:
    """The rules of one session after login; ``scope`` is bound to it."""

    def __init__(self, *, identity: Identity, scope: Scope, facts: BindFacts, names: Names, chroot: str,
                 warn: Callable[[str], None]) -> None:
        """``warn`` is told of faults in .ftpaccess files."""
        self._identity, self._scope, self._facts, self._names, self._chroot = identity, scope, facts, names, chroot
        self._verdicts: dict[tuple[Scope, tuple[str, ...], str], Verdict] = {}
        self._filtering: dict[Scope, bool] = {}
        self._dynamic = Dynamic(warn, chroot)
        self._overlaid: dict[tuple[Scope, str], tuple[float, Scope]] = {}
        #: directories whose files are all judged alike: until when, and by what
        self._uniform: dict[str, tuple[float, Scope]] = {}
        #: decisions that hold for whatever lies in a place: no rule of it asks about a name, and no link led there
        self._settled: dict[tuple[Scope, tuple[str, ...], str, bool, Scope | None], Decision] = {}

    def decide(self, names: tuple[str, ...], group: str, subject: Subject, *, filters: bool = True,
               looks: bool = False) -> Decision:
        """``names`` and ``group`` are Limit names; none of either asks no Limit.

        ``filters``: path filters apply (all that names or creates something, not mere looking). ``looks``: the request
        only asks whether and what it is, so a hidden name does not exist for it, IgnoreHidden or not.
        """
        path, info, _, directory = subject
        if directory or (info is not None and _stat.S_ISDIR(info.st_mode)):
            scope = self.scope_of(path.outside)
        else:
            scope = self.scope_of(path.outside, path.directory)
        key = (scope, names, group, filters, self.scope_of(path.directory) if looks else None)
        plain = path.virtual == path.real and not (self._chroot and path.real.startswith(PROTECTED))
        known = self._settled.get(key) if plain else None
        if known is not None:
            return known
        decision = self._weigh(scope, names, group, subject, filters=filters, looks=looks)
        if plain and self._settles(*key):
            if len(self._settled) >= MAX_REMEMBERED:
                self._settled.clear()
            self._settled[key] = decision
        return decision

    def _settles(self, scope: Scope, names: tuple[str, ...], group: str, filters: bool, around: Scope | None) -> bool:
        """Would every plain path of this place be judged as one is? ``around``: where hidden names must not be found."""
        conf, verdict = scope.get(AccessConf), self._verdict(scope, names, group, "")
        if self._filtering.get(scope) or verdict.ignore_hidden or not verdict.allowed:
            return False
        if conf.allow_filter or conf.deny_filter or (filters and (conf.path_allow_filter or conf.path_deny_filter)):
            return False
        hiding = None if around is None else around.get(HidingConf)
        return hiding is None or not (hiding.hide_files or hiding.hide_user or hiding.hide_group or hiding.hide_no_access)

    def _weigh(self, scope: Scope, names: tuple[str, ...], group: str, subject: Subject, *, filters: bool,
               looks: bool) -> Decision:
        path = subject.path
        verdict = self._verdict(scope, names, group, subject.arg)
        asked = vpath.outside(self._chroot, path.virtual)
        if verdict.allowed and asked != path.outside:
            verdict = self._both(verdict, asked, subject, names, group)
        reason = "" if verdict.allowed else verdict.reason
        if not reason and filters and not looks and group != "READ":
            reason = self._protected(scope.get(JailConf), path)
        if not reason:
            reason = self._filtered(scope.get(AccessConf), subject, filters)
        hider = self._hidden_by(path, subject.info) if reason or looks or verdict.ignore_hidden else ""
        reason = reason or hider
        conf = scope.get(OwnershipConf)
        group_owner = self._identity.group if conf.group_owner == "~" else conf.group_owner
        return Decision(not reason, bool(hider), conf.umask, conf.user_owner, group_owner, reason, scope)

    def decide_open(self, names: tuple[str, ...], group: str, path: VPath) -> Decision:
        """About a file that is open already; its name passed the filters then."""
        return self.decide(names, group, Subject(path, None), filters=False)

    def scope_of(self, path: str, directory: str = "") -> Scope:
        """Settings of a path, named from outside of any chroot: its Directory sections, then .ftpaccess files from the
        root of the process down to ``directory`` (every ancestor's, whatever way led here).

        The path itself is a directory unless its ``directory`` is given: the real server matches the whole path of a file
        against Directory sections, so that ``<Directory /srv/*>`` is about the files in /srv as well.
        """
        now = time.monotonic()
        known = self._uniform.get(directory)
        if known is not None and now <= known[0]:
            return known[1]
        scope = self._scope.under(path)
        until = math.inf
        if scope.get(AccessConf).allow_override:
            until, scope = self._overlay(scope, directory or path, now)
        if directory and not self._scope.divides(directory):
            if len(self._uniform) >= MAX_REMEMBERED:
                self._uniform.clear()
            self._uniform[directory] = until, scope
        return scope

    def _overlay(self, scope: Scope, directory: str, now: float) -> tuple[float, Scope]:
        """What the .ftpaccess files that lie in and above a directory make of its scope, and until when they are taken to
        be as they were."""
        known = self._overlaid.get((scope, directory))
        if known is None or now > known[0]:
            if len(self._overlaid) >= MAX_REMEMBERED:
                self._overlaid.clear()
            overlaid = self._dynamic.overlay(scope, vpath.inside(self._chroot, directory))
            known = self._overlaid[scope, directory] = now + FRESH_SECONDS, overlaid
        return known

    def changed(self, path: str) -> None:
        """This session has made, changed, moved or removed ``path``: rules may lie in it."""
        if path.endswith(_RULES):
            self.moved()

    def moved(self) -> None:
        """This session has moved a name, perhaps a directory with rules in it."""
        self._overlaid.clear()
        self._uniform.clear()

    def _both(self, verdict: Verdict, asked: str, subject: Subject, names: tuple[str, ...], group: str) -> Verdict:
        """The place as it was asked for, where that is another than the resolved one, may still refuse."""
        directory = subject.directory or (subject.info is not None and _stat.S_ISDIR(subject.info.st_mode))
        scope = self.scope_of(asked, "" if directory else vpath.split(asked)[0])
        other = self._verdict(scope, names, group, subject.arg)
        return verdict if other.allowed else other

    def _verdict(self, scope: Scope, names: tuple[str, ...], group: str, arg: str) -> Verdict:
        if not names and not group:
            return limits.ALLOWED
        filtered = self._filtering.get(scope)
        if filtered is None:
            filtered = self._filtering[scope] = limits.filtered(scope)
        if filtered:  # a Limit section asks about the argument: no two requests are alike
            return limits.evaluate(scope, names, group, self._facts, arg)
        key = (scope, names, group)
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= MAX_REMEMBERED:
                self._verdicts.clear()
                self._filtering.clear()
            verdict = self._verdicts[key] = limits.evaluate(scope, names, group, self._facts)
        return verdict

    def _filtered(self, conf: AccessConf, subject: Subject, filters: bool) -> str:
        """Name of the filter that refuses, ``""`` for none. Both names of a path that led through links must pass."""
        if conf.deny_filter is not None and conf.deny_filter.search(subject.arg):
            return f"DenyFilter ({conf.source('deny_filter')})"
        if conf.allow_filter is not None and not conf.allow_filter.search(subject.arg):
            return f"AllowFilter ({conf.source('allow_filter')})"
        if not filters:
            return ""
        path = subject.path
        for text in {path.virtual, path.real}:
            if conf.path_deny_filter is not None and conf.path_deny_filter.search(text):
                return f"PathDenyFilter ({conf.source('path_deny_filter')})"
            if conf.path_allow_filter is not None and not conf.path_allow_filter.search(text):
                return f"PathAllowFilter ({conf.source('path_allow_filter')})"
        return ""

    def _protected(self, conf: JailConf, path: VPath) -> str:
        """Name of the rule that forbids a change of what lies here, ``""`` for none."""
        if self._chroot and conf.chroot and any(vpath.within(path.real, place) for place in PROTECTED):
            return f"RLimitChroot on ({conf.source('chroot') or 'default'})"
        return ""

    # Hiding.

    def _hidden_by(self, path: VPath, info: os.stat_result | None) -> str:
        """Name of the rule for which a listing of its directory would leave this object out, ``""`` for none."""
        if path.real == "/":
            return ""
        conf = self.scope_of(path.directory).get(HidingConf)
        attribute = self._hides_entry(conf, vpath.split(path.real)[1], info)
        return f"{_HIDING[attribute]} ({conf.source(attribute)})" if attribute else ""

    def _hides_entry(self, conf: HidingConf, name: str, info: os.stat_result | None) -> str:
        """The setting that hides it, ``""`` for none."""
        for rule in conf.hide_files:
            if rule is None:  # "none" stands in front of what was inherited
                break
            if rule.search(name):
                return "hide_files"
        if info is None:
            return ""
        identity = self._identity
        if conf.hide_user and self._owned(conf.hide_user, info.st_uid, identity.uid, self._names.user_id):
            return "hide_user"
        if conf.hide_group and self._owned(conf.hide_group, info.st_gid, identity.gid, self._names.group_id):
            return "hide_group"
        return "hide_no_access" if conf.hide_no_access and not self._accessible(info) else ""

    @staticmethod
    def _owned(rules: tuple[HiddenOwner, ...], number: int, own: int, look_up: Callable[[str], int | None]) -> bool:
        for rule in rules:
            wanted = own if rule.name == "~" else look_up(rule.name)
            if (wanted == number) != rule.negated:
                return True
        return False

    def _accessible(self, info: os.stat_result) -> bool:
        """May the user read the file, or enter the directory? By the mode alone: access lists are not looked at."""
        identity = self._identity
        if identity.uid == 0:
            return True
        need = 0o5 if _stat.S_ISDIR(info.st_mode) else 0o4
        if info.st_uid == identity.uid:
            return info.st_mode >> 6 & need == need
        if info.st_gid in identity.gids or info.st_gid == identity.gid:
            return info.st_mode >> 3 & need == need
        return info.st_mode & need == need

    def entries(self, path: VPath) -> Admit:
        """The filter of a listing: hidden entries, and those whose own rules refuse READDIR, are left out."""
        scope = self._scope.under(path.outside)
        conf = self.scope_of(path.outside).get(HidingConf)
        hiding = bool(conf.hide_files or conf.hide_user or conf.hide_group or conf.hide_no_access)
        divided = self._scope.divides(path.outside)

        def admit(name: str, info: os.stat_result | None) -> bool:
            if name in (".", ".."):
                return True
            if hiding and self._hides_entry(conf, name, info):
                return False
            if not divided:
                return True
            entry = vpath.join(path.outside, name)
            if self._scope.under(entry) is scope:
                return True
            rules = self.scope_of(entry, "" if info is not None and _stat.S_ISDIR(info.st_mode) else path.outside)
            return self._verdict(rules, READDIR, "DIRS", "").allowed

        return admit
