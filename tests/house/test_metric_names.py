"""What a metric is stands in clps_core/metrics.py alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "clps_core" / "metrics.py"
SOURCES = [path for folder in ("app", "clps_core", "pages") for path in (ROOT / folder).rglob("*.py") if path != HOME]


def perplexity(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "perplexity"


def compared(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Compare, ast.MatchValue)) and any(map(perplexity, ast.walk(node))):
            yield node.lineno


def test_no_code_asks_whether_a_metric_is_the_perplexity() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        if "perplexity" in (text := path.read_text(encoding="utf8"))
        for line in compared(ast.parse(text))
    ]
    assert not found, f"ask clps_core.metrics instead: {', '.join(found)}"


def test_a_comparison_would_be_seen() -> None:
    assert list(compared(ast.parse('share = metric != "perplexity"'))) == [1]
    assert list(compared(ast.parse('share = metric in {"accuracy", "perplexity"}'))) == [1]
    assert not list(compared(ast.parse('values = {"perplexity": 1.0}')))
