"""mod_sftp: SSH2, SFTP and SCP for pyproftpd."""

from mod_sftp.module import module as module
