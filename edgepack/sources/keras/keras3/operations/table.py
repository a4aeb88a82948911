"""Every Keras 3 function that can be expressed with Keras 2, by the name of its class in Keras."""

from __future__ import annotations

from edgepack.sources.keras.keras3.call import Expression
from edgepack.sources.keras.keras3.operations.elementwise import ELEMENTWISE
from edgepack.sources.keras.keras3.operations.images import IMAGES
from edgepack.sources.keras.keras3.operations.parts import PARTS
from edgepack.sources.keras.keras3.operations.products import PRODUCTS
from edgepack.sources.keras.keras3.operations.reductions import REDUCTIONS
from edgepack.sources.keras.keras3.operations.shapes import SHAPES

OPERATIONS: dict[str, Expression] = {**ELEMENTWISE, **REDUCTIONS, **SHAPES, **PARTS, **PRODUCTS, **IMAGES}
