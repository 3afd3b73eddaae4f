"""A link to pass on: as text, and as a QR code for a room. Start at shown_link."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlsplit

import segno
import streamlit as st

from clps_core.addresses import HOSTS
from clps_core.words import _

__all__ = ["MOST_QR", "qr_code", "server_address", "shown_code", "shown_link"]

MOST_QR = 1200
"""Characters of a link beyond which phones no longer read its code from a projector."""


def qr_code(link: str) -> bytes:
    """A PNG of ``link``, black on white with its margin in both themes; raises ``ValueError`` beyond ``MOST_QR``."""
    if len(link) > MOST_QR:
        raise ValueError
    picture = BytesIO()
    segno.make_qr(link, error="l").save(picture, kind="png", scale=8, border=4, dark="black", light="white")
    return picture.getvalue()


def server_address() -> str:
    """How the browser reaches this server, without the page; where no browser asks, the path alone."""
    parts = urlsplit(st.context.url or "")
    base = f"/{path}" if (path := str(st.get_option("server.baseUrlPath")).strip("/")) else ""
    return f"{parts.scheme}://{parts.netloc}{base}" if parts.netloc else base


def shown_code(link: str) -> None:
    """The QR code, as large as a phone needs it."""
    st.image(qr_code(link), width=420, output_format="PNG")


def shown_link(link: str) -> None:
    """The link, to copy; and a sentence where nobody else can open it."""
    st.code(link, language=None, wrap_lines=True)
    if urlsplit(link).hostname in HOSTS:
        st.caption(
            _(
                "This address works on this computer only. For an address that others can use, open this page "
                "under the server's name."
            )
        )
