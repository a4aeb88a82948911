"""From a built model to its pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.engines.brought_along import brought_along
from edgepack.ground.errors import CompileError, ToolError
from edgepack.ground.progress import Progress
from edgepack.pack import Pack, PackInfo, choose_golden_inputs, write_pack, zip_pack
from edgepack.pack.bench_scripts import bench_scripts
from edgepack.pack.sbom import Part
from edgepack.runners import REFERENCE
from edgepack.runners.native import build_program
from edgepack.signing import sign_pack

_TRAINING = ("tensorflow", "tf-keras", "tensorflow-model-optimization")
"""What reads, changes and converts a Keras model."""

_EVALUATION = ("ai-edge-litert", "scikit-learn")
"""What splits the data, runs the .tflite on it and gives its metric."""

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow
    from edgepack.pipeline.build import Built
    from edgepack.pipeline.request import Plan


def pack(
    plan: Plan,
    built: Built,
    progress: Progress,
    files: Mapping[str, bytes | str] | None = None,
    coding: Sequence[CodingRow] = (),
) -> Pack:
    """Write the pack of a run to `pack/` in its result folder, signed where a key was given, and the .zip if one was asked for.

    `files` are further files of the pack, such as the generated C, and `coding` its weights, where some are in codes.

    Raises:
        ModelError, EdgepackError: what write_pack says.
    """
    folder = plan.out / "pack"
    with progress.stage("Packing", str(folder)) as task:
        samples = () if built.data is None else built.data.test.inputs
        golden = choose_golden_inputs(built.content, samples)
        result = write_pack(
            folder,
            plan.project.name,
            built.model,
            golden,
            _info(plan, built, {**_scripts(plan, built, progress), **(files or {})}, coding),
            built.content,
            built.inspection,
        )
        if plan.signer is not None:
            sign_pack(result, plan.signer)
        if plan.request.zip_file is not None:
            zip_pack(result, plan.request.zip_file)
        made = result.golden
        by = "" if made.engine == REFERENCE else f" of {made.engine} {made.engine_version}"
        task.finish(f"{result.id}, {made.count} golden vectors{by}{_signed(plan)}")
    return result


def _signed(plan: Plan) -> str:
    return "" if plan.signer is None else f", signed with key {plan.signer.key.public.name}"


def _scripts(plan: Plan, built: Built, progress: Progress) -> dict[str, bytes | str]:
    """Shell scripts for a bench without edgepack; where they need the model's program with it, if it can be made."""
    kind = plan.destination.kind
    program = None
    if kind.script_machine is not None:
        with suppress(CompileError, ToolError):
            program = build_program(built.model, kind.script_machine, progress, coding=plan.target.device.coding)
    return bench_scripts(kind, program)


def _info(plan: Plan, built: Built, files: Mapping[str, bytes | str], coding: Sequence[CodingRow]) -> PackInfo:
    data = built.data
    splits = ("train", "validation", "test", "representative")
    return PackInfo(
        source={"source": Path(plan.project.model.source).name, "sha256": built.source_sha256},
        data={} if data is None else {"sha256": data.sha256, "examples": {name: len(getattr(data, name)) for name in splits}},
        recipe=[{"step": step.name, **step.options} for step in plan.recipe],
        steps=built.steps,
        metric={}
        if data is None
        else {
            "name": plan.metric.name,
            "higher_is_better": plan.metric.higher_is_better,
            "baseline": built.baseline,
            "value": built.metric,
            "split": "test",
            "examples": len(data.test),
        },
        preprocessing={} if data is None else data.preprocessing,
        class_names=() if data is None else data.class_names,
        scheme=built.scheme,
        notes=built.notes,
        coding=coding,
        files=files,
        intended_use=plan.project.model.intended_use or "",
        limitations=plan.project.model.limitations,
        tools=[*(() if built.source is None else _TRAINING), *(() if data is None else _EVALUATION)],
        runtimes=_runtimes(plan),
    )


def _runtimes(plan: Plan) -> list[Part]:
    """The wheels that edgepack brings to the target's device where it lacks a runtime; one may be taken, or none."""
    kind = plan.destination.kind
    if kind.holds != "release":
        return []
    engine = plan.target.device.engine
    if engine == "auto" and kind.python is None:
        engine = "c"  # where there is no Python, the model's own program runs
    about = "brought along where the device has no runtime, one of these wheels, checked by its digest"
    parts = []
    for requirement, wheels in brought_along(engine).items():
        name, _, version = requirement.partition("==")
        licence = "BSD-3-Clause" if name == "numpy" else "Apache-2.0"
        parts.append(Part(name, version, licence, about, wheels, required=False))
    return parts
