"""The attention grid against plotly heatmaps and BertViz: bytes on the wire, and time until all is painted."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from app.attention.grid import GridView, Sent, grid_payload
from driving import chromium, free_port, served
from report import write_table

ROUNDS = 3
SIZES = ((4, 4, 40), (12, 12, 128), (12, 12, 512), (24, 16, 1024))
PLOTLY_LIMIT = 128
"""BertViz and plotly are left out beyond: their pages would be gigabytes or hundreds of megabytes."""

APP = """
import streamlit as st
from attention_page import figure, view

st.set_page_config(layout="wide")
query = st.query_params
size = tuple(int(query[name]) for name in ("layers", "heads", "tokens"))
if not st.toggle("Draw"):
    st.stop()
if query["kind"] == "plotly":
    st.plotly_chart(figure(*size), key="plotly")
else:
    from app.attention.grid import attention_grid

    attention_grid(view(*size), selected=(0, 0), key="grid")
"""


@cache
def weights(layers: int, heads: int, tokens: int) -> np.ndarray:
    """Attention as a trained model has it: float32 [layer, head, query, key], most of a row on a few keys."""
    random = np.random.default_rng(0)
    scores = np.exp(3 * random.normal(size=(layers, heads, tokens, tokens)).astype(np.float32))
    return (scores / scores.sum(-1, keepdims=True)).astype(np.float32)


def labels(tokens: int) -> list[str]:
    return [f"token{place}" for place in range(tokens)]


@cache
def view(layers: int, heads: int, tokens: int) -> GridView:
    """What the model process hands over: made once, as a page keeps it. Where it is long, all layers are the same."""
    names = labels(tokens)
    one = weights(1 if tokens > PLOTLY_LIMIT else layers, heads, tokens)
    values = np.broadcast_to(np.rint(one * 255).astype(np.uint8), (layers, *one.shape[1:]))
    return GridView("encoder", "benchmark", Sent.of(values), names, names, ["A"] * layers, ["#2676c4"] * layers)


def figure(layers: int, heads: int, tokens: int) -> object:
    """A heatmap per head; the axes' labels are left away, which favours plotly."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    made = make_subplots(layers, heads, horizontal_spacing=0.005, vertical_spacing=0.005)
    for layer, row in enumerate(weights(layers, heads, tokens)):
        for head, values in enumerate(row):
            made.add_trace(go.Heatmap(z=values, zmin=0, zmax=1, showscale=False), layer + 1, head + 1)
    return made.update_xaxes(visible=False).update_yaxes(visible=False).update_layout(height=900)


def plotly_bytes(size: tuple[int, int, int]) -> int:
    return len(figure(*size).to_json())


def bertviz_bytes(size: tuple[int, int, int]) -> int:
    """What BertViz's head view puts into its page, as it comes."""
    import torch
    from bertviz import head_view

    layers = [torch.from_numpy(layer)[None] for layer in weights(*size)]
    return len(head_view(layers, labels(size[2]), html_action="return").data.encode())


heads_drawn: dict[tuple[int, int, int], list[float]] = {}
"""Seconds from a click to a head in full; the first of each size is a warm-up."""


def seconds_to_paint(url: str, kind: str, size: tuple[int, int, int], browser: Browser) -> float:
    """From the click in an open page to the last head on the screen."""
    layers, heads, tokens = size
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{url}/?kind={kind}&layers={layers}&heads={heads}&tokens={tokens}")
    switch = page.get_by_text("Draw")
    switch.wait_for()
    page.wait_for_timeout(500)  # the browser still loads what it may need
    began = time.perf_counter()
    switch.click()
    if kind == "plotly":
        page.wait_for_function(
            f"document.querySelectorAll('.heatmaplayer image').length >= {layers * heads}", timeout=0
        )
    else:
        page.locator(f"[data-painted='{layers * heads}']").wait_for(timeout=0)
    spent = time.perf_counter() - began
    if kind == "grid":
        heads_drawn.setdefault(size, []).append(seconds_to_head(page, f"{layers - 1},{heads - 1}"))
    page.close()
    return spent


CLICK = """(cell, chosen) => new Promise(done => {
  const root = cell.closest(".attention");
  const began = performance.now();
  const drawn = () => requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000)));
  const watcher = new MutationObserver(() => {
    if (root.dataset.full === chosen) { watcher.disconnect(); drawn(); }
  });
  watcher.observe(root, { attributes: true });
  cell.click();
})"""


def seconds_to_head(page: Page, chosen: str) -> float:
    """From the click on the last head to that head in full, by the browser's own clock."""
    spent: float = page.locator(".cell").last.evaluate(CLICK, chosen)
    return spent


def measure_paint() -> dict[tuple[str, tuple[int, int, int]], float]:
    """Median seconds per (kind, size), the kinds alternating."""
    spent: dict[tuple[str, tuple[int, int, int]], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        script = Path(folder) / "page.py"
        script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n{APP}")
        port = free_port()
        options = ("--server.headless", "true", "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false")
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port), *options]
        with served(command, port, Path(folder) / "home"):
            url = f"http://127.0.0.1:{port}"
            for size in SIZES:
                seconds_to_paint(url, "grid", size, browser)
            seconds_to_paint(url, "plotly", SIZES[0], browser)
            for _ in range(ROUNDS):
                for size in SIZES:
                    for kind in ("grid", "plotly"):
                        if kind == "grid" or size[2] <= PLOTLY_LIMIT:
                            spent.setdefault((kind, size), []).append(seconds_to_paint(url, kind, size, browser))
    return {what: statistics.median(values) for what, values in spent.items()}


def against(value: float, ours: float, text: str) -> str:
    return f"{text} ({value / ours:.1f} x)"


def main() -> None:
    paint = measure_paint()
    rows = []
    for size in SIZES:
        ours = len(grid_payload(view(*size), (0, 0), "grid"))
        cells = ["–", "–"]
        plotly_paint = "–"
        if size[2] <= PLOTLY_LIMIT:
            others = (plotly_bytes(size), bertviz_bytes(size))
            cells = [against(other, ours, f"{other / 1e6:.2f} MB") for other in others]
            seconds = paint["plotly", size]
            plotly_paint = against(seconds, paint["grid", size], f"{seconds:.2f} s")
        head = f"{statistics.median(heads_drawn[size][1:]):.2f} s"
        name = "{} layers x {} heads x {} tokens".format(*size)
        rows.append([name, f"{ours / 1e6:.2f} MB", *cells, f"{paint['grid', size]:.2f} s", plotly_paint, head])
    write_table(
        "attention_page",
        "The attention grid: bytes on the wire and time to paint",
        ["", "our bytes", "plotly's bytes", "BertViz's bytes", "our paint", "plotly's paint", "a head in full"],
        rows,
        "Synthetic attention. Bytes: our whole message (labels, thumbnails, the heads in full that it carries); "
        "plotly's figure JSON, one heatmap a head, without labels; BertViz's head view as it comes. In brackets: "
        "times ours. Paint: from the click in an open page to the last head on the screen, median of "
        f"{ROUNDS} alternating rounds in headless Chromium, server warm. A head in full: from the click on it "
        "in the open page to the next frame, by the browser's clock. "
        f"Beyond {PLOTLY_LIMIT} tokens the others were left out. Other work on the "
        f"machine meanwhile: load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores; trust the ratios.",
    )


if __name__ == "__main__":
    main()
