"""Whatever stands in a file, the answer is a configuration or a list of faults."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pyproftpd.api.directive import Context
from pyproftpd.api.registry import Registry
from pyproftpd.conf import merge
from pyproftpd.conf.parser import Parser

KEYWORDS = st.sampled_from(sorted(row.directive.keyword for row in Registry().rows() if row.directive.keyword != "Include"))
WORDS = st.one_of(
    st.text(max_size=12).map(lambda text: text.replace("\n", " ")),
    st.sampled_from(["on", "off", "none", "all", "/x", "~", "1", "-1", "022", "user", "group", "class", "regex", "from", "!a,b",
                     "10", "MB", "*", "1:2", "allow,deny", "file:/x", "+x", "-", "a+b", "1-2", '"', "999999999999999999999",
                     "%{env:X}y", "\\", "#"]))
TAGS = st.sampled_from(["  \\\n#x", "<Directory /x>", "</Directory>", "<Limit ALL>", "</Limit>", "<Global>", "</Global>",
                        "<IfModule a>",
                        "</IfModule>", "<Anonymous ~>", "</Anonymous>", "<Class c>", "</Class>", "<", ">", "</", "<>"])
LINES = st.one_of(st.tuples(KEYWORDS, st.lists(WORDS, max_size=4)).map(lambda line: " ".join((line[0], *line[1]))), TAGS)


@settings(max_examples=300)
@given(st.lists(LINES, max_size=12))
def test_lines(lines: list[str]) -> None:
    parser = Parser(Registry(), environ={})
    parser.text("\n".join(lines), "/x")
    report = merge.Report()
    merge.servers(parser.finish(), report)
    assert all(str(error) for error in (*parser.errors, *report.errors))


#: words at the edge of what values are made of
ODD = ("", " ", "-", "+", "!", "*", "~", "/", ":", ",", "0", "-1", "9" * 30, "\u0663", "\x00", "\udcff", "on", "none",
       "unlimited", "session", "user", "group", "class", "regex", "from", "!a,b", "(", "[", "1:2:3", "1-", "K", "MB", "file:",
       "syslog:", "agent:", "+CAP_", "%{env:", "x" * 5000)
#: where a directive of each context may be written
PLACES = ((Context.SERVER, ""), (Context.DIRECTORY, "<Directory /x>"), (Context.LIMIT, "<Limit ALL>"),
          (Context.CLASS, "<Class c>"), (Context.ANONYMOUS, "<Anonymous /x>"))
LINES_OF_ODD_WORDS = [*([word] * count for word in ODD for count in (1, 2, 4)), *map(list, itertools.product(ODD[::6], ODD[::5]))]


def test_every_directive_with_odd_words() -> None:
    """Each answers any words with a value or with what it expected."""
    answered = 0
    for row in Registry().rows():
        directive = row.directive
        if directive.keyword in ("Include", "LoadModule"):
            continue
        parser = Parser(Registry(), environ={})
        parser.text(next(tag for context, tag in PLACES if context in directive.where), "/x")
        for words in LINES_OF_ODD_WORDS:
            parser.errors.clear()
            parser.text(directive.keyword + "".join(f' "{word}"' for word in words), "/x")
            answered += all(str(error) for error in parser.errors)
    assert answered > 10_000
