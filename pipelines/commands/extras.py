"""Libraries that come with an extra of the package: asked for before any work that needs them."""

from __future__ import annotations

from importlib.util import find_spec

from tonearm.errors import WrongCallError

_NAMES = {"sklearn": "scikit-learn"}
"""What a module's library is called where that is something else."""


def require_extra(what: str, extra: str, *modules: str) -> None:
    """Refuse what cannot be done without an extra.

    Args:
        what: The command or option, as it is spelt.
        extra: Name of the extra.
        modules: What it imports of it.

    Raises:
        WrongCallError: One of them is not installed; with the call that installs it.
    """
    if missing := [_NAMES.get(module, module) for module in modules if find_spec(module) is None]:
        raise WrongCallError(f"{what} needs {', '.join(missing)}: pip install 'tonearm[{extra}]'")
