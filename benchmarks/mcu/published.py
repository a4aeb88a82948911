"""What others reach on MLPerf Tiny's reference models, and the bars edgepack sets itself.

`TFLM` was counted with qemu-system-arm -icount on TensorFlow Lite Micro with CMSIS-NN (gcc 12 -O3 kernels): executed
instructions. `RECORDS` are published latencies times the clock: measured cycles on hardware. `BARS` are executed instructions.
"""

from __future__ import annotations

TITLES = {
    "kws": "keyword spotting",
    "ic": "image classification",
    "mobilenet": "MobileNetV1 0.25, 96x96x3, random weights",
    "mobilenet_dead": "the same with one of 16 channels dead and what such channels leave behind",
    "stem": "a ResNet's stem (7x7 convolution, PAD, 3x3 maximum) and a classifier, 64x64x3, random weights",
    "autoencoder": "dense autoencoder 640-128-…-8-…-640, random weights",
}

TFLM = {
    "cortex-m0plus": {"kws": 29_003_000, "ic": 97_562_000},
    "cortex-m3": {"kws": 10_545_000, "ic": 41_757_000},
    "cortex-m4": {"kws": 7_845_000, "ic": 29_872_000},
    "cortex-m7": {"kws": 7_761_000, "ic": 29_935_000},
    "cortex-m33": {"kws": 7_801_000, "ic": 29_929_000},
    "cortex-m55": {"kws": 1_786_000, "ic": 4_810_000},
}
TFLM_M4_MEMORY = {
    "kws": {"arena": 22_820, "ram": 23_704, "flash": 109_516, "model": 53_936},
    "ic": {"arena": 54_996, "ram": 55_448, "flash": 153_320, "model": 98_496},
}

BARS = {
    "cortex-m0plus": {"kws": 17_000_000, "ic": 58_000_000},
    "cortex-m4": {"kws": 3_900_000, "ic": 14_900_000},
    "cortex-m7": {"kws": 3_900_000, "ic": 14_900_000},
    "cortex-m33": {"kws": 3_900_000, "ic": 14_900_000},
    "cortex-m55": {"kws": 900_000, "ic": 2_400_000},
}
CYCLE_BARS_M4 = {"kws": 5_100_000, "ic": 19_800_000}
ARENA_BARS = {"kws": 10_300, "ic": 35_700}
CODE_BAR = 14 << 10

RECORDS = (
    # who, core, cycles of keyword spotting, of image classification
    ("X-CUBE-AI 9.0", "cortex-m4", 5_180_000, 19_820_000),
    ("Plumerai", "cortex-m4", 5_730_000, 20_130_000),
    ("Bosch HALE", "cortex-m4", 7_220_000, 21_670_000),
    ("microTVM with CMSIS-NN", "cortex-m4", 11_980_000, 46_750_000),
    ("best closed stack", "cortex-m33", 4_640_000, 16_690_000),
    ("best closed stack", "cortex-m7", 3_170_000, 11_440_000),
    ("Bosch HALE", "cortex-m0plus", 30_400_000, 97_400_000),
)
