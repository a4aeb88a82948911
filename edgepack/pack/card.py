"""MODEL_CARD.md: what somebody who receives the pack needs to know, from the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgepack.flatbuffer.types import INTEGER_RANGE
from edgepack.ground.escape import json_text, markdown, markdown_code, markdown_line
from edgepack.pack.golden import Golden
from edgepack.pack.sbom.model import NOT_STATED

_STEP_LEGEND = (
    "Values: the most distinct codes in an output channel. Bits: entropy of the codes, in bits per weight. Sizes in bytes: float "
    "and int8, the weights at 4 bytes and at 1 byte each (biases 4); deflated, those int8 weights through zlib; file, the whole "
    ".tflite."
)


def model_card(manifest: Mapping[str, Any], golden: Golden) -> str:
    """The card as Markdown; sections without content are left out."""
    sections = [
        _head(manifest),
        _intended_use(manifest),
        _metric(manifest),
        _inputs(manifest),
        _preprocessing(manifest),
        _classes(manifest),
        _steps(manifest),
        _sizes(manifest),
        _coding(manifest),
        _checking(manifest, golden),
        _limits(manifest),
        _origin(manifest),
    ]
    return "\n".join(section for section in sections if section)


def _head(manifest: Mapping[str, Any]) -> str:
    scheme = manifest["model"]["scheme"]
    kind = f"A TensorFlow Lite model ({markdown(scheme)})" if scheme else "A TensorFlow Lite model"
    title = manifest["title"]
    about = f"{markdown_line(title)}\n\n" if title else ""
    return f"# {markdown(manifest['name'])}\n\n{about}{kind} of {manifest['model']['bytes']:,} bytes, packed by edgepack.\n"


def _intended_use(manifest: Mapping[str, Any]) -> str:
    return f"## Intended use\n\n{markdown_line(manifest['intended_use'] or NOT_STATED)}\n"


def _metric(manifest: Mapping[str, Any]) -> str:
    metric = manifest["metric"]
    if metric.get("value") is None and metric.get("baseline") is None:
        return ""
    name = markdown(metric.get("name", "metric"))
    better = "higher is better" if metric.get("higher_is_better", True) else "lower is better"
    count = f" of {metric['examples']:,} examples" if metric.get("examples") else ""
    rows = [("float Keras model", metric.get("baseline")), ("this model", metric.get("value"))]
    table = _table(("", name), [(what, _number(value)) for what, value in rows if value is not None])
    return f"## Quality\n\nOn the {markdown(metric.get('split', 'test'))} split{count}, {better}:\n\n{table}"


def _inputs(manifest: Mapping[str, Any]) -> str:
    rows = []
    for kind in ("input", "output"):
        for index, tensor in enumerate(manifest[f"{kind}s"]):
            shape = " x ".join(map(str, tensor["shape"])) or "scalar"
            scale = "-" if tensor["scale"] is None else f"{tensor['scale']:.9g}"
            zero_point = "-" if tensor["zero_point"] is None else tensor["zero_point"]
            rows.append((f"{kind} {index}", markdown(tensor["name"]), shape, markdown(tensor["dtype"]), scale, zero_point))
    table = _table(("", "name", "shape", "type", "scale", "zero point"), rows)
    return f"## Inputs and outputs\n\nA real value is scale x (stored value - zero point).\n\n{table}"


def _preprocessing(manifest: Mapping[str, Any]) -> str:
    settings = manifest["preprocessing"]
    if not settings:
        return ""
    rows = [(markdown(key), markdown_code(json_text(value))) for key, value in settings.items()]
    return (
        "## Preprocessing\n\nAn input must be prepared exactly as in training before it is quantized:\n\n"
        f"{_table(('setting', 'value'), rows)}"
    )


def _classes(manifest: Mapping[str, Any]) -> str:
    names = manifest["class_names"]
    if not names:
        return ""
    return "## Classes\n\n" + _table(("output", "class"), [(index, markdown(name)) for index, name in enumerate(names)])


def _steps(manifest: Mapping[str, Any]) -> str:
    steps = [step for step in manifest["steps"] if isinstance(step, dict)]
    if not steps:
        return ""
    columns = [("parameters", "parameters"), ("sparsity", "zeros"), ("distinct", "values"), ("entropy", "bits")]
    columns += [("float_bytes", "float"), ("int8_bytes", "int8"), ("deflated_bytes", "deflated"), ("file_bytes", "file")]
    shown = [(key, title) for key, title in columns if any(step.get(key) is not None for step in steps)]
    metric = next((markdown(step["metric_name"]) for step in steps if step.get("metric_name")), "metric")
    rows = []
    for step in steps:
        label = markdown(step.get("label") or step.get("step", ""))
        rows.append((label, _number(step.get("metric")), *(_cell(key, step.get(key)) for key, _ in shown)))
    table = _table(("step", metric, *(title for _, title in shown)), rows)
    return f"## Compression\n\n{table}\n{_STEP_LEGEND}\n"


def _sizes(manifest: Mapping[str, Any]) -> str:
    model = manifest["model"]
    zeros = f" ({model['zeros'] / model['weights']:.1%})" if model["weights"] else ""
    rows = [
        ("model.tflite", f"{model['bytes']:,} bytes"),
        ("parameters", f"{model['parameters']:,} in {model['parameter_bytes']:,} bytes"),
        ("zero weights", f"{model['zeros']:,}{zeros}"),
        ("entropy of the weights", f"{model['entropy_bits_per_weight']:.2f} bits per weight"),
        ("multiply-accumulates", f"{model['macs']:,} an inference"),
        ("live tensors at the worst operator", f"{model['peak_activation_bytes']:,} bytes"),
        ("operators", ", ".join(f"{markdown(name)} x{count}" for name, count in model["operators"].items())),
    ]
    outside = model["outside_tflm"]
    note = f"\nTFLite Micro has no kernel for {', '.join(map(markdown, outside))}.\n" if outside else ""
    return f"## Size\n\n{_table(('', ''), rows)}{note}"


def _coding(manifest: Mapping[str, Any]) -> str:
    rows = manifest.get("coding", [])
    if not rows:
        return ""
    keys = ("float_bytes", "int8_bytes", "stored_bytes", "entropy_bytes")
    lines = [(markdown(row["layer"]), row["code"] or "-", *(f"{row[key]:,}" for key in keys)) for row in rows]
    lines.append(("all", "", *(f"{sum(row[key] for row in rows):,}" for key in keys)))
    table = _table(("layer", "code", "float32", "int8", "stored", "entropy"), lines)
    return (
        "## Weights in codes\n\nThe C code in `c/` holds weights in codes and decodes them in every run. Bytes of weights; no "
        f"code of single values goes below the entropy:\n\n{table}"
    )


def _checking(manifest: Mapping[str, Any], golden: Golden) -> str:
    return (
        "## Checking it\n\n"
        f"`golden/` holds {golden.count} inputs with the outputs of the reference kernels "
        f"({golden.engine}, version {golden.engine_version}). A microcontroller build reproduces them bit for bit; optimised "
        "runtimes may differ by a few steps of the output's scale. `manifest.json` lists the sha256 of every file, "
        "`sbom.cdx.json` what the pack consists of and was made with.\n"
    )


def _limits(manifest: Mapping[str, Any]) -> str:
    items = []
    if manifest["metric"].get("value") is not None:
        items.append("The quality above is that of the named data; other data, sensors or preprocessing will give another.")
    else:
        items.append("No quality was measured: the model was packed without test data.")
    for tensor in manifest["inputs"]:
        limits = _range(tensor)
        if limits:
            low, high = limits
            items.append(
                f"Input {markdown_code(tensor['name'])} represents real values from {low:.6g} to {high:.6g}; others saturate."
            )
    if not manifest["limitations"]:
        items.append("Further limitations were not stated by the model's maker.")
    items += [markdown_line(limitation) for limitation in manifest["limitations"]]
    items += [markdown_line(note) for note in manifest["notes"]]
    return "## Limits\n\n" + "".join(f"- {item}\n" for item in items)


def _range(tensor: Mapping[str, Any]) -> tuple[float, float] | None:
    if tensor["dtype"] not in ("int8", "uint8", "int16") or tensor["scale"] is None:
        return None
    low, high = INTEGER_RANGE[tensor["dtype"]]
    return (low - tensor["zero_point"]) * tensor["scale"], (high - tensor["zero_point"]) * tensor["scale"]


def _origin(manifest: Mapping[str, Any]) -> str:
    rows = [("model.tflite", f"sha256 {markdown_code(manifest['model']['sha256'])}")]
    rows += [(title, _facts(manifest[key])) for key, title in (("source", "made from"), ("data", "data")) if manifest[key]]
    rows += [(markdown(package), markdown(version)) for package, version in manifest["versions"].items()]
    return "## Origin\n\n" + _table(("", ""), rows)


def _facts(values: Mapping[str, Any]) -> str:
    """A mapping in one line; hashes as code, nested mappings in turn."""
    parts = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            parts.append(f"{markdown(key)}: {_facts(value)}")
        elif key == "sha256":
            parts.append(f"sha256 {markdown_code(value)}")
        else:
            parts.append(f"{markdown(key)} {markdown(f'{value:,}' if isinstance(value, int) else value)}")
    return ", ".join(parts)


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if key == "sparsity" else f"{value:.2f}" if key == "entropy" else f"{value:,}"


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else markdown(value)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
