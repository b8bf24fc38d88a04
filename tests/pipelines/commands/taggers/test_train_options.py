"""The options of ``tonearm train``: their help says the settings that a training has without them."""

from __future__ import annotations

import argparse
import re

from tonearm.learning.training.settings import SETTING_NAMES, TrainingSettings, default_settings
from tonearm.pipelines.commands.taggers import train


def test_the_help_says_the_settings_that_hold() -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    train.add_to(commands)
    options = {each.dest: each for each in commands.choices["train"]._actions}
    for name in SETTING_NAMES:
        told = re.search(r"\(default: ([\d.]+\d|\d)", options[name].help or "")
        assert told and float(told[1]) == getattr(TrainingSettings(), name), name
    told = options["learning_rate"].help or ""
    assert f"head {default_settings('head').learning_rate}" in told
    assert f"all {default_settings('all').learning_rate}" in told
