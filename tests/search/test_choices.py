"""What layers may be given: all that the space says, and nothing that a step would refuse."""

from __future__ import annotations

from edgepack.compress.fisher import ChannelFamily, OpenLayer
from edgepack.search.choices import Level, Space, Stored, choices_of

FIRST = OpenLayer("first", 100, True, False, 0, -1, 0.0)
DEPTHWISE = OpenLayer("depthwise", 50, False, False, 0, 0, 1.0)
MIDDLE = OpenLayer("middle", 400, True, True, 1, 0, 1.0)
LAYERS = (FIRST, DEPTHWISE, MIDDLE)
FAMILIES = (ChannelFamily(("first",), (1.0, 2.0, 3.0, 4.0)), ChannelFamily(("middle",), (1.0, 1.0)))
SPACE = Space(sparsities=(0.5,), clusters=(16,), weights=("int4",), removed=(0.5,))


def test_each_layer_has_what_its_techniques_take() -> None:
    choices = choices_of(LAYERS, FAMILIES, SPACE)
    assert choices.levels() == (Level(), Level(16), Level(weights="int4"))
    assert choices.stored(FIRST, Level()) == (Stored(), Stored(0.5))
    assert choices.stored(DEPTHWISE, Level()) == (Stored(),)
    assert choices.stored(DEPTHWISE, Level(16)) == (Stored(), Stored(0.0, True))
    assert choices.stored(FIRST, Level(weights="int4")) == (Stored(), Stored(0.5))
    assert len(choices.stored(MIDDLE, Level(weights="int4"))) == 4
    assert (choices.removed(0), choices.removed(-1)) == ((0.0, 0.5), (0.0,))


def test_layers_outside_the_space_stay_as_they_are_and_so_do_families_with_them() -> None:
    choices = choices_of(LAYERS, (ChannelFamily(("first", "middle"), (1.0, 2.0)),), Space(exclude=("mid*",)))
    assert choices.stored(MIDDLE, Level(16)) == (Stored(),)
    assert choices.removed(0) == (0.0,)


def test_binary_weights_have_no_zeros() -> None:
    choices = choices_of((MIDDLE,), (), Space(sparsities=(0.5,), weights=("binary",)))
    assert choices.stored(MIDDLE, Level(weights="binary")) == (Stored(), Stored(0.0, True), Stored(0.5))


def test_a_family_loses_its_least_important_channels_first() -> None:
    assert [FAMILIES[0].loss(share) for share in (0.0, 0.25, 0.5)] == [0.0, 1.0, 3.0]
