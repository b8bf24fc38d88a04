"""What licences allow, as far as their names tell: Creative Commons, the public domain, and none at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

NO_LICENCE = "no licence stated"
"""What a manifest says of tracks that were published without any."""


class Purpose(StrEnum):
    """What a model is trained for."""

    RESEARCH = "research"
    COMMERCIAL = "commercial"


@dataclass(frozen=True, slots=True)
class Licence:
    """What a licence allows.

    Attributes:
        commercial: Use for money.
        adaptation: Works that build on it. A trained model is taken for one, to be on the safe side.
    """

    commercial: bool
    adaptation: bool

    def forbids(self, purpose: Purpose) -> str:
        """Why training for a purpose is not allowed; empty if it is."""
        if not self.adaptation:
            return "it allows no works that build on it"
        if purpose is Purpose.COMMERCIAL and not self.commercial:
            return "it allows no commercial use"
        return ""


_FREE = Licence(commercial=True, adaptation=True)

_NONE = Licence(commercial=False, adaptation=False)

_TERMS = r"by((?:[ _-]+(?:nc|nd|sa))*)"

_SHORT = re.compile(rf"(?:creativecommons\.org/licenses/|\bcc[ _-]*){_TERMS}(?![a-z])|^{_TERMS}[ _-]*[\d.]*$")
"""``CC BY-NC-SA 4.0``, ``by-nd``, and the addresses of the licences' texts."""

_PUBLIC = re.compile(r"\bcc[ _-]?0\b|publicdomain|public domain")

_RESERVED = re.compile(r"all rights reserved|no licen[cs]e|\bnone\b|proprietary")


def licence_of(text: str) -> Licence | None:
    """What a licence allows, by its name or the address of its text; None if neither tells.

    Example:
        >>> licence_of("CC BY-NC-SA 4.0")
        Licence(commercial=False, adaptation=True)
        >>> licence_of("Attribution-Noncommercial-No Derivative Works 3.0 United States")
        Licence(commercial=False, adaptation=False)
        >>> licence_of("FMA-Limited: Download Only") is None
        True
    """
    words = text.casefold()
    letters = re.sub(r"[^a-z]", "", words)
    if _RESERVED.search(words):
        return _NONE
    if _PUBLIC.search(words):
        return _FREE
    if letters.startswith(("attribution", "creativecommonsattribution")) or "commonsattribution" in letters:
        return Licence(commercial="noncommercial" not in letters, adaptation="noderiv" not in letters)
    if found := _SHORT.search(words):
        terms = found[1] or found[2] or ""
        return Licence(commercial="nc" not in terms, adaptation="nd" not in terms)
    return None


def allows_training(text: str) -> bool:
    """True if a licence lets anybody build on the work, for some purpose at least."""
    licence = licence_of(text)
    return licence is not None and licence.adaptation
