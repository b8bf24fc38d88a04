"""What Google's Terraform provider, Kubernetes and Flink's operator know, cut down to what deploy/ uses.

    python -m tests.deploy.references

reads three pinned packages (90 MB from PyPI and Maven; needs `mvn`), drops all descriptions and kinds that
are not used, closes the schemas, so that a misspelt key is an error, and writes the files in
tests/deploy/reference. The fast tests read those alone.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.manifests import MANIFESTS
from tests.deploy.terraform import MODULE, kinds_used

FOLDER = Path(__file__).parent / "reference"

PROVIDER_BINDINGS = "cdktn-provider-google==21.1.0"
"""Made of hashicorp/google 8.7.0 (MPL-2.0); the provider itself is on no package registry."""

KUBERNETES_SCHEMAS = "kubernetes-validate==1.37.0"
KUBERNETES_VERSION = "1.34.0"
"""Of the versions in that package, an old one that is still looked after: newer ones take what it takes."""

OPERATOR = (
    "org.apache.flink:flink-kubernetes-operator-api:1.10.0",
    "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml",
)

Schema = dict[str, Any]


def made() -> Mapping[str, Any]:
    """The contents of the reference files, by name, from the pinned packages."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        return {
            "google_provider": _google_provider(_wheel(PROVIDER_BINDINGS, place)),
            "kubernetes": _kubernetes(_wheel(KUBERNETES_SCHEMAS, place)),
            "flink_deployment": _flink_deployment(_jar(place)),
        }


def text_of(contents: Any) -> str:
    """As it stands in a file: one key a line, so that a change can be read."""
    return json.dumps(contents, indent=1, sort_keys=True) + "\n"


def _wheel(requirement: str, place: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    folder = place / requirement
    subprocess.run([*command, "--dest", str(folder), requirement], check=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def _jar(place: Path) -> zipfile.ZipFile:
    command = ["mvn", "--quiet", "--batch-mode", "dependency:copy", f"-DoutputDirectory={place}"]
    subprocess.run([*command, f"-Dartifact={OPERATOR[0]}"], check=True)
    return zipfile.ZipFile(next(place.glob("flink-kubernetes-operator-api-*.jar")))


# --- The provider: arguments of each kind, as {"required", "type"} or {"required", "block"}, and attributes.


def _google_provider(wheel: zipfile.ZipFile) -> Mapping[str, Any]:
    types = _assembly(wheel)["types"]
    return {
        kind: {
            "arguments": _arguments(types, f"{_place(kind)}Config"),
            "attributes": sorted(_attributes(types, _place(kind))),
        }
        for kind in sorted(kinds_used(MODULE))
    }


def _assembly(wheel: zipfile.ZipFile) -> Mapping[str, Any]:
    packed = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(packed))) as package:
        member = package.extractfile("package/.jsii")
        assert member is not None
        return json.load(member)


def _place(kind: str) -> str:
    """`google_storage_bucket` is `storageBucket.StorageBucket`, and `data.…` begins with `dataGoogle`."""
    if kind == "provider.google":
        return "@cdktn/provider-google.provider.GoogleProvider"
    words = kind.replace("data.google_", "data_google_").removeprefix("google_").split("_")
    name = "".join(word.capitalize() for word in words)
    return f"@cdktn/provider-google.{name[0].lower()}{name[1:]}.{name}"


def _arguments(types: Mapping[str, Any], interface: str) -> Schema:
    return {
        _terraform_name(each): {"required": not each.get("optional", False), **_value(types, each["type"])}
        for each in types[interface].get("properties", ())
    }


def _value(types: Mapping[str, Any], type_: Mapping[str, Any]) -> Schema:
    """The type of an argument, or the arguments of a block.

    A union is of that and of values that the bindings resolve later.
    """
    members = [
        each
        for each in type_.get("union", {"types": [type_]})["types"]
        if each.get("fqn") != "cdktn.IResolvable"
    ]
    member = members[0]
    if "primitive" in member:
        return {"type": member["primitive"]}
    if "fqn" in member:
        return {"block": _arguments(types, member["fqn"])}
    element = member["collection"]["elementtype"]
    if member["collection"]["kind"] == "array" and str(element.get("fqn", "")).startswith(
        "@cdktn/provider-google"
    ):
        return {"block": _arguments(types, element["fqn"])}
    return {"type": {"array": "list", "map": "map"}[member["collection"]["kind"]]}


def _attributes(types: Mapping[str, Any], class_: str) -> Iterator[str]:
    for each in types[class_]["properties"]:
        if not each["name"].endswith("Input") and not each.get("static"):
            yield _terraform_name(each)


def _terraform_name(each: Mapping[str, Any]) -> str:
    """The name that the documentation links to; where it does not, it is made of the bindings' name."""
    link = re.search(r"docs/[\w-]+/\w+#(\w+)", each.get("docs", {}).get("remarks", ""))
    return link[1] if link else re.sub(r"(?<!^)(?=[A-Z])", "_", each["name"]).lower()


# --- Kubernetes: one schema for each kind, with the definitions that it leads to.


def _kubernetes(wheel: zipfile.ZipFile) -> Mapping[str, Any]:
    folder = f"kubernetes_validate/kubernetes-json-schema/v{KUBERNETES_VERSION}-local-strict"
    known = json.loads(wheel.read(f"{folder}/_definitions.json"))["$defs"]
    kinds = {
        kind: _here(
            json.loads(wheel.read(f"{folder}/{kind.lower()}-{version.split('.')[0].replace('/', '-')}.json"))
        )
        for version, kind in sorted(_kubernetes_kinds())
    }
    definitions: Schema = {}
    waiting = list(_led_to(kinds))
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = _here(known[name])
            waiting += _led_to(definitions[name])
    return {"version": KUBERNETES_VERSION, "kinds": kinds, "$defs": definitions}


def _kubernetes_kinds() -> set[tuple[str, str]]:
    found = {
        (each["apiVersion"], each["kind"])
        for path in MANIFESTS
        for each in yaml.safe_load_all(path.read_text())
    }
    return {each for each in found if "flink.apache.org" not in each[0]}


def _here(schema: Any) -> Any:
    """Without descriptions, and with references into the same file."""
    if isinstance(schema, list):
        return [_here(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("/api/_definitions.json", "") if key == "$ref" else _here(value)
        for key, value in schema.items()
        if not (
            key.startswith("x-kubernetes")
            or key == "$schema"
            or (key == "description" and isinstance(value, str))
        )
    }


def _led_to(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _led_to(each)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from _led_to(value)


# --- The operator: the kind FlinkDeployment, whose pod templates are written once.


def _flink_deployment(jar: zipfile.ZipFile) -> Mapping[str, Any]:
    definition = yaml.load(jar.read(OPERATOR[1]), Loader=yaml.CSafeLoader)
    versions = {each["name"]: each["schema"]["openAPIV3Schema"] for each in definition["spec"]["versions"]}
    (version, schema), *_ = versions.items()
    spec = schema["properties"]["spec"]["properties"]
    template = spec["podTemplate"]
    for part in (spec, spec["jobManager"]["properties"], spec["taskManager"]["properties"]):
        assert part["podTemplate"] == template
        part["podTemplate"] = {"$ref": "#/$defs/PodTemplate"}
    schema["properties"].pop("status")
    closed = {"spec": _closed(_here(schema["properties"]["spec"])), "metadata": {"type": "object"}}
    closed |= {
        "apiVersion": {"const": f"{definition['spec']['group']}/{version}"},
        "kind": {"const": definition["spec"]["names"]["kind"]},
    }
    whole = {
        "type": "object",
        "properties": closed,
        "required": sorted(closed),
        "additionalProperties": False,
    }
    return whole | {"$defs": {"PodTemplate": _closed(_here(template))}}


def _closed(schema: Any) -> Any:
    """With every object closed that lists its properties and is not said to keep others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        inner.setdefault("additionalProperties", False)
    return inner


def main() -> None:
    """Write the files anew."""
    for name, contents in made().items():
        (FOLDER / f"{name}.json").write_text(text_of(contents))


if __name__ == "__main__":
    main()
