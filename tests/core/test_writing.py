"""What a run writes is what its model generates, and bad requests are one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.model.generate import Sampling, generate
from clps_core.training.loading import load_model
from clps_core.writing import MOST_TEXTS, write

TEXT = "Sunday, July 20, 1969"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    return {task: untrained_run(root / task, small_config(task)) for task in ("dates", "python-docs", "digits")}


@pytest.mark.parametrize("loops", [None, 3])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=2.0, top_k=20, top_p=0.9, seed=4)])
def test_what_is_written_is_what_the_model_generates(folders, sampling, loops) -> None:
    model, config, _step = load_model(folders["dates"])
    data = load_task(config)
    inputs = torch.from_numpy(data.encode_source(TEXT, options={"language": "fr"}))
    tokens = generate(model, inputs, None, data.bos_id, data.eos_id, 12, sampling=sampling, loops=loops)[0].tolist()
    found = write(folders["dates"], [TEXT], options={"language": "fr"}, sampling=sampling, loops=loops, max_tokens=12)
    assert [one.answer for one in found] == [data.decode(tokens)]
    assert found[0].right_answer == "dimanche 20 juillet 1969"
    assert found[0].ended == (data.eos_id in tokens)
    assert found[0].tokens == (tokens.index(data.eos_id) if found[0].ended else 12)


def test_every_text_gets_its_answer_whatever_stands_beside_it(folders) -> None:
    texts = ["Return the number of", "A class"]
    drawn = Sampling(temperature=1.0, seed=3)
    together = write(folders["python-docs"], texts, sampling=drawn, max_tokens=5)
    alone = [write(folders["python-docs"], [text], sampling=drawn, max_tokens=5)[0] for text in texts]
    assert together == tuple(alone)
    assert together[0] != write(folders["python-docs"], texts, sampling=Sampling(1.0, seed=4), max_tokens=5)[0]


def test_bad_requests_are_refused_in_a_sentence(folders) -> None:
    with pytest.raises(DataError, match="must be of a task that writes text"):
        write(folders["digits"], ["1"])
    with pytest.raises(ConfigError, match="one of language"):
        write(folders["dates"], [TEXT], options={"tongue": "de"})
    with pytest.raises(DataError, match="language must be one of"):
        write(folders["dates"], [TEXT], options={"language": "xx"})
    with pytest.raises(ConfigError, match="has no options"):
        write(folders["python-docs"], ["A"], options={"language": "de"})
    with pytest.raises(DataError, match="Shorten it"):
        write(folders["dates"], [TEXT, "May " * 50])
    with pytest.raises(DataError, match="empty"):
        write(folders["python-docs"], [" "])
    with pytest.raises(ConfigError, match="max_tokens"):
        write(folders["dates"], [TEXT], max_tokens=0)
    for count in (0, MOST_TEXTS + 1):
        with pytest.raises(DataError, match="texts can be given"):
            write(folders["dates"], [TEXT] * count)
