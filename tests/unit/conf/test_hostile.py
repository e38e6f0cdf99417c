"""Whatever stands in a file, the answer is a configuration or a list of faults."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

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
