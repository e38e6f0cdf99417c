"""The core (mod_core.c): what servers, paths and logs are called, and the sections of the language."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd import API
from pyproftpd.api.directive import ANYWHERE, SERVERS, Context
from pyproftpd.api.module import Known, Module, Section, Table
from pyproftpd.conf.conditions import ClassConf
from pyproftpd.conf.language import LanguageConf
from pyproftpd.conf.limit import LimitConf
from pyproftpd.ftp.conf import FtpConf
from pyproftpd.log.conf import TraceConf, TransferLogConf
from pyproftpd.session.conf import (
    DaemonConf,
    DisplayConf,
    EnvironmentConf,
    ProtocolConf,
    ServerConf,
    SocketConf,
    TimeoutConf,
)
from pyproftpd.session.session import Session
from pyproftpd.session.shutmsg import ShutdownConf
from pyproftpd.vfs.conf import AccessConf, FsConf, HidingConf, OwnershipConf


def _module_present(words: Sequence[str], known: Known) -> bool:
    """``[!]mod_x.c``; without the suffix it is never true (source: real server)."""
    name, wanted = words[0].removeprefix("!"), not words[0].startswith("!")
    present = name.startswith("mod_") and name.endswith(".c") and name[4:-2] in known.modules
    return present == wanted


def _label_defined(words: Sequence[str], known: Known) -> bool:
    return (words[0].removeprefix("!") in known.labels) != words[0].startswith("!")


SECTIONS = (
    Section(keyword="VirtualHost", kind="virtualhost", where=Context.SERVER, arity="1..*", syntax="addr|name|device ...",
            context=Context.VIRTUALHOST, doc="A server of its own on other addresses or another port."),
    Section(keyword="Global", kind="global", where=Context.SERVER | Context.VIRTUALHOST, arity="0..0", syntax="(none)",
            context=Context.GLOBAL, doc="Settings for every server; a server's own come before them."),
    Section(keyword="Anonymous", kind="anonymous", where=SERVERS, arity="1..*", syntax="root-dir",
            context=Context.ANONYMOUS, doc="A guest login, locked into a directory."),
    Section(keyword="Directory", kind="directory", where=SERVERS | Context.ANONYMOUS, arity="1..*", syntax="path",
            context=Context.DIRECTORY, repeat="same path twice in one server is an error",
            doc="Settings of a directory and what is below it, or with /* of what is below alone."),
    Section(keyword="Limit", kind="limit",
            where=SERVERS | Context.ANONYMOUS | Context.DIRECTORY | Context.FTPACCESS, arity="1..*",
            syntax="command|group ...", context=Context.LIMIT, doc="Who may use which commands."),
    Section(keyword="Class", kind="class", where=Context.SERVER | Context.GLOBAL, arity="1..*", syntax="name",
            context=Context.CLASS, doc="A name for clients of some addresses or names."),
    Section(keyword="IfModule", kind="choice", where=ANYWHERE, arity="1..*", syntax="[!]mod_name.c",
            holds=_module_present, doc="Read the content only if a module is there."),
    Section(keyword="IfDefine", kind="choice", where=ANYWHERE, arity="1..*", syntax="[!]label",
            holds=_label_defined, doc="Read the content only if a label is defined."),
)

def _commands() -> Table:
    from pyproftpd.ftp import table

    return table.described()


def _set_environment(session: Session) -> None:
    """SetEnv and UnsetEnv, for log formats, Display files and PAM."""
    conf = session.scope.get(EnvironmentConf)
    session.environ.update(conf.set_env)
    for name in conf.unset_env:
        session.environ.pop(name, None)


module = Module(
    name="core", api=API, session_init=_set_environment, sections=SECTIONS, describe={"commands": _commands},
    conf=(LanguageConf, ServerConf, DaemonConf, SocketConf, TimeoutConf, DisplayConf, EnvironmentConf, ProtocolConf,
          ShutdownConf, OwnershipConf, AccessConf, HidingConf, FsConf, LimitConf, ClassConf, TransferLogConf, TraceConf, FtpConf))
