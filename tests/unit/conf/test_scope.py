"""Which line decides: by place, by repetition, by session."""

from __future__ import annotations

from pyproftpd.log.conf import ExtendedLogConf
from pyproftpd.session.conf import DaemonConf, LoginConf, ServerConf, TimeoutConf
from pyproftpd.vfs.conf import AccessConf, HidingConf, OwnershipConf, TransferConf

from .conftest import Loader, Someone

BOB = Someone("bob", ("users", "staff"))
EVE = Someone("eve", ("users",))


def test_first_line_wins_or_last_as_the_directive_has_it(configure: Loader) -> None:
    main = configure('TimeoutIdle 1\nTimeoutIdle 2\nServerName "one"\nServerName "two"\n').servers[0]
    assert main.get(TimeoutConf).timeout_idle == 1
    assert main.get(ServerConf).server_name == "two"


def test_a_server_goes_before_global_wherever_that_stands(configure: Loader) -> None:
    main, host = configure("<Global>\nTimeoutIdle 5\nUmask 077\n</Global>\nTimeoutIdle 6\n"
                           "<VirtualHost 127.0.0.2>\nPort 2122\nTimeoutIdle 7\n</VirtualHost>\n").servers
    assert (main.get(TimeoutConf).timeout_idle, host.get(TimeoutConf).timeout_idle) == (6, 7)
    assert host.get(OwnershipConf).umask == (0o077, 0o077)
    assert host.get(OwnershipConf).source("umask") is not None


def test_a_virtual_host_inherits_nothing_but_what_only_the_main_server_can_say(configure: Loader) -> None:
    _, host = configure('TimeoutIdle 5\nUseReverseDNS off\nLogFormat mine "%h"\n'
                        "<VirtualHost 127.0.0.2>\nPort 2122\nExtendedLog /tmp/x ALL mine\n</VirtualHost>\n").servers
    assert host.get(TimeoutConf).timeout_idle == 600
    assert host.get(DaemonConf).use_reverse_dns is False
    assert host.get(ExtendedLogConf).log_format == (("mine", "%h"),)


def test_directories_nest_by_path_not_by_order(configure: Loader) -> None:
    main = configure("<Directory /srv/a/b>\nUmask 007\n</Directory>\n<Directory /srv>\nUmask 077\nAllowOverwrite on\n"
                     "</Directory>\n").servers[0]
    inner = main.under("/srv/a/b/c")
    assert inner.path == "/srv/a/b"
    assert inner.get(OwnershipConf).umask == (0o007, 0o007)
    assert inner.get(AccessConf).allow_overwrite is True
    assert main.under("/srv/a/bc").path == "/srv"
    assert main.under("/srvx") is main


def test_contents_only(configure: Loader) -> None:
    main = configure("<Directory /srv/*>\nUmask 077\n</Directory>\n").servers[0]
    assert main.under("/srv") is main
    assert main.under("/srv/x").get(OwnershipConf).umask == (0o077, 0o077)
    assert main.under("/srv/x/y").get(OwnershipConf).umask == (0o077, 0o077)


def test_the_root_directory_covers_everything(configure: Loader) -> None:
    main = configure("<Directory />\nAllowOverwrite on\n</Directory>\n").servers[0]
    assert main.under("/any/where").get(AccessConf).allow_overwrite is True
    assert main.under("/").get(AccessConf).allow_overwrite is True


def test_wildcards_in_a_directory(configure: Loader) -> None:
    main = configure("<Directory /home/*/in>\nAllowOverwrite on\n</Directory>\n").servers[0]
    assert main.under("/home/bob/in/file").get(AccessConf).allow_overwrite is True
    assert main.under("/home/bob/out") is main


def test_home_and_user_in_a_path_wait_for_the_session(configure: Loader) -> None:
    main = configure("<Directory ~/in>\nUmask 077\n</Directory>\n<Directory /data/%u>\nUmask 007\n</Directory>\n").servers[0]
    assert main.under("/home/bob/in") is main
    bound = main.bind(BOB, home="/home/bob")
    assert bound.under("/home/bob/in/x").get(OwnershipConf).umask == (0o077, 0o077)
    assert bound.under("/data/bob").get(OwnershipConf).umask == (0o007, 0o007)
    assert bound.under("/data/eve") is bound


def test_limits_innermost_first_with_twins(configure: Loader) -> None:
    main = configure("<Limit ALL>\nDenyAll\n</Limit>\n<Directory /srv>\n<Limit MKD,stor>\nAllowUser bob\n</Limit>\n"
                     "</Directory>\n").servers[0]
    inner, outer = main.under("/srv").limits
    assert inner[0].names == {"MKD", "XMKD", "STOR"}
    assert inner[0].conf.allow_user[0].matches(BOB) and not inner[0].conf.allow_user[0].matches(EVE)
    assert outer[0].names == {"ALL"} and outer[0].conf.deny_all


def test_conditional_values(configure: Loader) -> None:
    main = configure("DefaultRoot /jail !staff\nDefaultRoot ~\nMaxStoreFileSize 1 MB user bob\n"
                     "MaxStoreFileSize 2 MB\n<Directory /srv>\nMaxStoreFileSize 3 MB group staff\n</Directory>\n").servers[0]
    assert main.get(LoginConf).default_root == "~"
    assert main.bind(EVE).get(LoginConf).default_root == "/jail"
    assert main.bind(BOB).get(LoginConf).default_root == "~"
    assert main.bind(BOB).get(TransferConf).max_store_file_size == 1 << 20
    assert main.bind(EVE).get(TransferConf).max_store_file_size == 2 << 20
    assert main.bind(BOB).under("/srv").get(TransferConf).max_store_file_size == 3 << 20
    assert main.bind(EVE).under("/srv").get(TransferConf).max_store_file_size == 2 << 20


def test_rates_that_apply_the_most_specific_first(configure: Loader) -> None:
    main = configure("TransferRate STOR 10 user bob\nTransferRate RETR,STOR 20\n").servers[0]
    assert [rate.bytes_per_second for rate in main.bind(BOB).get(TransferConf).transfer_rate] == [10240, 20480]
    assert [rate.bytes_per_second for rate in main.get(TransferConf).transfer_rate] == [20480]


def test_hidden_files_accumulate_inwards(configure: Loader) -> None:
    main = configure("<Directory /srv>\nHideFiles ^a\n</Directory>\n<Directory /srv/in>\nHideFiles ^b\n</Directory>\n").servers[0]
    assert [str(rule) for rule in main.under("/srv/in").get(HidingConf).hide_files] == ["^b", "^a"]


def test_sections_for_some_sessions(configure: Loader) -> None:
    main = configure(
        "LoadModule mod_ifsession.c\nAllowOverwrite off\nTimeoutIdle 1\n<IfUser bob>\nAllowOverwrite on\n<Directory /srv>\n"
        "Umask 077\n</Directory>\n</IfUser>\n<IfGroup staff>\nTimeoutIdle 2\n</IfGroup>\n"
        "<IfClass far>\nTimeoutIdle 3\n</IfClass>\n<IfAuthenticated>\nUmask 007\n</IfAuthenticated>\n").servers[0]
    bob, eve, stranger = main.bind(BOB), main.bind(EVE), main.bind(Someone(authenticated=False, connection_class="far"))
    assert bob.get(AccessConf).allow_overwrite is True
    assert eve.get(AccessConf).allow_overwrite is False
    assert bob.under("/srv").get(OwnershipConf).umask == (0o077, 0o077)
    assert eve.under("/srv") is eve
    assert [one.get(TimeoutConf).timeout_idle for one in (bob, eve, stranger)] == [2, 1, 3]
    assert eve.get(OwnershipConf).umask == (0o007, 0o007)
    assert stranger.get(OwnershipConf).umask == (0o022, 0o022)


def test_anonymous_inside_a_server(configure: Loader) -> None:
    main = configure("Umask 077\nTimeoutLogin 9\nUser nobody\n<Anonymous /srv/ftp>\nUser nobody\nUmask 007\n"
                     "UserAlias anonymous nobody\n"
                     "<Directory incoming>\nAllowOverwrite on\n</Directory>\n</Anonymous>\n").servers[0]
    guest = main.anonymous[0]
    assert guest.path == "/srv/ftp"
    assert guest.get(OwnershipConf).umask == (0o007, 0o007)
    assert guest.get(TimeoutConf).timeout_login == 9
    assert guest.get(LoginConf).user_alias == (("anonymous", "nobody"),)
    assert guest.under("/srv/ftp/incoming/x").get(AccessConf).allow_overwrite is True
    assert guest.bind(Someone("nobody")).under("/srv/ftp/incoming").get(OwnershipConf).umask == (0o007, 0o007)


def test_several_addresses_and_a_clash(configure: Loader) -> None:
    loaded = configure("Port 2121\nDefaultAddress 127.0.0.1\n<VirtualHost 127.0.0.2 ::1>\nPort 2122\n</VirtualHost>\n"
                       "<VirtualHost 127.0.0.1>\nPort 2121\n</VirtualHost>\n<VirtualHost 127.0.0.1>\nPort 2123\n</VirtualHost>\n"
                       "<VirtualHost 127.0.0.1>\nPort 2121\nServerAlias other.example.com\n</VirtualHost>\n")
    assert [server.addresses for server in loaded.servers] == [
        ("127.0.0.1",), ("127.0.0.2", "::1"), ("127.0.0.1",), ("127.0.0.1",)]
    assert sum("belongs to the server" in warning for warning in loaded.warnings) == 1


def test_classes(configure: Loader) -> None:
    near, both = configure("<Class near>\nFrom 10.0.0.0/8 .example.com\n</Class>\n<Class both>\nFrom 10.0.0.0/8\n"
                           "From *.example.com\nSatisfy all\n</Class>\n").classes
    assert near.matches("10.1.2.3", "10.1.2.3") and near.matches("192.0.2.1", "a.example.com")
    assert not near.matches("192.0.2.1", "a.example.org")
    assert both.matches("10.1.2.3", "a.example.com") and not both.matches("10.1.2.3", "a.example.org")
