"""BertViz's views of an inspection, taken apart. Start at head_view.

BertViz (Vig 2019, arXiv 1906.05714) writes a page that does not escape its data. Here its parts are told apart, so
that whoever shows them can. bertviz and torch are imported when a view is drawn only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clps_core.inspection import Inspection

__all__ = ["MARK", "HeadView", "Which", "head_view"]

Which = Literal["head", "model"]
"""One layer at a time with all its heads, or all layers and heads as small pictures."""

DECIMALS = 3
MARK = "PYTHON_PARAMS"
"""Stands once in the code, where its data go."""


@dataclass(frozen=True)
class HeadView:
    """``markup`` and ``code`` are BertViz's own; ``data`` is JSON with typed text in it, not escaped for HTML."""

    markup: str
    code: str
    data: str

    @property
    def nbytes(self) -> int:
        """What it weighs in memory, nearly."""
        return len(self.markup) + len(self.code) + len(self.data)


def head_view(answer: Inspection, kind: str, *, layer: int, limit: int, which: Which = "head") -> HeadView:
    """The view of one attention kind of ``answer``, of the first ``limit`` tokens of each axis.

    The head view is opened at ``layer``; the model view shows all layers.
    """
    import bertviz
    import torch

    cut = np.round(answer.attention[kind][..., :limit, :limit].astype(np.float64), DECIMALS)
    tensors = [torch.from_numpy(one)[None] for one in cut]
    queries, keys = (list(labels[:limit]) for labels in answer.labels(kind))
    shared: dict[str, Any] = {"html_action": "return", "prettify_tokens": False}
    shared |= {"layer": layer} if which == "head" else {"display_mode": "light"}
    draw = bertviz.head_view if which == "head" else bertviz.model_view
    if kind == "cross":
        return _parts(str(draw(cross_attention=tensors, encoder_tokens=keys, decoder_tokens=queries, **shared).data))
    return _parts(str(draw(tensors, keys, **shared).data))


def _parts(html: str) -> HeadView:
    """Of BertViz's HTML. The data stand twice in it, the second time in a comment on the same line; both go."""
    _require_js, _tag, rest = html.partition("</script>")
    markup, _tag, script = rest.partition('<script type="text/javascript">')
    before, opening, after = script.partition("const params = ")
    payload, end = json.JSONDecoder().raw_decode(after)
    _comment, newline, code = after[end:].partition("\n")
    code = code[: code.rindex("</script>")]
    return HeadView(markup, f"{before}{opening}{MARK};{newline}{code}", json.dumps(payload, separators=(",", ":")))
