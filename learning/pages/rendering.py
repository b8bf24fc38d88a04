"""From a template and what it tells to the bytes of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tonearm.transforms.storage.schemes import scheme_of

_FOLDER = Path(__file__).parent
_STYLE = "page.css"

_LINKED = ("file", "http", "https")
"""Schemes that browsers open; of others, and of scripts, the text is shown."""


def rendered(template: Path, **told: Any) -> bytes:
    """A page.

    Args:
        template: Extends ``frame.html``, and fills its blocks ``title`` and ``content``.
        told: What the template names. Names of tracks and tags are whatever somebody wrote, and are escaped;
            markup of ours is handed over as :class:`markupsafe.Markup`.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share, "link": link_of, "place": place_of}
    style = Markup((_FOLDER / _STYLE).read_text())
    page = environment.get_template(template.name).render(style=style, **told)
    return page.encode("utf-8", "backslashreplace")


def number(value: float | None, digits: int = 2) -> str:
    """A number as the page shows it; what is not known is a dash.

    >>> number(0.98765), number(None)
    ('0.99', '\u2013')
    """
    return "\u2013" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share as the page shows it.

    >>> share(0.98765), share(None)
    ('99%', '\u2013')
    """
    return "\u2013" if value is None else f"{value:.0%}"


def place_of(value: float | None, low: float = 0.0) -> str:
    """Where on a bar from ``low`` to 1 a value lies, as a length of the style sheet.

    >>> place_of(0.75, 0.5), place_of(0.3, 0.5)
    ('50.0%', '0.0%')
    """
    return f"{100 * min(max(((value or 0.0) - low) / (1 - low), 0.0), 1.0):.1f}%"


def link_of(uri: str) -> str:
    """What opens a track in a browser; empty if nothing does.

    >>> link_of("/music/a b.flac"), link_of("gs://bucket/a.flac"), link_of("javascript:alert(1)")
    ('file:///music/a%20b.flac', '', '')
    """
    if uri.startswith("/"):
        return f"file://{quote(uri, errors='surrogateescape')}"
    return uri if scheme_of(uri) in _LINKED else ""
