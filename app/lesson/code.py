"""A link as a QR code, for a room. Start at qr_code."""

from __future__ import annotations

from io import BytesIO

import segno

__all__ = ["MOST_QR", "qr_code"]

MOST_QR = 1200
"""Characters of a link beyond which phones no longer read its code from a projector."""


def qr_code(link: str) -> bytes:
    """A PNG of ``link``, black on white with its margin in both themes; raises ``ValueError`` beyond ``MOST_QR``."""
    if len(link) > MOST_QR:
        raise ValueError
    picture = BytesIO()
    segno.make_qr(link, error="l").save(picture, kind="png", scale=8, border=4, dark="black", light="white")
    return picture.getvalue()
