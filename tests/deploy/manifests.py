"""What a cluster would say of the manifests in deploy/kubernetes, by the schemas in ./reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"

MANIFESTS = sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")

Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    """All manifests of all files."""
    return [each for path in MANIFESTS for each in documents(path.read_text())]


def documents(text: str) -> list[Manifest]:
    """The manifests of one file."""
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def flink_cluster_of(folder: Path) -> Manifest:
    """The FlinkDeployment that a kustomization makes of the one in `cluster`, by patches that add a value."""
    (cluster,) = documents((folder / ".." / "cluster" / "cluster.yaml").read_text())
    for each in yaml.safe_load((folder / "kustomization.yaml").read_text()).get("patches", ()):
        assert each["target"] == {"kind": cluster["kind"], "name": cluster["metadata"]["name"]}
        for step in yaml.safe_load(each["patch"]):
            assert step["op"] == "add"
            *way, last = step["path"].split("/")[1:]
            part = cluster
            for key in way:
                part = part[key]
            part[last] = step["value"]
    return cluster


def complaints(manifest: Manifest, reference: Mapping[str, Any]) -> list[str]:
    """What is wrong with a manifest, one sentence each.

    Args:
        manifest: The manifest.
        reference: Contents of the reference files, by name.
    """
    schema = _schema_of(manifest, reference)
    if schema is None:
        return [
            f"{manifest['kind']}: the reference does not know it; python -m tests.deploy.references renews it"
        ]
    where = f"{manifest['kind']} {manifest['metadata']['name']}"
    return [
        f"{where}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft202012Validator(schema).iter_errors(manifest)
    ]


def pod_specs(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """The pods that a manifest asks for, in as many as it has templates."""
    spec = manifest.get("spec", {})
    for key in ("template", "podTemplate"):
        if key in spec:
            yield spec[key]["spec"]
    for key in ("jobTemplate", "jobManager", "taskManager"):
        if key in spec:
            yield from pod_specs({"spec": spec[key].get("spec", spec[key])})


def _schema_of(manifest: Manifest, reference: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if manifest["kind"] == "FlinkDeployment":
        return reference["flink_deployment"]
    kubernetes = reference["kubernetes"]
    kind = kubernetes["kinds"].get(manifest["kind"])
    return None if kind is None else kind | {"$defs": kubernetes["$defs"]}
