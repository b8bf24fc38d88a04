"""What `terraform validate` would say of deploy/terraform, without Terraform and without the provider.

Names of blocks, arguments and references are held against the provider's bindings
(tests/deploy/reference/google_provider.json), literals against the arguments' types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import hcl2

MODULE = Path(__file__).parents[2] / "deploy" / "terraform"

Block = Mapping[str, Any]

_META_ARGUMENTS = {"count", "for_each", "depends_on", "lifecycle", "provider"}
_LITERALS = {
    "string": (str, int, float, bool),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
}
"""Terraform turns numbers and truth values into strings by itself."""

_OF_OWN_BLOCKS = {
    "variable": {"type", "default", "description", "validation", "sensitive", "nullable", "ephemeral"},
    "output": {"value", "description", "sensitive", "depends_on", "precondition", "ephemeral"},
}
_FUNCTIONS = {
    *("alltrue", "anytrue", "can", "coalesce", "concat", "contains", "distinct", "file", "flatten", "floor"),
    *(
        "format",
        "join",
        "jsondecode",
        "jsonencode",
        "keys",
        "length",
        "lookup",
        "lower",
        "max",
        "merge",
        "min",
    ),
    *("one", "regex", "replace", "split", "startswith", "strcontains", "toset", "tostring", "trimprefix"),
    *("try", "values", "list", "map", "object", "set"),
}
"""Some of Terraform's (developer.hashicorp.com/terraform/language/functions), and what makes types."""

_CALL = re.compile(r"\b([a-z]\w*)\(")
_REFERENCE = re.compile(r"\b((?:data\.)?google_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?")
_VARIABLE = re.compile(r"\bvar\.(\w+)")
_LOCAL = re.compile(r"\blocal\.(\w+)")


def parsed(folder: Path) -> dict[str, Any]:
    """All files of a module as one document: a list of blocks by their kind."""
    whole: dict[str, Any] = {}
    for path in sorted(folder.glob("*.tf")):
        for kind, blocks in _parsed_text(path.read_text()).items():
            whole.setdefault(kind, []).extend(blocks)
    return whole


@lru_cache
def _parsed_text(text: str) -> Block:
    return _plain(hcl2.loads(text))


def kinds_used(folder: Path) -> set[str]:
    """Kinds of resources, of data with `data.` before them, and of providers with `provider.`."""
    return {kind for kind, _, _ in _described(parsed(folder))}


def complaints(folder: Path, reference: Mapping[str, Any]) -> list[str]:
    """What is wrong with a module, one sentence each."""
    module = parsed(folder)
    return [
        *_of_arguments(module, reference),
        *_of_own_blocks(module),
        *_of_references(module, reference),
        *_of_names(module, "variable", _VARIABLE),
        *_of_undeclared(
            module, _LOCAL, {name for block in module.get("locals", ()) for name in block}, "local"
        ),
    ]


def _of_arguments(module: Block, reference: Mapping[str, Any]) -> Iterator[str]:
    for kind, name, body in _described(module):
        if kind not in reference:
            yield f"{kind}.{name}: not in the reference; python -m tests.deploy.references renews it"
            continue
        arguments = {key: value for key, value in body.items() if key not in _META_ARGUMENTS}
        yield from _of_block(f"{kind}.{name}", arguments, reference[kind]["arguments"])


def _of_own_blocks(module: Block) -> Iterator[str]:
    """Arguments of Terraform's own blocks, and the functions that are called anywhere."""
    for kind, known in _OF_OWN_BLOCKS.items():
        for name, body in ((name, body) for block in module.get(kind, ()) for name, body in block.items()):
            yield from (f"{kind} {name}: no argument {each}" for each in body.keys() - known)
    called = set(_CALL.findall("\n".join(_expressions(module))))
    yield from (f"no function {name}" for name in sorted(called - _FUNCTIONS))


def _of_block(where: str, given: Block, known: Mapping[str, Any]) -> Iterator[str]:
    given = _with_dynamic_blocks(given)
    yield from (f"{where}: no argument {name}" for name in given.keys() - known.keys())
    yield from (
        f"{where}: lacks {name}" for name, fact in known.items() if fact["required"] and name not in given
    )
    for name in given.keys() & known.keys():
        if "block" not in known[name]:
            yield from _of_value(f"{where}.{name}", given[name], known[name]["type"])
            continue
        for block in given[name] if isinstance(given[name], list) else [given[name]]:
            if isinstance(block, Mapping):
                yield from _of_block(f"{where}.{name}", block, known[name]["block"])
            else:
                yield f"{where}.{name}: is a block, not a value"


def _of_value(where: str, value: Any, type_: str) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("${"):
        return  # an expression: what it comes to is known when it is applied
    if not isinstance(value, _LITERALS.get(type_, (object,))) or (
        type_ == "number" and isinstance(value, bool)
    ):
        yield f"{where}: {value!r} is no {type_}"


def _of_references(module: Block, reference: Mapping[str, Any]) -> Iterator[str]:
    declared = {
        (kind, name): reference.get(kind, {}).get("attributes", ()) for kind, name, _ in _described(module)
    }
    for kind, name, attribute in set(_REFERENCE.findall("\n".join(_expressions(module)))):
        if (kind, name) not in declared:
            yield f"{kind}.{name} is referred to and not declared"
        elif attribute and attribute not in declared[kind, name]:
            yield f"{kind}.{name} has no attribute {attribute}"


def _of_names(module: Block, kind: str, pattern: re.Pattern[str]) -> Iterator[str]:
    declared = {name for block in module.get(kind, ()) for name in block}
    yield from _of_undeclared(module, pattern, declared, kind)
    used = set(pattern.findall("\n".join(_expressions({key: module[key] for key in module if key != kind}))))
    yield from (f"{kind} {name} is used nowhere" for name in declared - used)


def _of_undeclared(module: Block, pattern: re.Pattern[str], declared: set[str], kind: str) -> Iterator[str]:
    used = set(pattern.findall("\n".join(_expressions(module))))
    yield from (f"{kind} {name} is not declared" for name in used - declared)


def _described(module: Block) -> Iterator[tuple[str, str, Block]]:
    for prefix, kind_of_block in (("", "resource"), ("data.", "data")):
        for block in module.get(kind_of_block, ()):
            for kind, named in block.items():
                yield from ((prefix + kind, name, body) for name, body in named.items())
    for block in module.get("provider", ()):
        yield from ((f"provider.{name}", "default", body) for name, body in block.items())


def _with_dynamic_blocks(given: Block) -> Block:
    """`dynamic "name" { content { … } }` as the block that it makes."""
    blocks = {name: block["content"] for each in given.get("dynamic", ()) for name, block in each.items()}
    return {name: value for name, value in given.items() if name != "dynamic"} | blocks


def _expressions(value: Any) -> Iterator[str]:
    """All that may refer to something: templates, and expressions, which the parser puts in `${…}` too."""
    if isinstance(value, str):
        yield from re.findall(r"\$\{.*\}", value, flags=re.DOTALL)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _expressions(each)


def _plain(value: Any) -> Any:
    """Without the parser's quotation marks around literals and its own keys."""
    if isinstance(value, Mapping):
        return {_unquoted(key): _plain(each) for key, each in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return _unquoted(value) if isinstance(value, str) else value


def _unquoted(text: str) -> str:
    return json.loads(text) if re.fullmatch(r'"(?:[^"\\]|\\.)*"', text) else text
