"""From a pydantic model to a structural OpenAPI v3 schema, as a CustomResourceDefinition wants it.

What the API server rejects is rewritten (`$ref`, `anyOf` with null, numeric `exclusiveMinimum`, `const`), what it
ignores is left out (`title`, `default: null`). The rules were found by asking a Kubernetes 1.37 API server.
"""

from typing import Any

from pydantic import BaseModel

from paramedic.engine.readiness.schema_errors import pattern_mends

Schema = dict[str, Any]
_DROPPED = frozenset({"title", "examples", "deprecated", "discriminator", "propertyNames"})


class NotStructural(ValueError):
    """A model that has no structural schema. The text names the place."""


def structural(model: type[BaseModel]) -> Schema:
    """The schema of a model. Raises NotStructural."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _flatten(raw, raw.get("$defs", {}), model.__name__)


def _flatten(node: Schema, definitions: Schema, path: str) -> Schema:
    node = _resolve(node, definitions, path)
    flat = {key: value for key, value in node.items() if key not in _DROPPED and not key.startswith("$")}
    if flat.get("default", ...) is None:
        del flat["default"]
    elif isinstance(flat.get("default"), dict):  # a null within a default is refused
        flat["default"] = {key: value for key, value in flat["default"].items() if value is not None}
    if isinstance(flat.get("description"), str):
        flat["description"] = " ".join(flat["description"].split())
    for bound in ("exclusiveMinimum", "exclusiveMaximum"):
        if bound in flat:
            flat[bound.replace("exclusiveM", "m")] = flat[bound]
            flat[bound] = True
    if "const" in flat:
        flat["enum"] = [flat.pop("const")]
    if flat.get("pattern") in pattern_mends():
        flat |= {"x-kubernetes-validations": [_pattern_rule(flat.pop("pattern"))]}
    if "properties" in flat:
        return _object(flat, definitions, path)
    if flat.get("type") == "object":
        return _map(flat, definitions, path)
    if flat.get("type") == "array":
        flat["items"] = _flatten(flat["items"], definitions, f"{path}[]")
        return flat
    if "type" not in flat:
        return {"x-kubernetes-preserve-unknown-fields": True} | (
            {"description": flat["description"]} if "description" in flat else {}
        )
    return flat


def _pattern_rule(pattern: str) -> Schema:
    """A pattern whose refusal says what to write: the API server would only quote the regular expression."""
    return {"rule": f"self.matches('{pattern}')", "message": pattern_mends()[pattern]}


def _resolve(node: Schema, definitions: Schema, path: str) -> Schema:
    """References put in place, and `X or null` turned into X."""
    while True:
        if "$ref" in node:
            base = definitions[node["$ref"].rpartition("/")[2]]
            node = base | {key: value for key, value in node.items() if key != "$ref"}
        elif "anyOf" in node:
            kept = [item for item in node["anyOf"] if item.get("type") != "null"]
            if len(kept) != 1:
                raise NotStructural(f"{path}: a union of {len(kept)} types has no structural schema")
            node = kept[0] | {key: value for key, value in node.items() if key != "anyOf"}
        else:
            return node


def _object(flat: Schema, definitions: Schema, path: str) -> Schema:
    properties = {name: _flatten(item, definitions, f"{path}.{name}") for name, item in flat["properties"].items()}
    flat = {key: value for key, value in flat.items() if key != "additionalProperties"}
    return flat | {"properties": properties, "type": "object"}


def _map(flat: Schema, definitions: Schema, path: str) -> Schema:
    values = flat.pop("additionalProperties", True)
    if isinstance(values, dict):
        flat["additionalProperties"] = _flatten(values, definitions, f"{path}.*")
    else:
        flat["x-kubernetes-preserve-unknown-fields"] = True
    return flat
