"""What no schema tells of manifests: names of one another, and quantities and times that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.deploy.manifests import Manifest, pod_specs

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|[MGT]|[KMGT]i)?")
_ADDRESS = re.compile(r"(?:--[a-z-]+=)?(localhost|[a-z][a-z0-9-]*):(\d+)")
_FIELDS_OF_A_SCHEDULE = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_REST_PORT = 8081
"""Of Flink's job manager, for which the operator makes a Service of its own."""


def dangling(manifests: Sequence[Manifest]) -> list[str]:
    """What refers to nothing in a set of manifests, or is no value for Kubernetes; one sentence each."""
    return [
        *_names_of_pods(manifests),
        *_selectors(manifests),
        *_addresses(manifests),
        *(said for each in manifests for said in _values(each, _named(each))),
    ]


def _names_of_pods(manifests: Sequence[Manifest]) -> Iterator[str]:
    accounts, settings = (_names(manifests, kind) for kind in ("ServiceAccount", "ConfigMap"))
    for each in manifests:
        for pod in pod_specs(each):
            account = pod.get("serviceAccountName")
            if account is not None and account not in accounts:
                yield f"{_named(each)}: no ServiceAccount {account}"
            for container in pod["containers"]:
                for source in container.get("envFrom", ()):
                    if (name := source["configMapRef"]["name"]) not in settings:
                        yield f"{_named(each)}: no ConfigMap {name}"
        job = each.get("spec", {}).get("jobTemplate", each).get("spec", {})
        for rule in job.get("podFailurePolicy", {}).get("rules", ()):
            name = rule.get("onExitCodes", {}).get("containerName")
            if name and name not in {box["name"] for pod in pod_specs(each) for box in pod["containers"]}:
                yield f"{_named(each)}: no container {name}"


def _selectors(manifests: Sequence[Manifest]) -> Iterator[str]:
    for each in manifests:
        wanted = each.get("spec", {}).get("selector")
        if each["kind"] == "Deployment":
            if not wanted["matchLabels"].items() <= each["spec"]["template"]["metadata"]["labels"].items():
                yield f"{_named(each)}: its selector is not of its pods"
        elif each["kind"] == "Service":
            chosen = [other for other in manifests if wanted.items() <= _labels_of_pods(other).items()]
            if len(chosen) != 1:
                yield f"{_named(each)}: its selector is of {len(chosen)} manifests' pods"
            ports = {port for other in chosen for port in _ports_of_pods(other)}
            for port in each["spec"]["ports"]:
                if port["port"] not in ports:
                    yield f"{_named(each)}: no pod has the port {port['port']}"


def _addresses(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Hosts and ports in the words of commands."""
    there = {("localhost", port) for each in manifests for port in _ports_of_pods(each)}
    for each in manifests:
        name = each["metadata"]["name"]
        if each["kind"] == "Service":
            there |= {(name, port["port"]) for port in each["spec"]["ports"]}
        elif each["kind"] == "FlinkDeployment":
            there.add((f"{name}-rest", _REST_PORT))
    for each in manifests:
        for pod in pod_specs(each):
            for word in (word for container in pod["containers"] for word in container.get("args", ())):
                found = _ADDRESS.fullmatch(word)
                if found and (found[1], int(found[2])) not in there:
                    yield f"{_named(each)}: nothing listens at {found[1]}:{found[2]}"


def _values(value: Any, where: str) -> Iterator[str]:
    """Quantities and schedules, wherever they stand."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, where)
    if not isinstance(value, Mapping):
        return
    for key, each in value.items():
        if key in ("requests", "limits"):
            wrong = [str(amount) for amount in each.values() if not _QUANTITY.fullmatch(str(amount))]
            yield from (f"{where}: {amount} is no quantity" for amount in wrong)
        elif key == "sizeLimit" and not _QUANTITY.fullmatch(str(each)):
            yield f"{where}: {each} is no quantity"
        elif key == "schedule" and not _is_schedule(each):
            yield f"{where}: {each} is no schedule"
        else:
            yield from _values(each, where)


def _is_schedule(text: str) -> bool:
    fields = text.split()
    return len(fields) == len(_FIELDS_OF_A_SCHEDULE) and all(
        least <= int(number) <= most
        for field, (least, most) in zip(fields, _FIELDS_OF_A_SCHEDULE, strict=True)
        for number in re.findall(r"\d+", field.partition("/")[0])
    )


def _names(manifests: Sequence[Manifest], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in manifests if each["kind"] == kind}


def _labels_of_pods(manifest: Manifest) -> Mapping[str, str]:
    template = manifest.get("spec", {}).get("template", {})
    return template.get("metadata", {}).get("labels", {})


def _ports_of_pods(manifest: Manifest) -> set[int]:
    containers = [container for pod in pod_specs(manifest) for container in pod["containers"]]
    return {port["containerPort"] for container in containers for port in container.get("ports", ())}


def _named(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"
