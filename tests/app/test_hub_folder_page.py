"""A folder in the layout of the ``datasets`` library is added on the Data page and trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict
from page_reading import sentences
from streamlit.testing.v1 import AppTest

from clps_core.config import build_config, resolve
from clps_core.data.confusion import kept_confusion
from clps_core.store import Store
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

SIZES = {"num_layers": 1, "d_model": 16, "d_ff": 24, "num_heads": 2}


@pytest.mark.slow  # tests/core/test_own_data.py adds such folders without a page
def test_a_saved_folder_is_added_on_the_page_and_trained_one_step(
    open_page: Callable[..., AppTest], store: Store, tmp_path: Path
) -> None:
    def rows(begin: int, end: int) -> Dataset:
        texts = [f"{'good' if n % 2 else 'bad'} film number {n}" for n in range(begin, end)]
        return Dataset.from_dict({"text": texts, "label": ["praise" if n % 2 else "blame" for n in range(begin, end)]})

    DatasetDict({"train": rows(0, 60), "validation": rows(60, 80), "test": rows(80, 100)}).save_to_disk(
        str(tmp_path / "films")
    )
    test = open_page("data")
    test.segmented_control(key="data.way.0").set_value("elsewhere").run()
    test.text_input(key="data.where.0").set_value(str(tmp_path / "films")).run()
    assert sentences(test) == []
    next(one for one in test.button if one.label == "Add").click().run()
    assert sentences(test) == []
    given = {"data": {"task": "data:films"}, "model": SIZES, "train": {"steps": 1, "probe_count": 0}}
    folder, sink = store.run_folder("r1"), RecordingSink()
    outcome = train(resolve(build_config(given)).config, folder, sink, device=Placement("cpu", "fp32", 1, ""))
    assert (outcome.status, outcome.step) == ("finished", 1)
    kept = kept_confusion(folder)
    assert kept is not None
    assert (set(kept.classes), kept.examples) == ({"praise", "blame"}, 20)
