"""How long a match takes, beside a plain look at all widths.

CPU milliseconds in one process, the best of three, with no match and no plan kept from before. From a design without
sharing (d_model 128, 4 heads) of the scheme's own family, matched in stored parameters; *steps* in training FLOPs.

* by width: ``match`` that may turn the width alone;
* plain look: every width that the heads divide up to six times the original's, each counted in full, once;
* times: the plain look for one match by width. Both found the same width, or the script would have stopped;
* width and d_ff (the usual match), depth, steps: ``match`` that may turn these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, RunConfig, SharingConfig, build_config, validated
from clps_core.errors import ConfigError
from clps_core.matching import Match, counted_model, match, search
from clps_core.matching import fitting as plans
from clps_core.schemes import SCHEMES
from report import write_table

ROUNDS = 3
LAYERS = (12, 24)
WIDTH, HEADS, WIDEST = 128, 4, 6
TASK_OF = {"encoder_decoder": "dates", "decoder": "python-docs", "encoder": "digits"}


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """CPU time of the quickest round."""
    found = []
    for _round in range(rounds):
        search._matched.cache_clear()
        plans._plan.cache_clear()
        start = time.process_time()
        work()
        found.append(1000 * (time.process_time() - start))
    return min(found)


def plain_look(config: RunConfig, scheme: str, target: int) -> int:
    """The width whose design stores the nearest to ``target``."""
    card = SCHEMES[scheme]
    model = {**counted_model(config).model_dump(), **card.sizes}
    stored = {}
    for width in range(HEADS, WIDEST * WIDTH + 1, HEADS):
        sizes = {"d_model": width, "d_ff": model["d_ff"] * width // WIDTH}
        try:
            counts = count(validated(ModelConfig, {**model, **sizes}), SharingConfig(strategy=card.strategy))
        except ConfigError:
            continue
        stored[width] = counts.unique_parameters
    return min(stored, key=lambda width: (abs(stored[width] - target), abs(width - WIDTH), width))


def row(scheme: str, layers: int) -> list[object]:
    """The times of one scheme at one depth."""
    task = TASK_OF[SCHEMES[scheme].family]
    sizes = {"num_layers": layers, "d_model": WIDTH, "num_heads": HEADS}
    config = build_config({"data": {"task": task}, "model": sizes})

    def matched(change: Sequence[str] | None, measure: str = "parameters") -> Match:
        return match(config, scheme, measure, change)  # type: ignore[arg-type]

    found = matched(["width"])
    looked: list[int] = []
    plain = milliseconds(lambda: looked.append(plain_look(config, scheme, found.target)), rounds=1)
    if looked[0] != found.config.model.d_model:
        raise SystemExit(f"{scheme} at {layers} layers: {looked[0]} is not {found.config.model.d_model}")
    by_width = milliseconds(lambda: matched(["width"]))
    others = [
        milliseconds(lambda: matched(None)),
        milliseconds(lambda: matched(["depth"])),
        milliseconds(lambda: matched(["steps"], "flops")),
    ]
    times = [f"{one:.1f}" for one in others]
    return [scheme, layers, f"{by_width:.1f}", f"{plain:.0f}", f"{plain / by_width:.0f}", *times]


def main() -> None:
    """Write ``benchmarks/results/matching.md``."""
    match(build_config({}), "all")  # what is imported when it is first needed
    rows = []
    for scheme, card in SCHEMES.items():
        if card.strategy == "custom":
            continue  # names no strategy: a custom map has its own depth
        for layers in LAYERS:
            rows.append(row(scheme, layers))
            print(*rows[-1], flush=True)
    header = ("scheme", "layers", "by width", "plain look", "times", "width and d_ff", "depth", "steps")
    write_table("matching", "Matches in CPU milliseconds", header, rows, (__doc__ or "").split("\n\n", 1)[1])


if __name__ == "__main__":
    main()
