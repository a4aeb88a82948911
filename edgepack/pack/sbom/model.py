"""The model, the data and the recipe of a manifest, in CycloneDX's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgepack.ground.escape import json_text
from edgepack.pack.sbom.document import properties
from edgepack.pack.sbom.parts import sha256

NOT_STATED = "Not stated by its maker."


def model_component(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """model.tflite with its model card; what it was made from is its ancestor."""
    model = manifest["model"]
    source = _source(manifest)
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": model["file"],
        "mime-type": "application/octet-stream",
        **sha256(model["sha256"]),
        **({"pedigree": {"ancestors": [source], "notes": _way(manifest)}} if source else {}),
        "modelCard": {
            "modelParameters": {
                **({"datasets": [{"ref": "data"}]} if manifest["data"] else {}),
                "inputs": [{"format": _format(tensor)} for tensor in manifest["inputs"]],
                "outputs": [{"format": _format(tensor)} for tensor in manifest["outputs"]],
            },
            **_quality(manifest["metric"]),
            "considerations": {
                "useCases": [manifest["intended_use"] or NOT_STATED],
                "technicalLimitations": [*manifest["limitations"], *manifest["notes"]] or [NOT_STATED],
            },
        },
        **properties({key: model[key] for key in ("bytes", "scheme", "parameters", "macs")}),
    }


def data_component(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The data set, where there was one. Its hash is that of the examples as edgepack read them."""
    data = manifest["data"]
    if not data:
        return []
    counts = data.get("examples", {}) if isinstance(data.get("examples"), Mapping) else {}
    contents = properties({f"examples:{split}": count for split, count in counts.items()})
    return [
        {
            "type": "data",
            "bom-ref": "data",
            "name": "data set",
            "description": "not in the pack; the hash is that of its examples as edgepack read them, not of a file",
            "scope": "excluded",
            **sha256(data.get("sha256")),
            "data": [{"type": "dataset", "name": "data set", **({"contents": contents} if contents else {})}],
        }
    ]


def formulation(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How the model was made: a workflow with the recipe's steps and their options."""
    steps = [_step(step) for step in manifest["recipe"] if isinstance(step, Mapping)]
    inputs = [{"resource": {"ref": ref}} for ref, there in (("source", manifest["source"]), ("data", manifest["data"])) if there]
    workflow = {
        "bom-ref": "recipe",
        "uid": "recipe",
        "name": "the recipe" if steps else "the model as it was given, or quantized after training",
        "taskTypes": ["build"],
        **({"steps": steps} if steps else {}),
        **({"inputs": inputs} if inputs else {}),
        "outputs": [{"type": "artifact", "resource": {"ref": "model"}}],
    }
    return [{"workflows": [workflow]}]


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    options = {f"option:{key}": _text(value) for key, value in step.items() if key != "step"}
    return {"name": str(step.get("step", "step")), **properties(options)}


def _source(manifest: Mapping[str, Any]) -> dict[str, Any]:
    source = manifest["source"]
    if not source:
        return {}
    name = str(source.get("file") or source.get("source") or "model")
    return {"type": "machine-learning-model", "bom-ref": "source", "name": name, **sha256(source.get("sha256"))}


def _way(manifest: Mapping[str, Any]) -> str:
    names = [str(step.get("step")) for step in manifest["recipe"] if isinstance(step, Mapping)]
    return f"made by the steps {', '.join(names)}; see formulation" if names else "no recipe; see formulation"


def _quality(metric: Mapping[str, Any]) -> dict[str, Any]:
    if metric.get("value") is None:
        return {}
    split = f"{metric.get('split', 'test')} split"
    rows = [{"type": str(metric.get("name", "metric")), "value": str(metric["value"]), "slice": split}]
    if metric.get("baseline") is not None:
        kind = f"{metric.get('name', 'metric')} of the float model"
        rows.append({"type": kind, "value": str(metric["baseline"]), "slice": split})
    return {"quantitativeAnalysis": {"performanceMetrics": rows}}


def _format(tensor: Mapping[str, Any]) -> str:
    return f"{tensor['dtype']} {'x'.join(map(str, tensor['shape'])) or 'scalar'}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)
