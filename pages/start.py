"""Start: what sharing is, in one picture; a ready comparison; the ways in."""

from app.components.frame import header
from app.components.sharing_picture import sharing_picture

header("start")
sharing_picture()
