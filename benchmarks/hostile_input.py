"""What a few bytes of hostile YAML cost: refused by ``plain_from_yaml``, next to ``yaml.safe_load``, which reads them.

Every input is read in a process of its own, which may use at most ``LIMIT_SECONDS`` of processor time and
``LIMIT_BYTES`` of address space: who goes beyond is ended, and the table says so.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable

from report import write_table

LIMIT_SECONDS = 20
LIMIT_BYTES = 4 << 30


def merge_bomb(levels: int) -> str:
    lines = ["m0: &m0 {a: 0, b: 0, c: 0}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


def alias_bomb(levels: int) -> str:
    lines = [f"a0: &a0 [{', '.join(['word'] * 10)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


INPUTS: dict[str, Callable[[], str]] = {
    "merge keys, 7 levels": lambda: merge_bomb(7),
    "merge keys, 9 levels": lambda: merge_bomb(9),
    "lists of aliases, 9 levels": lambda: alias_bomb(9),
    "200 kB of `[`": lambda: "[" * 199_000,
    "99,000 numbers": lambda: "seeds: [" + "1," * 99_000 + "]",
    "a number of base 60 with 90,000 parts": lambda: "seed: 1" + ":1" * 90_000,
    "200 kB of one text": lambda: "name: " + "x" * 199_000,
}

DOORS = ("clps train --config", "a sweep's file or a pasted text", "a policy")

CHILD = """
import json, resource, sys, time
from pathlib import Path
import yaml
from clps_core.cli.train import experiment_of_options
from clps_core.config import plain_from_yaml
from clps_core.errors import ConfigError
from clps_core.policy import read_policy
from clps_core.sweeps import read_sweep
text = sys.stdin.read()
home = Path(sys.argv[2])
(home / "policy.yaml").write_text(text)
read = {
    "ours": lambda: plain_from_yaml(text),
    "peer": lambda: len(json.dumps(yaml.safe_load(text))),  # as a store or a page would keep it
    "clps train --config": lambda: experiment_of_options(None, None, None, None, home / "policy.yaml", None, None),
    "a sweep's file or a pasted text": lambda: read_sweep(text),
    "a policy": lambda: read_policy(home, {}),
}[sys.argv[1]]
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    read()
    said = "read"
except (ConfigError, yaml.YAMLError, ValueError, RecursionError) as error:
    said = "refused" if isinstance(error, ConfigError) else type(error).__name__
seconds = time.process_time() - began
print(f"{said}|{seconds}|{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}")
"""


def cost(text: str, who: str) -> str:
    """Outcome, seconds of processor time and MiB of memory beyond the start of one reading."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))

    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, who, home],
            input=text,
            capture_output=True,
            text=True,
            preexec_fn=bound,
            check=False,
        )
    if done.returncode < 0:
        return f"ended after {LIMIT_SECONDS} s"
    if done.returncode:
        return f"ended at {LIMIT_BYTES >> 30} GiB" if "MemoryError" in done.stderr else done.stderr.splitlines()[-1]
    said, seconds, memory = done.stdout.split("|")
    return f"{said}, {float(seconds):.3f} s, {float(memory):.1f} MiB"


if __name__ == "__main__":
    rows = []
    for name, make in INPUTS.items():
        text = make()
        rows.append((name, f"{len(text):,}", cost(text, "ours"), cost(text, "peer")))
    text = merge_bomb(9)
    rows += [(f"merge keys, 9 levels, as {door}", f"{len(text):,}", cost(text, door), "") for door in DOORS]
    write_table(
        "hostile_input",
        "What hostile YAML costs",
        ("input", "bytes", "`plain_from_yaml`", "`yaml.safe_load`, then `json.dumps`"),
        rows,
        "Processor time and memory beyond the start of a process of its own. A file of 200,000 bytes is the largest "
        "that is read at all; at most 10,000 values of it are, each alias counted as what it stands for.",
    )
