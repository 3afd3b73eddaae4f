"""What a look inside costs beyond the model's own forward pass: overview, one head, lens, a patch.

Run ``python benchmarks/looking_inside.py``. Each question in a process of its own, with the run open already, as the
model process keeps it; on two threads. The model: 12 layers, d_model 256, 256 tokens, untrained.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from report import write_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

ROUNDS = 5
SIZES = {"num_layers": 12, "d_model": 256, "d_ff": 1024, "num_heads": 8, "max_positions": 300}
TEXT, OTHER = "Return the number of ", "Raise an error if the "
QUESTIONS = ("forward", "overview", "head", "lens", "patch")
NAMES = {
    "forward": "the forward pass alone",
    "overview": "overview of all 96 heads",
    "head": "one head in full",
    "lens": "prediction after each layer",
    "patch": "answer with one state patched",
}


def made(folder: Path) -> Path:
    """The run's folder."""
    from untrained_runs import untrained_run

    from clps_core.config import build_config, resolve

    plain = {"data": {"task": "docstrings", "seq_len": 256}, "model": SIZES, "sharing": {"strategy": "cycle:2"}}
    return untrained_run(folder / "run", resolve(build_config(plain)).config)


def asked(folder: Path, question: str) -> None:
    """Print seconds (median) and peak memory in MB of one question, as JSON."""
    import torch

    from clps_core.inspection import inspect_run
    from clps_core.lens import lens_of_run
    from clps_core.look import Look
    from clps_core.maps import maps_of_run
    from clps_core.opened import open_run
    from clps_core.patching import Patching

    torch.set_num_threads(2)
    text = (TEXT * 30)[:255]
    with open_run(folder) as run:

        def opener(*_given: object) -> nullcontext[object]:
            return nullcontext(run)

        look = Look(folder, text)
        patched = Look(folder, text, patching=Patching(("decoder.6=decoder.6",), (OTHER * 30)[:255]))
        tokens = torch.from_numpy(run.data.encode_source(text))

        def forward() -> None:
            with torch.inference_mode():
                run.model.eval()(tokens)

        ways = {
            "forward": forward,
            "overview": lambda: maps_of_run(look, "decoder", opener=opener),
            "head": lambda: maps_of_run(look, "decoder", at=(6, 3), opener=opener),
            "lens": lambda: lens_of_run(look, opener=opener),
            "patch": lambda: inspect_run(patched, attention=False, opener=opener),
        }
        forward()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        taken = []
        for _round in range(ROUNDS):
            began = time.perf_counter()
            ways[question]()
            taken.append(time.perf_counter() - began)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([statistics.median(taken), peak / 1024]))


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        folder = made(Path(room))
        found = {}
        for question in QUESTIONS:
            command = [sys.executable, __file__, str(folder), question]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[question] = json.loads(done.stdout.splitlines()[-1])
    alone = found["forward"][0]
    write_table(
        "looking_inside",
        "A look inside, beside the forward pass",
        ("question", "s", "times the forward pass", "memory on top, MB"),
        [
            [NAMES[name], f"{seconds:.3f}", f"{seconds / alone:.1f}", f"{memory:.0f}"]
            for name, (seconds, memory) in found.items()
        ],
        "12 layers (cycle:2), d_model 256, 8 heads, 256 tokens, untrained; two threads; the run is open already. "
        f"Median of {ROUNDS}. The answers of overview, lens and patch include writing on from the text. Memory: what "
        "the process's peak rises above that of opening the run and one forward pass; two layers' maps take "
        f"{2 * 8 * 256 * 256 * 4 / 2**20:.0f} MB.",
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asked(Path(sys.argv[1]), sys.argv[2])
    else:
        main()
