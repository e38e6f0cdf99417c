"""RootRevoke and mod_cap: what of root's power a session keeps after login. Source: real server, checked against 1.3.8.

======================================  ===========================================================
RootRevoke on, or auto without          nothing
UserOwner anywhere
auto with UserOwner                     CAP_CHOWN and what CapabilitiesSet adds; all ids are the user's
RootRevoke off                          real uid 0, as documented; with Capabilities directives
                                        written in the configuration: as in the row above
CapabilitiesEngine off, or              real uid 0 wherever the first row does not apply
CapabilitiesRootRevoke off
======================================  ===========================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyproftpd.session.conf import CapConf, LoginConf
from pyproftpd.vfs.conf import OwnershipConf

if TYPE_CHECKING:
    from pyproftpd.conf.scope import Scope

#: what giving files away needs; the real server also keeps SETUID and SETGID, which lead back to root
DEFAULT = frozenset({"CAP_CHOWN"})


def decide(scope: Scope) -> frozenset[str] | None:
    """The capabilities to keep when root is given up; ``None`` = keep the real uid 0."""
    wanted = scope.get(LoginConf).root_revoke
    if wanted or (wanted is None and not _gives_files_away(scope)):
        return frozenset()
    conf = scope.get(CapConf)
    if not conf.capabilities_engine or not conf.capabilities_root_revoke:
        return None
    written = conf.source("capabilities_engine") or conf.source("capabilities_set")
    if wanted is False and not written:
        return None
    return chosen(conf.capabilities_set)


def chosen(words: tuple[str, ...]) -> frozenset[str]:
    """``+CAP_X`` adds to the default set, ``-CAP_X`` takes away; the last word about one counts."""
    kept = set(DEFAULT)
    for word in words:
        if word.startswith("+"):
            kept.add(word[1:])
        else:
            kept.discard(word[1:])
    return frozenset(kept)


def _gives_files_away(scope: Scope) -> bool:
    """UserOwner anywhere: which directory the user will write to is not known yet."""
    return any(place.get(OwnershipConf).user_owner is not None for place in (scope, *scope.directories))
