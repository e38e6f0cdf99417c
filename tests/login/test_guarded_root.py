"""A root directory behind a directory that is closed to its user, as a home below /root is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import openssh
from tests.servers import Server, Site, scratch

pytestmark = pytest.mark.root


def closed_home(site: Site, above: Path) -> None:
    """The demo user's home moves to ``above/home``, where he cannot walk to."""
    account = site.accounts["demo"]
    account.home = above / "home"
    account.home.mkdir()
    os.chown(account.home, account.uid, account.gid)
    above.chmod(0o700)


def test_it_is_entered_when_root_alone_leads_there(start: Callable[..., Server], site: Site) -> None:
    # below /opt, since every directory above must be root's alone and /tmp is everybody's
    with tempfile.TemporaryDirectory(prefix="pyproftpd-", dir="/opt") as directory:
        above = Path(directory)
        closed_home(site, above)
        server = start("DefaultRoot ~\nAllowOverwrite on\n")
        done = openssh.sftp(server, "put /etc/hostname inside\nls /\n")
        assert done.returncode == 0, done.stderr + site.log("stderr")
        assert (above / "home" / "inside").stat().st_uid == site.accounts["demo"].uid


def test_it_is_refused_where_others_may_have_decided_the_way(start: Callable[..., Server], site: Site) -> None:
    with scratch() as above:
        closed_home(site, above)
        server = start("DefaultRoot ~\n")
        assert openssh.sftp(server, "ls\n").returncode != 0
        assert "chroot to '~'" in site.wait_for_log("stderr", "DefaultRoot ~")


def test_it_is_refused_where_the_directory_itself_is_closed_to_the_user(start: Callable[..., Server], site: Site) -> None:
    with tempfile.TemporaryDirectory(prefix="pyproftpd-", dir="/opt") as above:  # of mode 0700
        server = start(f"DefaultRoot {above}\n")
        assert openssh.sftp(server, "ls\n").returncode != 0
        site.wait_for_log("stderr", f"(resolved to '{above}') failed: Permission denied [DefaultRoot {above} (")
