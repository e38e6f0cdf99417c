"""Modules named in the configuration (mod_dso.c)."""

from __future__ import annotations

from pyproftpd import API
from pyproftpd.api import values
from pyproftpd.api.controls import ControlsAcl, controls_acl
from pyproftpd.api.directive import ConfBlock, Context, Repeat, Status, directive
from pyproftpd.api.module import Module


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
        syntax="actions|all allow|deny user|group list", default=(), default_text="deny all", repeat=Repeat.ACCUMULATE,
        status=Status.ACCEPTED, doc="Who may list, load and drop modules by ftpdctl.")
    module_order: tuple[str, ...] = directive(
        "ModuleOrder", values.words_of, where=Context.SERVER, arity="1..*", syntax="mod_name.c ...", default=(),
        default_text="load order", repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Order of the modules.")
    module_path: str | None = directive(
        "ModulePath", values.path, where=Context.SERVER, arity="1..*", syntax="dir", default_text="libexecdir",
        repeat=Repeat.LAST, status=Status.ACCEPTED, doc="Directory of the C server's shared modules.")


module = Module(name="dso", api=API, conf=(ModuleConf,))
