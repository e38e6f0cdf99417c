"""Who may do what where: Limit, filters, hiding, links around rules. Rows are requests, so that none can be forgotten."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from pyproftpd.errors import Refused
from tests.unit.vfs.windows import Window, request

Make = Callable[..., Window]
Request = Callable[[Window], object]


def upload(here: Window, path: str, **wanted: bool) -> None:
    here.open(path, **wanted).finish()


#: what names or creates the file "d/target"; "d/other" exists beside it
REQUESTS: dict[str, Request] = {
    "upload": lambda here: upload(here, "d/target"),
    "resume": lambda here: upload(here, "d/target", truncate=False),
    "append": lambda here: upload(here, "d/target", truncate=False, append=True),
    "download": lambda here: here.get("d/target"),
    "checksum": lambda here: here.view.open_quietly(request("RETR", "READ"), "d/target").close(),
    "remove": lambda here: here.view.remove(request("DELE", "WRITE"), "d/target"),
    "rename from": lambda here: here.rename("d/target", "d/new"),
    "rename to": lambda here: here.rename("d/other", "d/target", overwrite=True),
    "copy from": lambda here: here.copy("d/target", "d/new"),
    "copy to": lambda here: here.copy("d/other", "d/target", overwrite=True),
    "hard link from": lambda here: here.view.link(request("LINK"), "d/new", "d/target"),
    "hard link to": lambda here: here.view.link(request("LINK"), "d/target", "d/other"),
    "symlink from": lambda here: here.view.symlink(request("SYMLINK"), "target", "d/new"),
    "symlink to": lambda here: here.view.symlink(request("SYMLINK"), "other", "d/target"),
    "chmod": lambda here: here.view.set_attributes(request("SETSTAT", "WRITE"), "d/target", mode=0o600),
    "utime": lambda here: here.view.set_attributes(request("SETSTAT", "WRITE"), "d/target", mtime_ns=0, follow=False),
    "truncate": lambda here: here.view.set_attributes(request("SETSTAT", "WRITE"), "d/target", size=0),
    "set xattr": lambda here: here.view.set_xattr(request("SETSTAT", "WRITE"), "d/target", "user.a", b"x"),
    "get xattr": lambda here: here.view.list_xattrs(request("STAT", "READ"), "d/target"),
    "mkdir": lambda here: here.view.mkdir(request("MKD", "WRITE"), "d/target"),
    "rmdir": lambda here: here.view.rmdir(request("RMD", "WRITE"), "d/target"),
}

#: requests that leave the file "target" another one, or with other content, than before
REPLACING = ("upload", "resume", "rename to", "copy to", "truncate", "hard link to")


def world(window: Make, text: str) -> Window:
    here = window(text)
    here.keep("d/target", b"target")
    here.keep("d/other", b"other")
    return here


def content(here: Window) -> bytes:
    return (here.root / "d" / "target").read_bytes()


# -- path filters -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("rule", [r"PathDenyFilter target$", r"PathAllowFilter (other|new)$"])
def test_f5_path_filters_hold_for_every_request(window: Make, name: str, rule: str) -> None:
    here = world(window, f"AllowOverwrite on\nAllowStoreRestart on\n{rule}\n")
    before = sorted(os.listdir(here.root / "d"))
    with pytest.raises(Refused) as caught:
        REQUESTS[name](here)
    assert caught.value.errno == errno.EACCES and rule.split()[0] in caught.value.rule and "root.conf:" in caught.value.rule
    assert content(here) == b"target" and sorted(os.listdir(here.root / "d")) == before


def test_path_filters_let_one_look(window: Make) -> None:
    here = world(window, "PathDenyFilter target$\n")
    assert here.view.stat(request("STAT", "READ"), "d/target").st_size == 6
    assert "target" in here.names("d")


def test_a_path_filter_sees_through_links(window: Make) -> None:
    here = world(window, "PathDenyFilter target$\n")
    (here.root / "alias").symlink_to("d/target")
    with pytest.raises(Refused):
        here.get("alias")


def test_filters_of_arguments(window: Make) -> None:
    here = world(window, "DenyFilter %\nAllowFilter ^[a-z/%.]*$\n")
    for arg, allowed in (("d/target", True), ("d/%n", False), ("d/TARGET", False)):
        cmd = request("STAT", "READ")
        cmd.sent = arg
        if allowed:
            here.view.stat(cmd, "d/target")
        else:
            with pytest.raises(Refused):
                here.view.stat(cmd, "d/target")


# -- AllowOverwrite -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", REPLACING)
def test_a10_21_nothing_replaces_a_file_under_allow_overwrite_off(window: Make, name: str) -> None:
    here = world(window, "AllowStoreRestart on\n")
    with pytest.raises((Refused, FileExistsError)):
        REQUESTS[name](here)
    assert content(here) == b"target"


@pytest.mark.parametrize("name", ["upload", "resume", "rename to", "copy to", "truncate"])
def test_allow_overwrite_on_lets_them(window: Make, name: str) -> None:
    here = world(window, "AllowOverwrite on\n")
    REQUESTS[name](here)
    assert (here.root / "d" / "target").exists()


# -- Limit --------------------------------------------------------------------------------------------------------------

#: request -> the Limit names and groups each of which refuses it
LIMITS = {
    "upload": ("STOR", "WRITE", "ALL"), "append": ("APPE", "WRITE", "ALL"), "download": ("RETR", "READ", "ALL"),
    "checksum": ("RETR", "READ", "ALL"), "remove": ("DELE", "WRITE", "ALL"), "rename from": ("RNFR", "DIRS", "ALL"),
    "rename to": ("RNTO", "WRITE", "ALL"), "copy from": ("SITE_COPY", "READ", "ALL"), "copy to": ("SITE_COPY", "WRITE", "ALL"),
    "hard link from": ("LINK", "RETR", "READ", "ALL"), "hard link to": ("LINK", "WRITE", "ALL"),
    "symlink from": ("SYMLINK", "READ", "ALL"), "symlink to": ("SYMLINK", "WRITE", "ALL"),
    "chmod": ("SETSTAT", "SITE_CHMOD", "WRITE", "ALL"), "truncate": ("SETSTAT", "WRITE", "ALL"),
    "set xattr": ("SETSTAT", "WRITE", "ALL"), "get xattr": ("STAT", "READ", "ALL"), "mkdir": ("MKD", "XMKD", "WRITE", "ALL"),
    "rmdir": ("RMD", "XRMD", "WRITE", "ALL"),
}


@pytest.mark.parametrize(("name", "limit"), [(name, limit) for name, limits in LIMITS.items() for limit in limits])
def test_f6_limits_by_request(window: Make, name: str, limit: str) -> None:
    here = world(window, "AllowOverwrite on\nAllowStoreRestart on\n"
                 f"<Directory {{root}}/d>\n<Limit {limit}>\nDenyAll\n</Limit>\n</Directory>\n")
    with pytest.raises(Refused) as caught:
        REQUESTS[name](here)
    assert caught.value.errno == errno.EACCES and "<Limit" in caught.value.rule
    assert content(here) == b"target"


VERDICTS = [
    # what stands at the server, in <Directory root>, in <Directory root/d>; may DELE happen in d?
    ("", "", "", True),
    ("<Limit DELE>\nDenyAll\n</Limit>", "", "", False),
    ("<Limit DELE>\nDenyAll\n</Limit>", "", "<Limit DELE>\nAllowAll\n</Limit>", True),
    ("<Limit DELE>\nDenyAll\n</Limit>", "", "<Limit WRITE>\nAllowAll\n</Limit>", False),
    ("", "<Limit WRITE>\nDenyAll\n</Limit>", "<Limit DELE>\nAllowAll\n</Limit>", True),
    ("<Limit ALL>\nDenyAll\n</Limit>", "<Limit WRITE>\nAllowAll\n</Limit>", "", True),
    ("<Limit ALL>\nDenyAll\n</Limit>", "<Limit READ>\nAllowAll\n</Limit>", "", False),
    ("", "<Limit DELE>\nAllowUser alice\nDenyAll\n</Limit>", "", True),
    ("", "<Limit DELE>\nAllowUser bob\nDenyAll\n</Limit>", "", False),
    ("", "<Limit DELE>\nDenyUser alice\n</Limit>", "", False),
    ("", "<Limit DELE>\nDenyUser bob\n</Limit>", "", True),
    ("", "<Limit DELE>\nOrder deny,allow\nAllowUser bob\n</Limit>", "", False),
    ("", "<Limit DELE>\nOrder deny,allow\nAllowUser alice\n</Limit>", "", True),
    ("", "<Limit DELE>\nOrder deny,allow\nDenyUser alice\nAllowUser alice\n</Limit>", "", False),
    ("", "<Limit DELE>\nOrder allow,deny\nDenyUser alice\nAllowUser alice\n</Limit>", "", True),
    ("<Limit DELE>\nDenyAll\n</Limit>", "", "<Limit DELE>\nDenyUser bob\n</Limit>", False),
    ("", "<Limit DELE>\nAllowGroup staff\nDenyAll\n</Limit>", "", True),
    ("", "<Limit DELE>\nAllowGroup guests\nDenyAll\n</Limit>", "", False),
    ("", "<Limit DELE>\nAllowGroup staff,guests\nDenyAll\n</Limit>", "", False),
    ("", "<Limit DELE>\nAllowGroup OR staff,guests\nDenyAll\n</Limit>", "", True),
    ("", "<Limit DELE>\nDenyGroup !staff\n</Limit>", "", True),
    ("", "<Limit DELE>\nAllowUser regex ^al\nDenyAll\n</Limit>", "", True),
    ("", "<Limit DELE>\nOrder allow,deny\nAllow from 127.0.0.0/8\nDeny from all\n</Limit>", "", True),
    ("", "<Limit DELE>\nAllow from 192.0.2.0/24\nDeny from all\n</Limit>", "", False),
    ("", "<Limit DELE>\nDeny from 127.0.0.1\n</Limit>", "", False),
    ("", "<Limit DELE>\nDenyFilter target\n</Limit>", "", False),
    ("", "<Limit DELE>\nDenyFilter elsewhere\n</Limit>", "", True),
    ("", "", "DenyAll", False),
    ("", "DenyAll", "", True),
    ("", "", "DenyAll\n<Limit DELE>\nAllowAll\n</Limit>", False),
    ("", "", "DenyAll\nAllowAll", True),
]


@pytest.mark.parametrize(("server", "outer", "inner", "allowed"), VERDICTS)
def test_the_order_in_which_limits_are_asked(window: Make, server: str, outer: str, inner: str, allowed: bool) -> None:
    here = world(window, f"{server}\n<Directory {{root}}>\n{outer}\nUmask 022\n</Directory>\n"
                 f"<Directory {{root}}/d>\n{inner}\nUmask 022\n</Directory>\n")
    cmd = request("DELE", "WRITE")
    cmd.sent = "d/target"
    if allowed:
        here.view.remove(cmd, "d/target")
        assert not (here.root / "d" / "target").exists()
    else:
        with pytest.raises(Refused):
            here.view.remove(cmd, "d/target")
        assert cmd.reason and (here.root / "d" / "target").exists()


def test_one_request_may_have_several_names(window: Make) -> None:
    """LIST denied empties a listing, an explicit allow of READDIR speaks first."""
    text = "<Directory {root}/d>\n<Limit LIST NLST>\nDenyAll\n</Limit>\n</Directory>\n"
    here = world(window, text)
    assert here.names("d") == set()
    here = world(window, text.replace("</Directory>", "<Limit READDIR>\nAllowAll\n</Limit>\n</Directory>"))
    assert here.names("d") >= {"target", "other"}


# -- links and rules ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["{root}/d/target", "{root}/shortcut/target", "{root}/alias", "/proc/self/root{root}/d/target",
                                 "{root}/x/../d/target", "/proc/thread-self/root{root}/shortcut/target"])
def test_f8_rules_are_those_of_the_object_whatever_the_way(window: Make, way: str) -> None:
    here = world(window, "AllowOverwrite on\n<Directory {root}/d>\n<Limit READ WRITE>\nDenyAll\n</Limit>\n</Directory>\n")
    (here.root / "shortcut").symlink_to("d")
    (here.root / "alias").symlink_to(here.root / "d" / "target")
    path = way.format(root=here.root)
    with pytest.raises(Refused):
        here.get(path)
    with pytest.raises(Refused):
        here.open(path)
    assert content(here) == b"target"


def test_f8_rules_of_the_name_that_was_asked_for_hold_too(window: Make) -> None:
    here = world(window, "<Directory {root}/closed>\n<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n")
    (here.root / "closed").symlink_to("d")
    with pytest.raises(Refused):
        here.get("closed/target")
    assert here.get("d/target") == b"target"


def test_a_new_link_does_not_lead_around_a_rule(window: Make) -> None:
    here = world(window, "<Directory {root}/d>\n<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n")
    with pytest.raises(Refused):
        here.view.symlink(request("SYMLINK"), "d/target", "way")
    os.symlink(here.root / "d", here.root / "way")  # as a shell would
    with pytest.raises(Refused):
        here.get("way/target")


# -- hiding -------------------------------------------------------------------------------------------------------------

HIDING = {
    "files": "HideFiles ^target$", "user": "HideUser root", "other users": "HideUser !alice", "group": "HideGroup root",
    "no access": "HideNoAccess on",
}


@pytest.mark.root
@pytest.mark.parametrize("rule", HIDING)
def test_f11_hidden_names_do_not_exist(window: Make, rule: str) -> None:
    here = window(f"<Directory {{root}}/d>\n{HIDING[rule]}\n</Directory>\n", uid=4001)
    here.keep("d/target").chmod(0o600)
    os.chown(here.keep("d/other"), 4001, 5001)
    os.chown(here.root / "d", 4001, 5001)
    assert here.names("d") - {".", ".."} == {"other"}
    for look in (
        lambda: here.view.stat(request("STAT", "READ"), "d/target"),
        lambda: here.view.lstat(request("LSTAT"), "d/target"),
        lambda: here.view.realpath(request("REALPATH", "DIRS"), "d/target", must_exist=True),
        lambda: here.view.list_xattrs(request("STAT", "READ"), "d/target"),
        lambda: here.view.statvfs(request("STAT", "READ"), "d/target"),
    ):
        with pytest.raises(Refused) as caught:
            look()
        assert caught.value.errno == errno.ENOENT
    assert here.view.glob("d/*") == [f"{here.root}/d/other"]


@pytest.mark.parametrize("name", ["upload", "download", "remove", "rename from", "chmod", "copy from", "hard link from"])
def test_f11_ignore_hidden_hides_from_every_request(window: Make, name: str) -> None:
    here = world(window, "AllowOverwrite on\n<Directory {root}/d>\nHideFiles ^target$\n"
                 "<Limit ALL>\nIgnoreHidden on\n</Limit>\n</Directory>\n")
    with pytest.raises(Refused) as caught:
        REQUESTS[name](here)
    assert caught.value.errno == errno.ENOENT
    assert content(here) == b"target"


def test_a_hidden_name_that_is_refused_as_well_is_not_given_away(window: Make) -> None:
    here = world(window, "<Directory {root}/d>\nHideFiles ^target$\n<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n")
    with pytest.raises(Refused) as caught:
        here.get("d/target")
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(Refused) as caught:
        here.get("d/other")
    assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("rule", ["HideUser alice", "HideFiles ^target$"])
def test_what_is_hidden_without_ignore_hidden_is_only_out_of_sight(window: Make, rule: str) -> None:
    """Whoever knows the name may fetch it, or store it: the names of unfinished uploads are hidden so. Source: real server."""
    here = world(window, f"AllowOverwrite on\n<Directory {{root}}/d>\n{rule}\n</Directory>\n")
    assert here.get("d/target") == b"target"
    here.put("d/target", b"new")
    here.view.set_attributes(request("SETSTAT", "WRITE"), "d/target", mode=0o600)
    assert content(here) == b"new"


def test_entries_that_may_not_be_listed_are_left_out(window: Make) -> None:
    here = world(window, "<Directory {root}/d>\n<Limit DIRS>\nDenyAll\n</Limit>\n</Directory>\n")
    assert "d" not in here.names()
    with pytest.raises(Refused):
        here.names("d")


@pytest.mark.parametrize("section", ["{root}/d/*", "{root}/d/target", "{root}/*/targ?t", "{root}/d/t*"])
def test_files_that_may_not_be_listed_are_left_out(window: Make, section: str) -> None:
    here = world(window, f"<Directory {section}>\n<Limit DIRS>\nDenyAll\n</Limit>\n</Directory>\n")
    assert here.names("d") - {".", "..", "other"} == set()
    assert ("other" in here.names("d")) is (section != "{root}/d/*")


# -- .ftpaccess ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["a/b/c/f", "a/../a/b/./c/f", "way/c/f", "{root}/a/b/c/f"])
def test_f9_ftpaccess_of_an_ancestor_holds_whatever_the_way(window: Make, way: str) -> None:
    here = window("AllowOverride on\n")
    here.keep("a/b/c/f", b"x")
    here.keep("a/.ftpaccess", b"<Limit READ>\nDenyAll\n</Limit>\n")
    here.keep("a/b/.ftpaccess", b"Umask 077\n")
    (here.root / "way").symlink_to("a/b")
    for cwd in ("", "/a", "/a/b", "/a/b/c"):
        here.view.cwd = str(here.root) + cwd
        with pytest.raises(Refused):
            here.get(f"{here.root}/{way}" if not way.startswith("{") else way.format(root=here.root))


@pytest.mark.parametrize("section", ["{root}/d/in", "{root}/d/*", "{root}/*/in"])
def test_ftpaccess_has_no_say_in_what_the_configuration_says_of_places_inside(window: Make, section: str) -> None:
    """Who may write a directory cannot open one in it that the administrator has closed."""
    here = window(f"AllowOverride on\nUmask 077\n<Directory {section}>\nUmask 027\nPathDenyFilter denied$\n"
                  "<Limit READ>\nDenyAll\n</Limit>\n</Directory>\n")
    here.keep("d/in/f", b"x")
    here.keep("d/.ftpaccess", b"Umask 000\nPathDenyFilter nothing\n<Limit ALL>\nAllowAll\n</Limit>\n")
    for request_ in (lambda: here.get("d/in/f"), lambda: here.put("d/in/denied", b"")):
        with pytest.raises(Refused):
            request_()
    here.put("d/in/new", b"")
    assert (here.root / "d/in/new").stat().st_mode & 0o777 == 0o640
    here.keep("d/in/.ftpaccess", b"<Limit READ>\nAllowAll\n</Limit>\n")
    here.view.access.moved()
    if section != "{root}/d/*":  # a file of the very directory that the section names
        assert here.get("d/in/f") == b"x"


def test_a_file_that_says_something_else_lifts_no_denyall(window: Make) -> None:
    here = window("AllowOverride on\n<Directory {root}/d>\nDenyAll\n</Directory>\n")
    here.keep("d/f", b"x")
    here.keep("d/in/f", b"x")
    here.keep("d/in/.ftpaccess", b"Umask 077\n<Limit READ>\nAllowAll\n</Limit>\n")
    for path in ("d/f", "d/in/f"):
        with pytest.raises(Refused):
            here.get(path)


def test_ftpaccess_takes_effect_when_it_is_uploaded_and_when_it_goes(window: Make) -> None:
    here = window("AllowOverride on\nUmask 022\n")
    here.put("one", b"")
    here.put(".ftpaccess", b"Umask 077\n")
    here.put("two", b"")
    here.view.remove(request("DELE", "WRITE"), ".ftpaccess")
    here.put("three", b"")
    modes = {name: (here.root / name).stat().st_mode & 0o777 for name in ("one", "two", "three")}
    assert modes == {"one": 0o644, "two": 0o600, "three": 0o644}


def test_allow_override_off_leaves_ftpaccess_unread(window: Make) -> None:
    here = window("<Directory {root}/d>\nAllowOverride off\n</Directory>\n")
    here.keep("d/f", b"x")
    here.keep("d/.ftpaccess", b"<Limit READ>\nDenyAll\n</Limit>\n")
    assert here.get("d/f") == b"x"


def test_a_fault_in_ftpaccess_is_logged_and_the_rest_holds(window: Make) -> None:
    here = window("AllowOverride on\n")
    here.keep("d/f", b"x")
    here.keep("d/.ftpaccess", b"NoSuchThing on\n<Limit READ>\nDenyAll\n</Limit>\n")
    with pytest.raises(Refused):
        here.get("d/f")
    assert any("NoSuchThing" in line for line in here.log.lines)


# -- decisions ----------------------------------------------------------------------------------------------------------

def test_a_check_changes_nothing(window: Make) -> None:
    here = world(window, "AllowOverwrite on\nHiddenStores on\n")
    before = sorted(os.listdir(here.root / "d"))
    with here.view.locate(request("STOR"), "d/new", follow=True) as place:
        decision = here.view.judge(request("STOR", "WRITE"), place, None)
    assert decision.allowed and sorted(os.listdir(here.root / "d")) == before


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_names_that_cannot_be_are_an_error_of_the_client(window: Make, path: str) -> None:
    here = window()
    with pytest.raises(OSError) as caught:
        here.view.stat(request("STAT", "READ"), path)
    assert caught.value.errno in (errno.EINVAL, errno.ENAMETOOLONG)
