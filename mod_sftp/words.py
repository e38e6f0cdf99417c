"""Every word that an SFTP directive may say, with what it means: checked by the parser, printed by ``--describe sftp``.

Rows are (word, value, default, note) by directive. Words in parentheses are behaviour without a switch.
"""

from __future__ import annotations

Row = tuple[str, str, str, str]

OPTIONS: tuple[Row, ...] = tuple((name, "flag", "off", note) for name, note in (
    ("AllowInsecureLogin", "let passwords travel under cipher none or digest none"),
    ("AllowWeakDH", "accept Diffie-Hellman groups below 2048 bits, and offer group1"),
    ("FIDOTouchRequired", "security keys must have been touched, whatever the key's own header says"),
    ("FIDOVerifyRequired", "security keys must have verified their user"),
    ("IgnoreFIFOs", "neither read from nor write to named pipes"),
    ("IgnoreSCPUploadPerms", "drop the mode that an scp client sends"),
    ("IgnoreSCPUploadTimes", "drop the times that an scp client sends"),
    ("IgnoreSFTPSetExtendedAttributes", "drop extended attributes in SETSTAT and FSETSTAT"),
    ("IgnoreSFTPSetOwners", "drop owner and group in SETSTAT and FSETSTAT"),
    ("IgnoreSFTPSetPerms", "drop the mode in SETSTAT and FSETSTAT"),
    ("IgnoreSFTPSetTimes", "drop times in SETSTAT and FSETSTAT"),
    ("IgnoreSFTPUploadExtendedAttributes", "drop extended attributes in OPEN and MKDIR"),
    ("IgnoreSFTPUploadPerms", "drop the mode in OPEN and MKDIR"),
    ("IncludeSFTPTimes", "send times to clients of version 4 and later even unasked"),
    ("InsecureHostKeyPerms", "take host keys that others can read; must stand before SFTPHostKey"),
    ("MatchKeySubject", "the Subject header of a key must be the login name"),
    ("NoExtensionNegotiation", "no ext-info-s, no EXT_INFO"),
    ("NoHostkeyRotation", "neither announce nor prove further host keys"),
    ("NoStrictKex", "do not offer the strict key exchange"),
    ("OldProtocolCompat", "accept clients that say 1.99; implies PessimisticKexinit"),
    ("PessimisticKexinit", "wait for the client's version before sending KEXINIT"),
))

EXTENSIONS: tuple[Row, ...] = (
    ("checkFile", "check-file, check-file-name, check-file-handle", "on", "checksums of files"),
    ("copyData", "copy-data", "on", "copy between two handles"),
    ("copyFile", "copy-file", "on", "copy between two paths"),
    ("fsync", "fsync@openssh.com", "on", "write a handle to disk"),
    ("hardlink", "hardlink@openssh.com", "on", "make a hard link"),
    ("homeDirectory", "home-directory", "on", "home of a user"),
    ("limits", "limits@openssh.com", "on", "largest packet, read and write, most handles"),
    ("posixRename", "posix-rename@openssh.com", "on", "rename that may replace"),
    ("spaceAvailable", "space-available", "on", "free space in bytes"),
    ("statvfs", "statvfs@openssh.com, fstatvfs@openssh.com", "on", "free space in blocks"),
    ("userGroupNames", "users-groups-by-id@openssh.com", "on", "names of ids"),
    ("vendorID", "vendor-id", "off", "announce who made the server; the client's is always taken"),
    ("versionSelect", "versions, version-select", "on", "let the client choose the version after INIT"),
    ("xattr", "xattr@proftpd.org and its requests", "off", "extended attributes"),
    ("(newline)", "newline", "version 4 and later", "no switch"),
    ("(supported)", "supported", "version 5", "no switch"),
    ("(supported2)", "supported2", "version 6", "no switch"),
    ("(order in VERSION)", "versions, newline, supported, supported2, check-file, copy-data, copy-file, home-directory, "
     "space-available, vendor-id, fsync, posix-rename, statvfs, fstatvfs, hardlink, limits, users-groups-by-id, xattr",
     "-", "order of announcement"),
)

CLIENT_MATCH: tuple[Row, ...] = (
    ("channelPacketSize", "bytes[KB]", "32KB", "largest packet of a channel"),
    ("channelWindowSize", "bytes[KB|MB|GB]", "2MB", "window that a channel opens with; never larger than the default"),
    ("pessimisticNewkeys", "on|off", "off", "wait for the client's NEWKEYS before sending ours"),
    ("sftpCiphers", "comma list", "-", "ciphers; implies PessimisticKexinit"),
    ("sftpDigests", "comma list", "-", "digests; implies PessimisticKexinit"),
    ("sftpHostKeys", "comma list", "-", "host key algorithms; implies PessimisticKexinit"),
    ("sftpKeyExchanges", "comma list", "-", "key exchanges; implies PessimisticKexinit"),
    ("sftpProtocolVersion", "n or min-max", "1-6", "versions of SFTP offered"),
    ("sftpUTF8ProtocolVersion", "n", "4", "names are UTF-8 from this version on"),
)

AUTH_METHODS: tuple[Row, ...] = (
    ("publickey", "-", "with a key store", "needs SFTPAuthorizedUserKeys or SFTPTrustedUserCAKeys"),
    ("password", "-", "offered", "every account source"),
    ("keyboard-interactive", "-", "with a driver", "needs a module with a driver, such as mod_sftp_pam"),
    ("hostbased", "-", "with a key store", "needs SFTPAuthorizedHostKeys"),
    ("none", "-", "when named", "answered with the list of methods, never lets in"),
    ("a+b chain", "-", "-", "in this order, all must succeed"),
)

KEY_LIMITS: tuple[Row, ...] = (
    ("MinimumRSASize", "bits", "768", "0 removes the limit"),
    ("MinimumDSASize", "bits", "384", "0 removes the limit"),
    ("MinimumECSize", "bits", "160", "0 removes the limit"),
)

TRAFFIC_POLICIES: tuple[Row, ...] = (
    ("none", "never", "default", "no dummy traffic; said aloud, not even under CBC"),
    ("low", "1 in 1000, every 5 to 15 s", "-", "64 to 256 bytes, at most 300 s of quiet"),
    ("medium", "1 in 100, every 5 to 10 s", "-", "32 to 768 bytes, at most 60 s of quiet"),
    ("high", "1 in 10, every 1 to 5 s", "-", "16 to 2048 bytes, at most 15 s of quiet"),
    ("paranoid", "always, every second", "-", "any size, at most 5 s of quiet"),
    ("rogaway", "before data", "-", "64 to 256 bytes; the answer to CBC"),
    ("(automatic rogaway)", "with a CBC cipher to the client", "-", "only an explicit none suppresses it"),
)

KEY_FINGERPRINTS: tuple[Row, ...] = (
    ("sha256", "hash", "default", "-"), ("sha1", "hash", "-", "-"), ("md5", "hash", "-", "-"),
    ("base64", "encoding", "default", "-"), ("hex", "encoding", "-", "-"),
    ("hex+colons", "encoding", "-", "hex+colon is taken too"),
)

TABLES: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("SFTPOptions", OPTIONS), ("SFTPExtensions", EXTENSIONS), ("SFTPClientMatch", CLIENT_MATCH),
    ("SFTPAuthMethods", AUTH_METHODS), ("SFTPKeyLimits", KEY_LIMITS), ("SFTPTrafficPolicy", TRAFFIC_POLICIES),
    ("SFTPKeyFingerprints", KEY_FINGERPRINTS),
)


def words(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """What a directive may say: the rows without those that only describe."""
    return tuple(row[0] for row in rows if not row[0].startswith("(") and " " not in row[0])
