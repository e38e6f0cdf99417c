"""The FTP commands: one row each. None has a handler yet, so none is served; the rows say what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``group`` is the Limit group asked after the name and before ALL; ``classes`` are those of ExtendedLog.

    ``handler`` is an import path, ``""`` while the command is not served.
    """

    name: str
    module: str
    needs_login: bool
    group: str
    classes: str
    handler: str = ""


COMMANDS: tuple[Row, ...] = (
    Row("ABOR", "xfer", True, "", "MISC"),
    Row("ACCT", "auth", False, "", "AUTH"),
    Row("ADAT", "core", False, "", ""),
    Row("ALLO", "xfer", True, "", "MISC"),
    Row("APPE", "xfer", True, "WRITE", "WRITE"),
    Row("CDUP", "core", True, "DIRS", "DIRS"),
    Row("CLNT", "core", False, "", "INFO"),
    Row("CONF", "core", False, "", ""),
    Row("CSID", "core", True, "", "INFO"),
    Row("CWD", "core", True, "DIRS", "DIRS"),
    Row("DELE", "core", True, "WRITE", "WRITE"),
    Row("ENC", "core", False, "", ""),
    Row("EPRT", "core", True, "", "MISC"),
    Row("EPSV", "core", True, "", "MISC"),
    Row("FEAT", "core", False, "", "INFO"),
    Row("HELP", "core", False, "", "INFO"),
    Row("HOST", "core", False, "", "MISC"),
    Row("LANG", "lang", False, "", ""),
    Row("LIST", "ls", True, "DIRS", "DIRS"),
    Row("MDTM", "core", True, "DIRS", "INFO,DIRS"),
    Row("MFF", "facts", True, "WRITE", "WRITE"),
    Row("MFMT", "facts", True, "WRITE", "WRITE"),
    Row("MIC", "core", False, "", ""),
    Row("MKD", "core", True, "WRITE", "DIRS,WRITE"),
    Row("MLSD", "facts", True, "DIRS", "DIRS"),
    Row("MLST", "facts", True, "DIRS", "DIRS"),
    Row("MODE", "xfer", True, "", "MISC"),
    Row("NLST", "ls", True, "DIRS", "DIRS"),
    Row("NOOP", "core", False, "", "MISC"),
    Row("OPTS", "core", False, "", "MISC"),
    Row("OPTS MLST", "facts", False, "", ""),
    Row("OPTS REST", "xfer", False, "", ""),
    Row("OPTS UTF8", "lang", False, "", ""),
    Row("PASS", "auth", False, "LOGIN", "AUTH"),
    Row("PASV", "core", True, "", "MISC"),
    Row("PORT", "core", True, "", "MISC"),
    Row("PWD", "core", True, "DIRS", "INFO,DIRS"),
    Row("QUIT", "core", False, "", "INFO"),
    Row("RANG", "xfer", True, "", "MISC"),
    Row("REIN", "auth", False, "", "AUTH"),
    Row("REST", "xfer", True, "", "MISC"),
    Row("RETR", "xfer", True, "READ", "READ"),
    Row("RMD", "core", True, "WRITE", "DIRS,WRITE"),
    Row("RNFR", "core", True, "WRITE", "MISC,WRITE"),
    Row("RNTO", "core", True, "WRITE", "MISC,WRITE"),
    Row("SITE", "site", False, "", "MISC"),
    Row("SITE CHGRP", "site", True, "WRITE", "MISC"),
    Row("SITE CHMOD", "site", True, "WRITE", "MISC"),
    Row("SITE HELP", "site", False, "", ""),
    Row("SIZE", "core", True, "READ", "INFO"),
    Row("SMNT", "xfer", True, "", "MISC"),
    Row("STAT", "ls", True, "DIRS", "INFO"),
    Row("STOR", "xfer", True, "WRITE", "WRITE"),
    Row("STOU", "xfer", True, "WRITE", "WRITE"),
    Row("STRU", "xfer", True, "", "MISC"),
    Row("SYST", "core", False, "", "INFO"),
    Row("TYPE", "xfer", False, "", "MISC"),
    Row("USER", "auth", False, "LOGIN", "AUTH"),
    Row("XCUP", "core", True, "DIRS", "DIRS"),
    Row("XCWD", "core", True, "DIRS", "DIRS"),
    Row("XMKD", "core", True, "WRITE", "DIRS,WRITE"),
    Row("XPWD", "core", True, "DIRS", "INFO,DIRS"),
    Row("XRMD", "core", True, "WRITE", "DIRS,WRITE"),
)


def described() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """For ``--describe commands``."""
    header = ("command", "module", "auth_required", "limit_groups", "log_class", "status")
    return header, [
        (row.name, f"mod_{row.module}", "yes" if row.needs_login else "no", f"{row.group},ALL".lstrip(","),
         row.classes or "-", "honoured" if row.handler else "accepted") for row in COMMANDS]
