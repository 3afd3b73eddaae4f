"""Somebody who opens a page of a real dashboard, without the cost of a browser. Start at draw."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from job_room import PATIENCE
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

__all__ = ["Seen", "draw"]


@dataclass
class Seen:
    """What a page had drawn when it was done: its errors, our components, its HTML; ``seconds`` until then."""

    problems: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    html: str = ""
    seconds: float = 0.0


def draw(port: int, page: str, query: str = "") -> Seen:
    """Open ``page`` once and see what is on it."""
    seen, began = Seen(), time.monotonic()
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = query
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
        open_timeout=PATIENCE,
    ) as socket:
        socket.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(socket.recv(timeout=PATIENCE))  # type: ignore[arg-type]
            element = told.delta.new_element
            kind = element.WhichOneof("type")
            if kind == "alert":
                seen.problems.append(element.alert.body.replace("\\", ""))
            elif kind == "exception":
                seen.problems.append(f"exception: {element.exception.message}")
            elif kind == "bidi_component":
                seen.components.append(element.bidi_component.component_name)
            elif kind == "html":
                seen.html += element.html.body
            if told.WhichOneof("type") == "script_finished":
                break
    seen.seconds = time.monotonic() - began
    return seen
