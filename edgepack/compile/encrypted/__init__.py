"""Constants that lie encrypted in flash, and calls that have the firmware decrypt them before they run."""

from edgepack.compile.encrypted.choice import encrypted
from edgepack.compile.encrypted.cipher import Cipher, Image
from edgepack.compile.encrypted.key import read_key

__all__ = ["Cipher", "Image", "encrypted", "read_key"]
