"""An Arduino library: library.properties, src/, examples/ (Arduino library specification 1.5)."""

from __future__ import annotations

from edgepack.ground.escape import property_value
from edgepack.pack.deliveries.packages.package import Package
from edgepack.pack.deliveries.packages.product import Product

_C = "No heap, no interpreter; bit for bit TensorFlow Lite's reference kernels."
_TFLM = (
    "The model as an aligned array, a resolver of its operators, the size of its arena; needs a TensorFlow Lite Micro library."
)
_LIBRARY = "#include <TensorFlowLite.h>\n"  # Arduino finds a library by a header that is included


def arduino_files(product: Product) -> dict[str, str]:
    """The library's files; its .zip is what the IDE's "Add .ZIP Library" takes."""
    properties = {
        "name": product.name,
        "version": product.version,
        "author": "edgepack",
        "maintainer": "edgepack",
        "sentence": f"{product.summary}.",
        "paragraph": f"{product.title}. {_TFLM if product.tflm else _C}",
        "category": "Data Processing",
        "url": product.url,
        "architectures": "*",
        "includes": product.header,
    }
    sketch = f"""// Runs the golden vectors of {product.name} and prints how many differ: 0 is right.
{_LIBRARY if product.tflm else ""}{product.includes_text()}
{product.check}
void setup() {{
  Serial.begin(115200);
  while (!Serial) {{
  }}
  unsigned long start = micros();
  int differing = {product.name}_check();
  unsigned long took = micros() - start;
  Serial.print(differing);
  Serial.print(" golden vectors differ; microseconds an inference: ");
  Serial.println(took / {product.name.upper()}_GOLDEN_COUNT);
}}

void loop() {{
}}
"""
    return {
        "library.properties": "".join(f"{key}={property_value(value)}\n" for key, value in properties.items()),
        "README.md": product.readme,
        **{f"src/{name}": text for name, text in product.sources.items()},
        "examples/golden_vectors/golden_vectors.ino": sketch,
    }


PACKAGE = Package(
    "arduino",
    "an Arduino library of the C code, or for TensorFlow Lite Micro, and its .zip",
    arduino_files,
    archive=lambda product: f"{product.name}-{product.version}.zip",
    root=lambda product: f"{product.name}/",  # the IDE wants one folder in the .zip
)
