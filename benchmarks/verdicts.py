"""How often verdicts are wrong, and how often they cannot tell: on drawn runs, whose true effects are known.

Every score is a common level, the design's effect, what the seed does to all designs, and what chance does to the run
(a standard deviation of 1 point). ``Holm`` is over the designs that are judged together.

* no effect: families in which any design is called better or worse than the reference: at most 5 % is promised;
* without Holm: the same families by the p value of each pair alone;
* best as reference: the same, where the reference is the best by its mean: all pairs count;
* 2 points: every design but the reference has a true effect of 2 points: pairs found, and pairs called unclear;
* at the margin: the true difference is 1 point, the margin of "as good": families in which any design is called so.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from report import write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from simulated_runs import Room

from clps_core.sweeps.results import ERROR
from clps_core.verdicts import BEST, verdicts

FAMILIES = 1000
NOISE = 0.01
SEED_NOISE = {"no": 0.0, "yes": 0.03}
SEEDS = (3, 5, 10)
DESIGNS = (2, 3, 4, 5, 6)


def percent(part: float) -> str:
    """12.3 %."""
    return f"{100 * part:.1f} %"


def row(designs: int, seeds: int, together: str, rng: random.Random) -> list[object]:
    """The error rates of one setting."""
    room, seed_noise = Room(designs, seeds, rng), SEED_NOISE[together]
    wrong = alone = by_result = found = unclear = as_good = 0
    for _family in range(FAMILIES):
        drawn = room.drawn([0.0] * designs, NOISE, seed_noise)
        families = [verdicts(drawn, reference).found for reference in (None, BEST)]
        called = [any(one.kind in ("better", "worse") for one in family) for family in families]
        wrong, by_result = wrong + called[0], by_result + called[1]
        alone += any(one.gap is not None and one.gap.p_value < ERROR for one in families[0])
        kinds = [one.kind for one in verdicts(room.drawn([0.0, *[0.02] * (designs - 1)], NOISE, seed_noise)).found]
        found, unclear = found + kinds.count("better"), unclear + kinds.count("cannot_tell")
        kinds = [one.kind for one in verdicts(room.drawn([0.0, *[0.01] * (designs - 1)], NOISE, seed_noise)).found]
        as_good += "as_good" in kinds
    pairs = FAMILIES * (designs - 1)
    rates = [wrong / FAMILIES, alone / FAMILIES, by_result / FAMILIES, found / pairs, unclear / pairs]
    return [designs, seeds, together, *map(percent, (*rates, as_good / FAMILIES))]


def main() -> None:
    """Write ``benchmarks/results/verdicts.md``."""
    rng = random.Random(20261128)
    rows = []
    for together in SEED_NOISE:
        for seeds in SEEDS:
            for designs in DESIGNS:
                rows.append(row(designs, seeds, together, rng))
                print(*rows[-1], flush=True)
    header = (
        "designs", "seeds", "seeds matter to all alike", "no effect", "without Holm", "best as reference",
        "2 points: found", "2 points: cannot tell", "at the margin: as good",
    )  # fmt: skip
    told = f"{FAMILIES:,} families of runs in each row: a rate of 5 % is known to about 0.7 points (standard error). "
    notes = told + (__doc__ or "").split("\n\n", 1)[1]
    write_table("verdicts", "Verdicts on runs with known effects", header, rows, notes)


if __name__ == "__main__":
    main()
