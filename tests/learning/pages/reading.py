"""Pages as a browser takes them."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class Reader(HTMLParser):
    """What a browser would take a page for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See :class:`HTMLParser`."""
        self.elements.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """See :class:`HTMLParser`."""
        self.text += data


def assert_asks_nothing(page: str) -> None:
    """Hold a page against its promise: it is one file that asks nothing of anybody."""
    read = Reader(page)
    assert not read.elements & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    asking = [value for name, value in read.attributes if name in ("src", "srcset", "data", "action")]
    assert asking == []
    outside = re.findall(r"(?:url\(|@import|https?:)[^\s\"')]*", page)
    assert {each for each in outside if not each.startswith(("url(#", "http://www.w3.org/"))} == set()
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in read.attributes
