"""Make docs/schemes.md and its pictures from the cards of ``clps_core.schemes``.

Run ``make schemes`` after a change of cards, presets or counts; a test compares. Start at files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from clps_core.analysis.counts import count
from clps_core.presets import PAPERS, PRESETS
from clps_core.presets.base import Preset
from clps_core.schemes import KINDS, SCHEMES, Card, arithmetic, card, map_line, standard_model
from docs.scheme_pictures import picture

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "pictures" / "schemes"
LAYERS = 6

INTRODUCTION = """# Ways of sharing

<!-- Made by 'make schemes' from the cards of the engine. Change those. -->

Every way of sharing that CLPS Lab knows, at {layers} layers. The same cards are in the dashboard (Design) and on the
command line (`clps schemes`, `clps schemes NAME --layers 12`).

Read a picture from left to right: each column is an executed layer, each row a component. **Equal letters in one row
are one stored weight.** A hatched cell has no weight of its own: the layer reads the activations of the layer at the
arc's other end. A white corner marks low-rank weights that a layer has for itself; brackets mark the loops, where
their number is a dial.

Counts are those of a model of {sizes}.
*Stored* counts a weight once, *executed* at every use; *saved* is the part of what the layers store without sharing.
All layers run in every scheme: sharing weights saves memory, not computation. (The one exception is cross-attention:
all its layers read the same encoder output, so shared keys and values are computed once.) What is lost is said with
published figures where there are some; they come from other tasks and sizes than yours, and papers disagree. Train two
designs side by side to see for yourself.
"""

ARITHMETIC = """## The arithmetic of a layer

An introduction that this project grew from counts 2 L d² + 2 L d d_ff weights, and for L = {layers}, d = {d},
d_ff = {d_ff} prints values that this does not give. A layer has four attention matrices (q, k, v, o), not two:
"""
REST = """Biases and norms add {plain:,} without sharing and {shared:,} with. `clps schemes arithmetic` prints this sum.
"""
DESIGNS = """## Designs of the papers

Each is a preset: `clps count --preset NAME`. *Published* is the figure as printed; *ours* is what the counter gives for
the same thing.
"""


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    cards = {name: card(name, LAYERS) for name in SCHEMES}
    found = {PICTURES / f"{name}.svg": picture(one) for name, one in cards.items()}
    return {FOLDER / "schemes.md": page(cards.values()), **found}


def page(cards: Iterable[Card]) -> str:
    """The whole page."""
    model = standard_model("decoder")
    sizes = f"d_model {model.d_model}, d_ff {model.d_ff}, {model.num_heads} heads and {model.vocab_size:,} words"
    found = list(cards)
    parts = [INTRODUCTION.format(layers=LAYERS, sizes=sizes), *_overview(found)]
    for kind, title in KINDS.items():
        parts.append(f"## {title}\n")
        parts += [_section(one) for one in found if one.scheme.kind == kind]
    return "\n".join([*parts, _arithmetic(), _presets()])


def _overview(cards: Sequence[Card]) -> list[str]:
    rows = []
    for one in cards:
        scheme = one.scheme
        name = f"[{scheme.title}](#{_anchor(scheme.title)})"
        rows.append((name, f"`{map_line(one)}`", f"{one.saved_share:.0%}", _cache(one), _linked(scheme.source)))
    return [_table(("scheme", "map", "saved", "KV cache", "source"), rows)]


def _cache(one: Card) -> str:
    before, after = one.baseline.kv_cache_bytes_per_token, one.kv_cache_bytes_per_token
    return "" if before == after else f"−{1 - after / before:.0%}"


def _section(one: Card) -> str:
    scheme = one.scheme
    source = "No paper." if scheme.source == "-" else _linked(scheme.source)
    lines = [
        f"### {scheme.title}\n",
        f"![{scheme.title}: {map_line(one)}](pictures/schemes/{scheme.name}.svg)\n",
        f"`{one.strategy}`, card `{scheme.name}`. {source}\n",
        f"* **Rule**: {scheme.rule}",
        f"* **Shared**: {scheme.shared}",
        f"* **Separate**: {scheme.kept}",
        f"* **Saved**: {scheme.saved}",
        f"* **Cost**: {scheme.lost}",
        *(f"  * {evidence.claim} ({_linked(evidence.source)})" for evidence in scheme.evidence),
    ]
    if scheme.beyond:
        lines.append(f"* **Not built**: {scheme.beyond}")
    return "\n".join([*lines, "", _counts(one)])


def _counts(one: Card) -> str:
    with_it, without = one.counts, one.baseline
    rows = [
        ("stored parameters", f"{with_it.unique_parameters:,}", f"{without.unique_parameters:,}"),
        ("executed parameters", f"{with_it.executed_parameters:,}", f"{without.executed_parameters:,}"),
    ]
    if without.kv_cache_bytes_per_token:
        cache = (with_it.kv_cache_bytes_per_token, without.kv_cache_bytes_per_token)
        rows.append(("KV cache per token, 16 bit", *(f"{figure:,} bytes" for figure in cache)))
    return _table(("", "with it", "without"), rows, right=2)


def _arithmetic() -> str:
    found = arithmetic()
    model, (plain, shared) = found.model, found.biases_and_norms
    steps = [(step.text, f"{step.value:,}") for step in found.steps]
    claims = [
        (claim.text, "right" if claim.right else "wrong", f"{claim.without_sharing:,}", f"{claim.with_sharing:,}")
        for claim in found.claims
    ]
    return "\n".join(
        [
            ARITHMETIC.format(layers=model.num_layers, d=model.d_model, d_ff=model.d_ff),
            _table(("step", "weights"), steps, right=1),
            _table(("count", "", "without sharing", "one layer for all"), claims, right=2),
            "\n".join(f"* {claim.text}: {claim.why}" for claim in found.claims if claim.why) + "\n",
            REST.format(plain=plain, shared=shared),
        ]
    )


def _presets() -> str:
    parts = [DESIGNS]
    for paper, title in PAPERS.items():
        rows = [_preset(preset) for preset in PRESETS.values() if preset.paper == paper]
        parts += [f"### {title}\n", _table(("preset", "strategy", "counts", "published", "ours", "note"), rows)]
    return "\n".join(parts)


def _preset(preset: Preset) -> tuple[str, ...]:
    counts = count(preset.model, preset.sharing)
    what, ours = {
        "all": ("parameters", counts.unique_parameters),
        "non_embedding": ("non-embedding", counts.non_embedding_parameters),
        "kv_cache_bytes_per_token": ("KV bytes per token", counts.kv_cache_bytes_per_token),
    }[preset.counted]
    strategy = f"`{preset.sharing.strategy}`"
    return f"`{preset.name}`", strategy, what, preset.published or "", f"{ours:,}", preset.note


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> str:
    """A Markdown table; the last ``right`` columns hold figures."""
    rule = ["---"] * (len(columns) - right) + ["---:"] * right
    lines = [columns, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _linked(source: str) -> str:
    linked = re.sub(r"arXiv (\d{4}\.\d{4,5})", r"[arXiv \1](https://arxiv.org/abs/\1)", source)
    return re.sub(r"doi (10\.\S+)", r"[doi \1](https://doi.org/\1)", linked)


def _anchor(title: str) -> str:
    """The anchor that a heading gets: lower case, without punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def main() -> None:
    """Write all files; pictures of cards that are gone are removed."""
    made = files()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in set(PICTURES.glob("*.svg")) - made.keys():
        old.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf8")


if __name__ == "__main__":
    main()
