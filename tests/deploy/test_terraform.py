"""deploy/terraform says what the provider understands, and what the documentation promises."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.references import FOLDER
from tests.deploy.terraform import MODULE, complaints, parsed

PROVIDER = json.loads((FOLDER / "google_provider.json").read_text())

NEEDS_TERRAFORM = pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not installed")

SEEDED = {
    "a misspelt argument": ("storage.tf", "uniform_bucket_level_access", "uniform_access"),
    "a misspelt argument of a block": ("notifications.tf", "max_delivery_attempts", "delivery_attempts"),
    "a misspelt argument of a dynamic block": ("storage.tf", "retention_period ", "retention_days "),
    "a misspelt block": ("notifications.tf", "dead_letter_policy {", "dead_letters {"),
    "a missing argument": ("accounts.tf", "  account_id ", "  # account_id "),
    "a value of another type": (
        "notifications.tf",
        "ack_deadline_seconds       = 60",
        'ack_deadline_seconds = "1m"',
    ),
    "a resource that is not there": ("notifications.tf", "topic.given_up.id", "topic.lost.id"),
    "an attribute that is not there": ("notifications.tf", "this.email_address", "this.e_mail"),
    "a kind that is not there": (
        "storage.tf",
        '"google_storage_bucket" "tables"',
        '"google_bucket" "tables"',
    ),
    "a variable that is not there": ("accounts.tf", "var.catalog_bucket", "var.bucket"),
    "a local value that is not there": (
        "accounts.tf",
        "for_each = local.accounts",
        "for_each = local.people",
    ),
    "a misspelt argument of the provider": ("versions.tf", "default_labels", "labels"),
    "a function that is not there": ("bigquery.tf", "jsondecode(", "jsondecoded("),
    "a misspelt argument of an output": ("outputs.tf", "value ", "valeu "),
    "a variable that nothing uses": ("bigquery.tf", "var.protect_tables", "true"),
}
COMPLAINTS = {
    "a misspelt argument": "bucket.tables: no argument uniform_access",
    "a misspelt argument of a block": "uploads.dead_letter_policy: no argument delivery_attempts",
    "a misspelt argument of a dynamic block": "catalog.retention_policy: no argument retention_days",
    "a misspelt block": "google_pubsub_subscription.uploads: no argument dead_letters",
    "a missing argument": "google_service_account.tonearm: lacks account_id",
    "a value of another type": "uploads.ack_deadline_seconds: '1m' is no number",
    "a resource that is not there": "google_pubsub_topic.lost is referred to and not declared",
    "an attribute that is not there": "storage_project_service_account.this has no attribute e_mail",
    "a kind that is not there": "google_bucket.tables: not in the reference",
    "a variable that is not there": "variable bucket is not declared",
    "a local value that is not there": "local people is not declared",
    "a misspelt argument of the provider": "provider.google.default: no argument labels",
    "a function that is not there": "no function jsondecoded",
    "a misspelt argument of an output": "no argument valeu",
    "a variable that nothing uses": "variable protect_tables is used nowhere",
}


def test_the_provider_understands_it() -> None:
    assert complaints(MODULE, PROVIDER) == []


@pytest.mark.parametrize("fault", SEEDED)
def test_a_fault_is_found(fault: str, tmp_path: Path) -> None:
    file, right, wrong = SEEDED[fault]
    module = shutil.copytree(MODULE, tmp_path / "module")
    text = (module / file).read_text()
    assert right in text
    (module / file).write_text(text.replace(right, wrong))
    assert [said for said in complaints(module, PROVIDER) if COMPLAINTS[fault] in said] != []


def test_variables_say_what_they_are_for_and_refuse_nonsense() -> None:
    variables = {name: body for block in parsed(MODULE)["variable"] for name, body in block.items()}
    assert [name for name, body in variables.items() if len(body.get("description", "")) < 20] == []
    free = {"create_catalog_bucket", "protect_tables", "labels"}
    assert {name for name, body in variables.items() if "validation" not in body} == free
    assert variables["location"]["default"] == "EU"
    assert all(region.startswith("europe-") for region in variables["message_regions"]["default"])


def test_variables_and_outputs_that_the_documentation_names_are_there() -> None:
    pages = [*(MODULE.parents[1] / "docs").glob("*.md"), *MODULE.parent.rglob("*.md")]
    text = "".join(page.read_text() for page in pages)
    variables = {name for block in parsed(MODULE)["variable"] for name in block}
    outputs = {name for block in parsed(MODULE)["output"] for name in block}
    named = set(re.findall(r"-var (\w+)=", text))
    assert "dataflow_region" in named and named <= variables
    named = set(re.findall(r"terraform output -raw (\w+)", text))
    assert "stream_command" in named and named <= outputs


def test_the_subscription_is_the_one_that_the_documentation_asks_for() -> None:
    command = re.search(r"subscriptions create tonearm.*?\n\n?.*?\n", operations())
    assert command is not None
    (deadline,) = re.findall(r"--ack-deadline=(\d+)", command[0])
    (days,) = re.findall(r"--message-retention-duration=(\d+)d", command[0])
    subscription = resources()["google_pubsub_subscription"]["uploads"]
    assert subscription["ack_deadline_seconds"] == int(deadline)
    assert subscription["message_retention_duration"] == f"{int(days) * 86400}s"
    assert subscription["expiration_policy"] == [{"ttl": ""}]
    assert "retry_policy" not in subscription


def test_roles_are_those_that_the_documentation_names_and_no_others() -> None:
    granted = {
        body["role"] for kind, named in resources().items() if "iam_member" in kind for body in named.values()
    }
    documented = set(re.findall(r"`(roles/[\w.]+)`", operations() + page("dataflow")))
    assert granted - documented == {"roles/iam.workloadIdentityUser"}
    assert granted >= documented


def test_nothing_writes_to_the_catalog_and_no_key_is_made() -> None:
    on_catalog = {
        body["role"]
        for body in resources()["google_storage_bucket_iam_member"].values()
        if body["bucket"] == "${var.catalog_bucket}"
    }
    assert on_catalog == {"roles/storage.objectViewer"}
    assert "google_service_account_key" not in resources()


def test_notes_and_staged_files_can_be_replaced_in_the_bucket_of_the_tables() -> None:
    bucket = resources()["google_storage_bucket"]["tables"]
    assert not bucket.keys() & {"retention_policy", "dynamic", "versioning"}
    assert bucket["soft_delete_policy"] == [{"retention_duration_seconds": 0}]


@NEEDS_TERRAFORM
def test_it_is_laid_out_as_terraform_lays_it_out() -> None:
    done = terraform("fmt", "-check", "-diff", folder=MODULE)
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_TERRAFORM
def test_terraform_itself_takes_and_refuses_values_of_variables(tmp_path: Path) -> None:
    """Variables need no provider, and so no download."""
    shutil.copy(MODULE / "variables.tf", tmp_path)
    terraform("init", "-backend=false", folder=tmp_path).check_returncode()
    needed = {"project": "music-tags", "catalog_bucket": "music-catalog", "tables_bucket": "music-tables"}
    right = (
        "location=europe-west1",
        "catalog_prefix=",
        "catalog_retention_days=30",
        "kubernetes_namespace=tonearm",
        "dataflow_region=europe-west1",
    )
    wrong = (
        "location=Europe",
        "catalog_prefix=gs://music/in/",
        "catalog_prefix=in/*.mp3",
        "catalog_retention_days=1.5",
        "catalog_undelete_days=3",
        "tables_bucket=gs://tables",
        "dataset=my-tags",
        "message_regions=[]",
        'message_regions=["here"]',
        "kubernetes_namespace=Tonearm",
        "dataflow_region=europe-west1-b",
        "project=Music",
        "catalog_bucket=a/b",
    )

    def refused(value: str) -> bool:
        given = [f"-var={name}={each}" for name, each in needed.items()]
        done = terraform("plan", "-input=false", *given, f"-var={value}", folder=tmp_path)
        assert done.returncode == 0 or "Invalid value for variable" in done.stderr
        return done.returncode != 0

    assert [value for value in right if refused(value)] == []
    assert [value for value in wrong if not refused(value)] == []


def terraform(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    command = ["terraform", f"-chdir={folder}", *words, "-no-color"]
    return subprocess.run(
        [word for word in command if words[0] != "fmt" or word != "-no-color"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def operations() -> str:
    return page("operations")


def page(name: str) -> str:
    return (MODULE.parents[1] / "docs" / f"{name}.md").read_text()


def resources() -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for block in parsed(MODULE)["resource"]:
        for kind, named in block.items():
            found.setdefault(kind, {}).update(named)
    return found
