"""Calls of `gcloud` in the documentation are calls that it takes."""

from __future__ import annotations

import json

import pytest

from tests.deploy.gcloud import REFERENCE, calls, complaints, installed, used

COMMANDS = json.loads(REFERENCE.read_text())


def test_gcloud_has_the_commands_and_options() -> None:
    assert {page for page, _ in calls()} >= {"dataflow.md", "operations.md"}
    assert [said for page, words in calls() for said in complaints(words, COMMANDS)] == []


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("gcloud dataflow flex-templates run x", "there is no such command"),
        ("gcloud dataflow flex-template run x --worker-machine=n2", "no option --worker-machine"),
        ("gcloud dataflow flex-template run x --update=true", "--update takes no value"),
        ("gcloud dataflow flex-template run x --region", "--region takes a value"),
        ("gcloud dataflow flex-template build x --sdk-language=COBOL", "--sdk-language is one of"),
    ],
)
def test_a_fault_is_found(call: str, complaint: str) -> None:
    (said,) = complaints(call.split(), COMMANDS)
    assert complaint in said


def test_the_reference_is_what_the_installed_gcloud_says() -> None:
    commands = installed()
    if commands is None:
        pytest.skip("the Google Cloud SDK is not installed")
    newer = used(commands)
    assert newer.keys() == COMMANDS.keys()
    for command, options in COMMANDS.items():
        assert options.keys() <= newer[command].keys(), "python -m tests.deploy.gcloud"
