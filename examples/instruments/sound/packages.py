"""The Debian packages that the example needs, and what is said if some are missing."""

from __future__ import annotations

import shutil
from pathlib import Path

from examples.instruments.sound.soundfonts import FLUID, FREEPATS, MUSESCORE, TIMGM

_COMMANDS = {"fluidsynth": "fluidsynth", "timidity": "timidity"}
_FILES = {
    **{font.package: font.path for font in (FLUID, TIMGM, MUSESCORE, FREEPATS)},
    "openttd-openmsx": Path("/usr/share/games/openttd/baseset/openmsx"),
    "planetblupi-music-midi": Path("/usr/share/planetblupi/music"),
}


class MissingPackagesError(RuntimeError):
    """Packages are missing; the message is the command that installs them."""


def require_packages() -> None:
    """Check that all packages are there.

    Raises:
        MissingPackagesError: If some are not.
    """
    missing = [package for package, command in _COMMANDS.items() if shutil.which(command) is None]
    missing += [package for package, path in _FILES.items() if not path.exists()]
    if missing:
        raise MissingPackagesError(f"apt-get install --no-install-recommends {' '.join(sorted(missing))}")
