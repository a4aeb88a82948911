"""`edgepack.deploy`: the main job."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Literal

from edgepack.api.inputs import Steps, as_request
from edgepack.api.settings import File, Settings
from edgepack.ground.private import private_files
from edgepack.ground.progress import choose_progress
from edgepack.pipeline.deploy import run_deploy
from edgepack.project import Project, Target
from edgepack.report import FleetReport, Report


@private_files()
def deploy(
    project: File | Project | None = None,
    *,
    model: Any = None,
    data: Any = None,
    recipe: Steps | None = None,
    target: str | PathLike[str] | Target = "cortex-m4",
    settings: Settings = (),
    weights: File | None = None,
    trust: bool = False,
    float_model: File | None = None,
    device: str | None = None,
    out: File | None = None,
    name: str | None = None,
    folder: File | None = None,
    cache: bool = True,
    verify_cache: bool = False,
    require_hardware: bool = False,
    zip_file: File | None = None,
    per_layer: bool = False,
    sign: File | None = None,
    endorse: File | None = None,
    inventory: File | None = None,
    limit: str | None = None,
    canary: int = 0,
    batch: int = 0,
    workers: int = 8,
    on_failure: Literal["rollback", "stop", "continue"] = "rollback",
    quiet: bool = False,
) -> Report | FleetReport:
    """Compress, convert, deploy, measure and judge a model on a target.

    Finished stages are kept: the same call again trains and converts nothing. report.html, report.json, junit.xml and the pack
    are written to the report's `folder`.

    Args:
        project: A project folder, a Keras or .tflite file, or what `load_project` gave. Without one, `model` is all there is: it
            is quantized after training unless a recipe says more.
        model: A Keras model (of either generation), a function that returns one, or a file of one (.keras, .h5, a SavedModel
            folder, a .tflite); instead of the project's.
        data: `(x_train, y_train, x_test, y_test)`, `((x_train, y_train), (x_test, y_test))`, `(x, y)`, or a dict as a project's
            `load` returns it: arrays with their examples first, labels as class numbers, one-hot rows, or rows of zeros and ones
            where an example may have several. In place of a pair a tf.data.Dataset, a Keras Sequence or PyDataset, or a
            generator; two of them are train and test. Or a path: an .npz, a folder of images, or what the project's data source
            takes. A ready .tflite needs test examples only.
        recipe: Steps in their order, such as `[Prune(sparsity=0.5), Quantize()]`, a Recipe, or a file of `[[recipe]]` tables.
        target: The name of a target (`edgepack targets` lists them), a profile's path, or what `load_target` gave.
        settings: Changes for this run as `--set` has them: `{"budget.ram": "32 KiB", "data.metric": "auc"}`.
        weights: A Keras file with trained weights for the project's model.
        trust: Let a model file run code of its own (Lambda layers, any function of TensorFlow); for files whose maker you know.
        float_model: For a ready .tflite: the float .tflite or the Keras file that it was made from, to compare with.
        device: The device's address: user@host[:port], a serial number, "serial:/dev/ttyACM0", …
        out: The folder of the results; by default build/TARGET in the project, or build/NAME/TARGET in `folder`.
        name: What a model without a project is called; by default the Keras model's name, or the file's.
        folder: Where a model without a project has its cache (.edgepack) and its results; by default the working folder.
        cache: False computes every stage again.
        verify_cache: Compare the content of every stored stage with its hash before it is used, not only its sizes and times.
        require_hardware: Pass only if every budget was measured on the target's own hardware.
        zip_file: Also write the pack as one .zip file.
        per_layer: Also measure each layer, where the engine can.
        sign: A secret key's file (`edgepack keys new`, or minisign's) to sign the pack with; the password of an encrypted one is
            in the environment variable EDGEPACK_SIGN_PASSWORD, or asked for.
        endorse: The secret key's file that devices trust until now, when `sign` is to take its place (EDGEPACK_ENDORSE_PASSWORD).
        inventory: A file that names several devices; `limit`, `canary`, `batch`, `workers` and `on_failure` say which, and how
            the release is rolled out to them (docs/guides/fleets.md).
        quiet: Show no progress on standard error.

    Returns:
        The report; `report.passed` says whether every budget was met. A FleetReport when the run is for several devices, from
        `inventory` or from the target's own profile.

    Raises:
        EdgepackError: What kept the run from a verdict, with its code (docs/errors.md), a message and a hint.
    """
    request = as_request(
        project,
        model=model,
        data=data,
        recipe=recipe,
        target=target,
        settings=settings,
        weights=weights,
        trust=trust,
        out=out,
        name=name,
        folder=folder,
        device=device,
        float_file=None if float_model is None else Path(float_model),
        use_cache=cache,
        verify_cache=verify_cache,
        require_hardware=require_hardware,
        zip_file=None if zip_file is None else Path(zip_file),
        per_layer=per_layer,
        sign=None if sign is None else Path(sign),
        endorse=None if endorse is None else Path(endorse),
        inventory=None if inventory is None else Path(inventory),
        limit=limit,
        canary=canary,
        batch=batch,
        workers=workers,
        on_failure=on_failure,
    )
    return run_deploy(request, choose_progress(quiet))
