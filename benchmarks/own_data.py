"""What a large data set costs a run: memory that is the run's alone, and waiting for batches. Start at main.

The same small language model is trained on a text of 1 MB and on a large one, each added by ``clps data`` and trained
in a process of its own. Private memory is the anonymous memory of the process (``RssAnon`` of Linux): pages of mapped
files belong to the system, which takes them back when it needs them. Each text is made into tokens by another process.

    python benchmarks/own_data.py                    # 200 MB; adding and encoding take minutes
    python benchmarks/own_data.py --megabytes 40 --steps 60
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from report import write_table

WORDS = 20_000
SMALL = 1
MOST_MORE = 300
"""MB of private memory that the large text may cost beyond the small one."""
MOST_WAIT = 0.05


def write_text(path: Path, megabytes: int) -> Path:
    """Sentences of made-up words whose shares fall as in a language."""
    draw = random.Random(0)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(WORDS)]
    weights = [1 / (place + 1) for place in range(WORDS)]
    with path.open("w") as file:
        while file.tell() < megabytes * 10**6:
            drawn = draw.choices(words, weights, k=20_000)
            lines = (" ".join(drawn[at : at + 12]) for at in range(0, len(drawn), 12))
            file.write("".join(f"{line}.\n" if at % 5 else f"{line}.\n\n" for at, line in enumerate(lines)))
    return path


def private_megabytes() -> float:
    """Anonymous memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1000


def trained(name: str, steps: int, *, only_tokens: bool) -> dict[str, float]:
    """Train here, and say what it took."""
    from clps_core.config import build_config, resolve
    from clps_core.data.registry import load_task
    from clps_core.training.loop import train
    from clps_core.training.sink import RecordingSink

    config = {
        "data": {"task": f"data:{name}"},
        "train": {"steps": steps, "eval_every": steps, "checkpoint_every": steps, "probe_count": 0, "device": "cpu"},
    }
    found = resolve(build_config(config))
    began = time.perf_counter()
    data = load_task(found)
    if only_tokens:
        return {"seconds": time.perf_counter() - began}
    home = Path(os.environ["CLPS_HOME"])
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    sink = RecordingSink()
    train(found, folder, sink)
    memory = private_megabytes()
    batch, length = found.config.train.batch_size, found.config.data.seq_len or 1
    speeds = [speed for _step, speed in sink.speeds[1:]]
    step = batch * length / (sum(speeds) / len(speeds))
    began = time.perf_counter()
    for at in range(10_000, 10_000 + steps):
        data.batch(at, batch)
    return {"private": memory, "step": step, "batch": (time.perf_counter() - began) / steps}


def in_a_process(home: Path, name: str, steps: int, *flags: str) -> dict[str, float]:
    """``trained`` in another process."""
    command = [sys.executable, __file__, "--trained", name, "--steps", str(steps), *flags]
    environment = {**os.environ, "CLPS_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--trained")
    parser.add_argument("--only-tokens", action="store_true")
    given = parser.parse_args()
    if given.trained:
        print(json.dumps(trained(given.trained, given.steps, only_tokens=given.only_tokens)))
        return
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        for name, size in (("small", SMALL), ("large", given.megabytes)):
            text = write_text(Path(folder) / f"{name}.txt", size)
            began = time.perf_counter()
            add(name, Source(path=text), home, tokenizer="bpe:2000")
            added = time.perf_counter() - began
            text.unlink()
            encoded = in_a_process(home, name, given.steps, "--only-tokens")["seconds"]
            rows[name] = {"MB": size, "added": added, "encoded": encoded, **in_a_process(home, name, given.steps)}
    more = rows["large"]["private"] - rows["small"]["private"]
    wait = max(one["batch"] / one["step"] for one in rows.values())
    header = ("text, MB", "added, s", "made tokens, s", "private memory, MB", "step, ms", "batch, ms", "waits for data")
    cells = [
        (
            one["MB"],
            f"{one['added']:.0f}",
            f"{one['encoded']:.0f}",
            f"{one['private']:.0f}",
            f"{1000 * one['step']:.0f}",
            f"{1000 * one['batch']:.2f}",
            f"{one['batch'] / one['step']:.1%}",
        )
        for one in rows.values()
    ]
    notes = (
        f"{more:+.0f} MB of private memory (at most {MOST_MORE}); data wait {wait:.1%} (at most {MOST_WAIT:.0%}). "
        f"{given.steps} steps of the default model for text generation, bpe:2000, one thread; load average of the "
        f"machine at the end: {os.getloadavg()[0]:.1f}."
    )
    write_table("own_data", "What a large data set costs a run", header, cells, notes)
    if more > MOST_MORE or wait > MOST_WAIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
