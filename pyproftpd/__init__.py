"""pyproftpd: ProFTPD with mod_sftp and mod_sftp_pam, rebuilt in Python for Linux."""

__version__ = "0.1.0"

#: The release of ProFTPD whose configuration language and behaviour are the measure; what ``proftpd -v`` says.
COMPATIBILITY = "1.3.10rc5"

#: Version of the contracts in :mod:`pyproftpd.api`; a module built for another number is refused at load.
API = 1
