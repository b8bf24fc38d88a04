"""The curves of a training as a picture: ``python -m examples.instruments.curves``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def draw_curves(history: Path, picture: Path) -> None:
    """Draw what each round came to: the loss on what is learnt, areas under curves on validation tracks.

    Args:
        history: ``history.jsonl`` of a bundle.
        picture: Where the picture goes; its ending tells the form.
    """
    from matplotlib.figure import Figure

    rounds = [json.loads(line) for line in history.read_text().splitlines()]
    epochs = [each["epoch"] for each in rounds]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [each["loss"] for each in rounds], color="tab:blue")
    left.set(xlabel="epoch", ylabel="loss on training clips", ylim=(0, None))
    right.plot(epochs, [each["roc_auc"] for each in rounds], color="tab:green", label="ROC-AUC")
    right.plot(epochs, [each["pr_auc"] for each in rounds], color="tab:orange", label="PR-AUC")
    right.set(xlabel="epoch", ylabel="on validation clips", ylim=(None, 1))
    right.legend(loc="lower right")
    figure.savefig(picture, dpi=110, metadata={"Software": None} if picture.suffix == ".png" else None)


def main() -> None:
    """Draw those of one bundle."""
    parser = argparse.ArgumentParser(prog="python -m examples.instruments.curves", description=__doc__)
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("picture", type=Path, help="file to write, .png or .svg")
    arguments = parser.parse_args()
    draw_curves(arguments.bundle / "history.jsonl", arguments.picture)


if __name__ == "__main__":
    main()
