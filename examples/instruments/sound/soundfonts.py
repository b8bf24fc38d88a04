"""The soundfonts, by family: fonts of one family share samples, so one of them is no test for another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Soundfont:
    """One font as a Debian package installs it.

    Attributes:
        name: What manifests call it.
        family: Which samples it is made of.
        package: The Debian package.
        path: Where the package puts it.
        licence: Under which terms the samples may be used.
    """

    name: str
    family: str
    package: str
    path: Path
    licence: str


_SF2, _SF3 = Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3")
FLUID = Soundfont("fluid", "Fluid", "fluid-soundfont-gm", _SF2 / "FluidR3_GM.sf2", "MIT")
TIMGM = Soundfont("timgm", "TimGM", "timgm6mb-soundfont", _SF2 / "TimGM6mb.sf2", "GPL-2.0")
MUSESCORE = Soundfont(
    "musescore", "Fluid", "musescore-general-soundfont-small", _SF3 / "MuseScore_General_Lite.sf3", "MIT"
)
FREEPATS = Soundfont(
    "freepats", "FreePats", "freepats", Path("/etc/timidity/freepats.cfg"), "GPL-2.0-or-later"
)
