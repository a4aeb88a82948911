"""Which names people give to splits: of folders, of keys, and of the values of a column."""

from __future__ import annotations

import re

# The words that name a split, and those that may stand beside one: "Training Set", "val_images", "testData", "train-2".
SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "validate", "validating", "valid", "val", "dev"),
    "test": ("test", "testing", "tst"),
    "representative": ("representative", "calibration", "calib"),
}
_FILLERS = (
    *("set", "sets", "ds", "data", "dataset", "images", "image", "imgs", "img", "pictures", "photos", "pics"),
    *("samples", "examples", "split", "folder", "dir", "files", "seg", "the"),
)
_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
_GLUED = re.compile(rf"({'|'.join(sorted(_SPLIT_OF, key=len, reverse=True))})({'|'.join(_FILLERS)})?")


def split_of(name: str) -> tuple[str, str] | None:
    """The split that a folder's name says, and what else the name says; None when it names no split.

    >>> split_of("Training Set"), split_of("seg_test"), split_of("asl_alphabet_train"), split_of("teapot")
    (('train', ''), ('test', ''), ('train', 'asl alphabet'), None)
    """
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    splits, rest = [], []
    for word in words:
        glued = _GLUED.fullmatch(word)
        if glued:
            splits.append(_SPLIT_OF[glued[1]])
        elif word not in _FILLERS:
            rest.append(word)
    return (splits[0], " ".join(rest)) if len(splits) == 1 else None
