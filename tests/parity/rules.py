"""Who may do what where, by every way to say so: sections and .ftpaccess files, each case with a tree of directories of its own.

In a case ``{d}`` is its directory, ``{n}`` that directory's name in the home of the user ``demo``, ``{r}`` the root of the
site; a path that begins with ``fa:`` is an .ftpaccess file in that directory. The user is demo, of the groups demo and team,
of the class local, and comes from 127.0.0.1.
"""

from __future__ import annotations

Sections = tuple[tuple[str, str], ...]

SERVER = """\
AllowOverwrite on
<Class local>
From 127.0.0.0/8
</Class>
<Class far>
From 10.0.0.0/8
</Class>
"""


def limit(rules: str, what: str = "ALL") -> str:
    return f"<Limit {what}>\n{rules}\n</Limit>\n"


def here(rules: str) -> Sections:
    return (("{d}", rules),)


DENY, ALLOW = limit("DenyAll"), limit("AllowAll")
NO_READ, READ = limit("DenyAll", "READ"), limit("AllowAll", "READ")

CASES: dict[str, Sections] = {}

# -- the rules of one section ---------------------------------------------------------------------------------------------

for text in ("Order allow,deny", "Order deny,allow", "Order allow,deny\nAllow from 127.0.0.1\nDeny from 127.0.0.1",
             "Order deny,allow\nAllow from 127.0.0.1\nDeny from 127.0.0.1", "Order allow,deny\nAllow from 10.0.0.1",
             "Order deny,allow\nAllow from 10.0.0.1", "Order deny,allow\nAllow from 127.0.0.1",
             "Order allow,deny\nAllow from 127.0.0.1\nDeny from all", "Order deny,allow\nDeny from none",
             "Allow from none\nDenyAll", "AllowAll\nDenyAll", "Order deny,allow\nAllowAll\nDenyAll", "AllowUser other",
             "DenyUser other", "Order deny,allow\nDenyUser other", "AllowUser other\nAllowUser demo\nDenyAll",
             "Order deny,allow\nDenyUser other\nDenyUser demo\nAllowAll", "Order deny,allow\nDenyFilter [.]dat$\nAllowAll"):
    CASES[text] = here(limit(text))

for acl in ("127.0.0.0/8", "127.0.0.1/32", "127.", "127.0.0.*", "localhost", "*.localhost", "local*", ".localhost", "!127.0.0.1",
            "!127.0.0.0/8", "all", "127.0.0.1,10.0.0.1", "10.0.0.1,127.0.0.1", "127.0.0.1,!127.0.0.0/8", "::1", "0.0.0.0/0", "*",
            "none", "::ffff:127.0.0.1", "::ffff:10.0.0.0/104", "10.0.0.1 127.0.0.1", "!10.0.0.1", "!10.0.0.1,127.0.0.1"):
    CASES[f"Allow from {acl}"] = here(limit(f"Allow from {acl}\nDenyAll"))
    CASES[f"Deny from {acl}"] = here(limit(f"Order deny,allow\nDeny from {acl}\nAllowAll"))

EXPRESSIONS = {
    "User": ("demo", "!demo", "other", "!other", "demo,other", "other,demo", "AND demo,other", "OR demo,other", "OR !demo,!other",
             "!demo,other", "regex ^de", "regex ^xx", "regex !^de", "*", "!*", "demo,!demo", "AND !demo,!other", "AND demo",
             "AND !other", "demo, other", "other demo"),
    "Group": ("demo", "team", "!team", "demo,team", "OR nobody,team", "nobody,team", "AND team,nobody", "demo,!team",
              "demo,!nobody", "regex ^te", "regex ^x", "*", "!nobody", "OR !team,!demo", "AND demo,team"),
    "Class": ("local", "far", "!local", "!far", "local,far", "AND local,far", "OR local,far", "regex ^lo", "regex ^zz", "*",
              "AND local"),
}
for kind, expressions in EXPRESSIONS.items():
    for expression in expressions:
        CASES[f"Allow{kind} {expression}"] = here(limit(f"Allow{kind} {expression}\nDenyAll"))
        CASES[f"Deny{kind} {expression}"] = here(limit(f"Order deny,allow\nDeny{kind} {expression}\nAllowAll"))

# -- several sections of one place ----------------------------------------------------------------------------------------

CASES |= {name: here("".join(parts)) for name, parts in {
    "ALL denied, READ allowed": (DENY, READ),
    "ALL allowed, READ denied": (ALLOW, NO_READ),
    "RETR denied, READ allowed": (limit("DenyAll", "RETR"), READ),
    "ALL denied, then allowed": (DENY, ALLOW),
    "ALL allowed, then denied": (ALLOW, DENY),
    "incoming": (limit("DenyAll", "READ WRITE"), limit("AllowAll", "STOR")),
    "incoming, the other way round": (limit("AllowAll", "STOR"), limit("DenyAll", "READ WRITE")),
    "ALL denied, STOR allowed": (DENY, limit("AllowAll", "STOR")),
    "ALL denied, STOR and WRITE allowed": (DENY, limit("AllowAll", "STOR WRITE")),
    "ALL denied, RETR allowed": (DENY, limit("AllowAll", "RETR")),
    "WRITE denied, RETR allowed": (limit("DenyAll", "WRITE"), limit("AllowAll", "RETR")),
    "READ denied, RETR and STAT allowed": (NO_READ, limit("AllowAll", "RETR STAT")),
    "ALL denied, DIRS allowed": (DENY, limit("AllowAll", "DIRS")),
    "DIRS denied, OPENDIR and READDIR allowed": (limit("DenyAll", "DIRS"), limit("AllowAll", "OPENDIR READDIR")),
    "DIRS denied, OPENDIR and LIST allowed": (limit("DenyAll", "DIRS"), limit("AllowAll", "OPENDIR LIST")),
    "LIST denied, READDIR allowed": (limit("DenyAll", "LIST"), limit("AllowAll", "READDIR")),
    "READDIR denied, LIST allowed": (limit("DenyAll", "READDIR"), limit("AllowAll", "LIST")),
    "all may, nobody may read": (limit("AllowUser demo"), NO_READ),
    "WRITE denied to a group": (limit("DenyGroup team", "WRITE"),),
    "DenyAll": ("DenyAll\n",),
    "AllowAll": ("AllowAll\n",),
    "DenyAll beside a Limit that allows": ("DenyAll\n", READ),
    "DenyAll beside a Limit that allows all": ("DenyAll\n", ALLOW),
    "DenyAll beside a Limit that allows somebody else": ("DenyAll\n", limit("AllowUser other", "READ")),
    "AllowAll beside a Limit that denies": ("AllowAll\n", NO_READ),
    "DenyAll and AllowAll": ("DenyAll\nAllowAll\n",),
    "a filter, and its case": ("PathDenyFilter FILE\n",),
    "a filter without case": ("PathDenyFilter FILE [NC]\n",),
}.items()}

# -- hiding, with IgnoreHidden so that it tells in every request -------------------------------------------------------------

for text in ('HideFiles "!^other"', 'HideFiles "^file" user demo', 'HideFiles "^file" user !demo', 'HideFiles "^file" group team',
             'HideFiles "^file" class far', "HideFiles none", "HideUser !~", "HideGroup !demo"):
    CASES[text] = here(text + "\n" + limit("IgnoreHidden on"))

# -- several places ---------------------------------------------------------------------------------------------------------

CASES |= {
    "DenyAll above": (("{d}", "DenyAll"), ("{d}/in", "Umask 022")),
    "DenyAll above, AllowAll inside": (("{d}", "DenyAll"), ("{d}/in", "AllowAll")),
    "DenyAll above, a Limit inside": (("{d}", "DenyAll"), ("{d}/in", READ)),
    "Limit above and inside": (("{d}", DENY), ("{d}/in", READ)),
    "a silent Limit inside": (("{d}", DENY), ("{d}/in", limit("Allow from 10.0.0.1"))),
    "Umask comes down": (("{d}", "Umask 077"), ("{d}/in", "AllowOverwrite on")),
    "contents": (("{d}/*", DENY),),
    "contents, then inside": (("{d}/*", DENY), ("{d}/in", ALLOW)),
    "inside, then contents": (("{d}/in", ALLOW), ("{d}/*", DENY)),
    "wildcard": (("{d}/i*", DENY),),
    "wildcard in the middle": (("{d}/*/deep", DENY),),
    "question mark": (("{d}/i?", DENY),),
    "set": (("{d}/[a-j]n", DENY),),
    "set that excludes": (("{d}/[!a-h]n", DENY),),
    "wildcard, then the name": (("{d}/*/deep", DENY), ("{d}/in/deep", ALLOW)),
    "the name, then wildcard": (("{d}/in/deep", ALLOW), ("{d}/*/deep", DENY)),
    "wildcard below a name": (("{d}/in", ALLOW), ("{d}/*/deep", DENY)),
    "~": (("~/{n}/in", DENY),),
    "~ and contents": (("~/{n}/*", DENY),),
    "~ and wildcard": (("~/{n}/i*", DENY),),
    "~user": (("~demo/{n}/in", DENY),),
    "~, then the same by its path": (("~/{n}/in", ALLOW), ("{d}/in", DENY)),
    "a path, then the same by ~": (("{d}/in", DENY), ("~/{n}/in", ALLOW)),
    "%u": (("{r}/home/%u/{n}/in", DENY),),
    "a file": (("{d}/file.dat", DENY),),
    "a slash behind it": (("{d}/in/", DENY),),
    "a group above, ALL inside": (("{d}", NO_READ), ("{d}/in", ALLOW)),
    "ALL above, a group inside": (("{d}", ALLOW), ("{d}/in", NO_READ)),
    "a name above, ALL inside": (("{d}", limit("DenyAll", "RETR")), ("{d}/in", ALLOW)),
    "a name above, its group inside": (("{d}", limit("AllowAll", "STOR")), ("{d}/in", limit("DenyAll", "WRITE"))),
    "filters of two kinds": (("{d}", "PathDenyFilter dat$"), ("{d}/in", "PathAllowFilter .")),
    "filters of one kind": (("{d}", "PathDenyFilter new$"), ("{d}/in", "PathDenyFilter nothing")),
    "AllowOverwrite": (("{d}", "AllowOverwrite off"), ("{d}/in", "AllowOverwrite on")),
}

# -- .ftpaccess -------------------------------------------------------------------------------------------------------------

CASES |= {
    "file": (("fa:{d}", DENY),),
    "file above, file inside": (("fa:{d}", DENY), ("fa:{d}/in", ALLOW)),
    "file against the section of its directory": (("{d}", DENY), ("fa:{d}", ALLOW)),
    "file against a section above": (("{d}", DENY), ("fa:{d}/in", ALLOW)),
    "file that denies against a section inside": (("{d}/in", ALLOW), ("fa:{d}", DENY)),
    "file that allows against a section inside": (("{d}/in", DENY), ("fa:{d}", ALLOW)),
    "file that allows by a group against a section inside": (("{d}/in", DENY), ("fa:{d}", READ)),
    "file against contents": (("{d}/*", DENY), ("fa:{d}", ALLOW)),
    "file against a wildcard": (("{d}/*/deep", DENY), ("fa:{d}/in", ALLOW)),
    "file against AllowOverwrite inside": (("{d}/in", "AllowOverwrite off"), ("fa:{d}", "AllowOverwrite on")),
    "file against a filter inside": (("{d}/in", "PathDenyFilter new$"), ("fa:{d}", "PathDenyFilter nothing")),
    "file against DenyAll inside": (("{d}/in", "DenyAll"), ("fa:{d}", "AllowAll")),
    "file against DenyAll of its directory": (("{d}", "DenyAll"), ("fa:{d}", "AllowAll")),
    "file beside DenyAll of its directory": (("{d}", "DenyAll"), ("fa:{d}", "Umask 077")),
    "file against Umask inside": (("{d}/in", "Umask 077"), ("fa:{d}", "Umask 000")),
    "file with a fault": (("fa:{d}", "Nonsense on\n" + NO_READ),),
    "file that does not end": (("fa:{d}", "<Limit READ>\nDenyAll\n"),),
    "file with Umask": (("fa:{d}", "Umask 077"),),
    "file with DenyAll": (("fa:{d}", "DenyAll"),),
    "file with DenyAll, and AllowAll inside": (("fa:{d}", "DenyAll"), ("fa:{d}/in", "AllowAll")),
    "file under AllowOverride off": (("{d}", "AllowOverride off"), ("fa:{d}", DENY)),
}

#: reason -> cases whose verdicts are others in ours, all of them in docs/differences.md
DIFFERENT: dict[str, tuple[str, ...]] = {
    "a negated address is one": ("Allow from !10.0.0.1", "Deny from !10.0.0.1", "Allow from !10.0.0.1,127.0.0.1",
                                 "Deny from !10.0.0.1,127.0.0.1"),
    "AND before a list is no name": ("AllowUser AND demo", "DenyUser AND demo", "AllowUser AND !other", "DenyUser AND !other",
                                     "AllowGroup AND demo,team", "DenyGroup AND demo,team", "AllowClass AND local",
                                     "DenyClass AND local"),
    "who allows RETR or LIST by name means it": ("ALL denied, RETR allowed", "READ denied, RETR and STAT allowed",
                                                 "DIRS denied, OPENDIR and LIST allowed"),
    "AllowOverride off in a Directory": ("file under AllowOverride off",),
}
