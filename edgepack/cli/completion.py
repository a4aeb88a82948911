"""What the shell offers when a name is begun (`edgepack --install-completion`): targets, forms, cores, boards, engines."""

from __future__ import annotations

from collections.abc import Iterable

# The folders of sample_models and the names of edgepack.pack.deliveries.registry.FORMS, spelled out so that --help looks at
# no disk and imports nothing.
SAMPLES = ("anomaly_detection", "digits", "image_classification", "keyword_spotting")
FORMS = (
    "c-array", "c", "tflm", "firmware", "arduino", "platformio", "zephyr", "esp-idf", "cmsis-pack", "android", "systemd", "ota",
    "ota-image", "mcuboot",
)  # fmt: skip


def targets(incomplete: str) -> list[str]:
    """Targets, those of ./targets, too."""
    from edgepack.project import list_targets

    return _beginning(incomplete, (target.name for target in list_targets()))


def samples(incomplete: str) -> list[str]:
    """Sample projects."""
    return _beginning(incomplete, SAMPLES)


def forms(incomplete: str) -> list[str]:
    """Forms of `edgepack export --as`."""
    return _beginning(incomplete, FORMS)


def cpus(incomplete: str) -> list[str]:
    """Cores that C code is generated for."""
    from edgepack.cores.table import CPUS

    return _beginning(incomplete, CPUS)


def boards(incomplete: str) -> list[str]:
    """Boards of a firmware project."""
    from edgepack.mcu.boards.boards import BOARDS

    return _beginning(incomplete, BOARDS)


def codings(incomplete: str) -> list[str]:
    """How weights may be stored."""
    from edgepack.coding import CODES, SETTINGS

    return _beginning(incomplete, (*SETTINGS, *(code.name for code in CODES)))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
