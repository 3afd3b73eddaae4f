"""Every option of every command says in its help what happens without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from clps_core.cli import app


def options() -> Iterator[tuple[str, typer.core.TyperOption, object]]:
    def walk(command, context):
        for parameter in command.params:
            if isinstance(parameter, typer.core.TyperOption) and not parameter.hidden:
                yield f"{context.command_path} {parameter.opts[-1]}", parameter, context
        for name, one in getattr(command, "commands", {}).items():
            yield from walk(one, type(context)(one, info_name=name, parent=context))

    top = get_command(app)
    yield from walk(top, top.make_context("clps", [], resilient_parsing=True))


FOUND = {name: (option, context) for name, option, context in options() if "--help" not in name}


@pytest.mark.parametrize("name", FOUND)
def test_an_option_states_its_default(name: str) -> None:
    option, context = FOUND[name]
    if "--version" in name:
        return
    _names, said = option.get_help_record(context)
    words = ("[default: ", "by default", "required")
    assert any(one in said for one in words), f"{name}: give show_default, or say that it is required"
