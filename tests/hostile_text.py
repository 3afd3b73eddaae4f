"""Texts that strangers may send to do harm; none does. Start at merge_bomb."""

from __future__ import annotations


def merge_bomb(levels: int) -> str:
    """About 50 bytes a level, each of which stands for nine times as many fields as the one before."""
    lines = ["m0: &m0 {a: 0, b: 0, c: 0}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


def alias_bomb(levels: int, width: int = 10) -> str:
    """``width`` words, then at each level ``width`` aliases of the level before."""
    lines = [f"a0: &a0 [{', '.join(['word'] * width)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)
