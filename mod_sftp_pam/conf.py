"""The SFTPPAM... directives of mod_sftp_pam."""

from __future__ import annotations

from pyproftpd.api import values
from pyproftpd.api.directive import SERVERS, ConfBlock, Repeat, directive

#: rows as in ``mod_sftp.words``: word, value, default, note
OPTIONS = (
    ("NoTTY", "flag", "off", "do not tell PAM of a terminal"),
    ("NoInfoMsgs", "flag", "off", "keep PAM's information messages from the client"),
    ("NoRadioMsgs", "flag", "off", "keep PAM's choice messages from the client"),
)
_options = values.options(*(row[0] for row in OPTIONS))


class SftpPamConf(ConfBlock, module="sftp_pam", prefix="SFTPPAM"):
    """Keyboard-interactive login through PAM."""

    engine: bool = directive(
        "SFTPPAMEngine", values.boolean, where=SERVERS, arity="1..*", syntax="on|off", default=True, default_text="on",
        doc="Ask PAM's questions in keyboard-interactive logins.")
    options: frozenset[str] = directive(
        "SFTPPAMOptions", _options, where=SERVERS, arity="1..*", syntax="opt ...", default=frozenset(),
        repeat=Repeat.ACCUMULATE, joined=True, doc="What PAM is not told, and what clients are not shown.")
    service_name: str = directive(
        "SFTPPAMServiceName", values.text, where=SERVERS, arity="1..*", syntax="service", default="sshd",
        default_text="sshd", doc="Name of the PAM service.")
