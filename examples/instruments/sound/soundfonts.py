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
OPL3 = Soundfont("opl3", "OPL3", "opl3-soundfont", _SF2 / "OPL-3_FM_128M.sf2", "GPL-3.0-or-later")
FREEPATS = Soundfont(
    "freepats", "FreePats", "freepats", Path("/etc/timidity/freepats.cfg"), "GPL-2.0-or-later"
)
TRAINING_FONTS = (FLUID, TIMGM, MUSESCORE, OPL3)
TEST_FONTS = (FLUID, TIMGM, MUSESCORE, FREEPATS)
