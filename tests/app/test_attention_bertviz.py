"""BertViz's page: offline, escaped, bounded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.attention.bertviz import MOST_TOKENS, shown_tokens, standing_alone
from app.attention.bertviz import bertviz_document as document_of
from clps_core.inspection import Inspection
from clps_core.serving.head_view import head_view

# BertViz leaves its script's file open for the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:.*(head|model)_view.js:pytest.PytestUnraisableExceptionWarning")

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"',
    "'",
    "😀",
    "שלום",
    "\u2028",
    "&lt;",
)


def inspection(source: tuple[str, ...], target: tuple[str, ...] = (), layers: int = 2, heads: int = 2) -> Inspection:
    random = np.random.default_rng(0)

    def weights(queries: int, keys: int) -> np.ndarray:
        return random.dirichlet(np.ones(keys), size=(layers, heads, queries)).astype(np.float32)

    attention = {"encoder": weights(len(source), len(source))}
    if target:
        attention |= {"decoder": weights(len(target), len(target)), "cross": weights(len(target), len(source))}
    return Inspection(
        task="dates",
        step=1,
        text=" ".join(source),
        options={},
        attention=attention,
        groups=dict.fromkeys(attention, (0, 0)),
        source_labels=source,
        target_labels=target,
        ran={"encoder": (0, 1), "decoder": (0, 1)},
        target="greedy" if target else "none",
        prediction="",
    )


def bertviz_document(
    answer: Inspection, kind: str, *, layer: int = 0, limit: int = MOST_TOKENS, title: str = ""
) -> str:
    return document_of(head_view(answer, kind, layer=layer, limit=limit), title=title)


def payload(document: str) -> dict[str, Any]:
    start = document.index("const params = ") + len("const params = ")
    return json.JSONDecoder().raw_decode(document, start)[0]


def test_typed_text_stands_in_the_document_only_as_escaped_data() -> None:
    document = bertviz_document(inspection(HOSTILE), "encoder")
    assert document.count("</script>") == 4, "d3, jQuery, the shim, BertViz"
    data = document[document.index("const params = ") :].partition("\n")[0]
    assert "alert(1)" in data
    assert "<" not in data
    assert "alert(1)" not in document.replace(data, "")
    assert tuple(payload(document)["attention"][0]["left_text"]) == HOSTILE


def test_the_document_loads_nothing() -> None:
    document = bertviz_document(inspection(("a", "b")), "encoder")
    assert "require.min.js" not in document
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)", document)
    assert "default-src 'none'" in document


def test_the_data_stand_in_it_once_and_rounded() -> None:
    found = inspection(("one", "two", "three"))
    document = bertviz_document(found, "encoder")
    assert document.count('"left_text"') == 1
    shown = np.array(payload(document)["attention"][0]["attn"])
    assert np.abs(shown - found.attention["encoder"]).max() <= 0.0005 + 1e-9
    assert max(len(text) for text in re.findall(r"0\.\d+", json.dumps(shown.tolist()))) <= 5


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_the_view_shows_the_asked_kind_and_opens_at_the_asked_layer(kind: str) -> None:
    found = inspection(("a", "b", "c"), ("x", "y"), layers=3)
    deeper = replace(found, attention={**found.attention, "decoder": np.repeat(found.attention["decoder"], 2, axis=0)})
    last = len(deeper.attention[kind]) - 1
    shown = payload(bertviz_document(deeper, kind, layer=last))
    queries, keys = deeper.labels(kind)
    assert [(part["left_text"], part["right_text"]) for part in shown["attention"]] == [(list(queries), list(keys))]
    np.testing.assert_allclose(shown["attention"][0]["attn"], deeper.attention[kind], atol=0.0005 + 1e-9)
    assert shown["layer"] == last
    assert shown["include_layers"] == list(range(last + 1)), "a stack that is deeper than the other has all its layers"


@pytest.mark.parametrize(("layers", "heads", "limit"), [(4, 4, MOST_TOKENS), (12, 12, 33), (64, 64, 8)])
def test_tokens_are_cut_before_a_browser_would_freeze(layers: int, heads: int, limit: int) -> None:
    found = inspection(tuple(f"t{i}" for i in range(60)), layers=layers, heads=heads)
    assert shown_tokens(layers, heads) == limit
    shown = payload(bertviz_document(found, "encoder", limit=limit))["attention"][0]
    assert len(shown["left_text"]) == limit


def test_the_model_view_has_all_layers_of_one_kind_escaped_and_fills_its_frame() -> None:
    found = inspection(HOSTILE, ("x", "y"), layers=3)
    document = document_of(head_view(found, "cross", layer=0, limit=4, which="model"), "model")
    shown = payload(document)
    assert shown["include_layers"] == [0, 1, 2]
    ((part,), data) = shown["attention"], document[document.index("const params = ") :].partition("\n")[0]
    assert (part["left_text"], tuple(part["right_text"])) == (["x", "y"], HOSTILE[:4])
    np.testing.assert_allclose(part["attn"], found.attention["cross"][..., :4], atol=0.0005 + 1e-9)
    assert "<" not in data
    assert "alert(1)" not in document.replace(data, "")
    assert "viewBox" in document
    assert "Math.min(1, 12 / config.totalHeads)" in document, "few heads are not drawn a screen high"
    assert "require.min.js" not in document


def test_the_head_view_is_as_wide_as_its_frame() -> None:
    assert "const MATRIX_WIDTH = Math.max" in bertviz_document(inspection(("a", "b")), "encoder")


def test_importing_the_view_imports_neither_bertviz_nor_torch() -> None:
    code = "import sys, app.attention.bertviz; sys.exit(any(name in sys.modules for name in ('bertviz', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("which", ["head", "model"])
def test_the_file_stands_alone_under_an_escaped_title_and_still_loads_nothing(which: str) -> None:
    title = f"{which} of </title><script>alert(1)</script>"
    document = bertviz_document(inspection(("a", "b")), "encoder", title=title)
    alone = standing_alone(document, title).decode()
    assert alone.count("</script>") == document.count("</script>")
    assert f"<title>{which} of &lt;/title&gt;" in alone
    assert f"<h1>{which} of &lt;/title&gt;" in alone
    assert '<select id="layer" aria-label="Layer">' in alone
    assert '<html class="light" lang="en">' in alone
    assert "default-src 'none'" in alone
    assert payload(alone) == payload(document)
