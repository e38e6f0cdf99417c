"""Modules named in the configuration (mod_dso.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.controls import FAILED, Answer, ControlsAcl, Daemon, controls_acl
from pyproftpd.api.directive import ConfBlock, Context, Repeat, Status, directive
from pyproftpd.api.module import Control, Module


class ModuleConf(ConfBlock, module="dso"):
    """Which modules are loaded, and from where."""

    load_module: tuple[str, ...] = directive(
        "LoadModule", values.text, where=Context.SERVER, arity="1..*", syntax="mod_name.c", default=(),
        repeat=Repeat.ACCUMULATE, doc="Load a module.")
    load_file: tuple[str, ...] = directive(
        "LoadFile", values.path, where=Context.SERVER, arity="1..*", syntax="path", default=(),
        repeat=Repeat.ACCUMULATE, status=Status.ACCEPTED, doc="Load a library.")
    module_controls_ac_ls: tuple[ControlsAcl, ...] = directive(
        "ModuleControlsACLs", controls_acl, where=Context.SERVER, arity="4..*",
        syntax="actions|all allow|deny user|group list", default=(), default_text="root only", repeat=Repeat.ACCUMULATE,
        doc="Who may list modules by ftpdctl.")
    module_order: tuple[str, ...] = directive(
        "ModuleOrder", values.words_of, where=Context.SERVER, arity="1..*", syntax="mod_name.c ...", default=(),
        default_text="load order", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Order of the modules.")
    module_path: str | None = directive(
        "ModulePath", values.path, where=Context.SERVER, arity="1..*", syntax="dir", default_text="libexecdir",
        repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Directory of the C server's shared modules.")


def _list(daemon: Daemon, words: Sequence[str]) -> Answer:
    if words:
        return FAILED, ["wrong number of parameters"]
    return 0, ["Loaded Modules:", *(f"  mod_{module.name}.c" for module in daemon.configuration.modules)]


def _acls(scope: Any) -> Sequence[ControlsAcl]:
    return scope.get(ModuleConf).module_controls_ac_ls  # type: ignore[no-any-return]


module = Module(name="dso", api=API, conf=(ModuleConf,), controls=(Control("lsmod", "list modules", _list, _acls),))
