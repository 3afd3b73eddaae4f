"""What somebody on a shared server, or a file that they bring, cannot do with data sets."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from own_data_files import reviews, write_csv
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.config import build_config, resolve
from clps_core.errors import ClpsError, DataError, NotAllowedError
from clps_core.jobs.data_desk import DataDesk
from clps_core.own_data import record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.sources import BUILDERS, Source, found_source
from clps_core.own_data.tokens import token_rows
from clps_core.own_data.uploads import kept_upload
from clps_core.own_data.vocabulary import vocabulary
from clps_core.policy import Person, Policy
from clps_core.spec import from_spec

MINE, OTHER, TEACHER = Person("guest-one"), Person("guest-two"), Person("teacher", teacher=True)


def shared(**quotas: int) -> Policy:
    return Policy.model_validate({"mode": "shared", "quotas": quotas})


def desk(home: Path, person: Person = MINE, **quotas: int) -> DataDesk:
    return DataDesk(home, shared(**quotas), person)


def upload(home: Path, tmp_path: Path, called: str = "x.csv") -> Source:
    path = kept_upload(home, "x.csv", reviews(tmp_path / "x.csv").read_bytes())
    return Source(path=path, called=called)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("person", [MINE, TEACHER])
def test_a_visitor_cannot_make_the_server_open_a_file_as_a_tokenizer(
    home: Path, tmp_path: Path, person: Person
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    for path in (str(secret), str(tmp_path / "none.json"), "~/x.json"):
        with pytest.raises(NotAllowedError, match=r"Files on the server are not read\.$"):
            desk(home, person).add("x", upload(home, tmp_path), tokenizer=path)
    with pytest.raises(DataError, match=r"a tokenizer must be one of bytes"):
        desk(home, person).add("x", upload(home, tmp_path), tokenizer=str(secret)[:-5])
    assert record.names(home) == []
    with pytest.raises(DataError, match=r"must be a tokenizer.json of the tokenizers library"):
        add("x", Source(path=reviews(tmp_path / "x.csv")), home, tokenizer=str(secret))  # one's own machine


def test_the_tokenizer_of_a_config_is_never_a_path(home: Path, tmp_path: Path) -> None:
    add("x", Source(path=reviews(tmp_path / "x.csv")), home)
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    for asked in (str(secret), "../rows.json", "tokenizer.json", "file:../x"):
        with pytest.raises(ClpsError, match="tokenizer"):
            resolve(build_config({"data": {"task": "data:x", "tokenizer": asked}}))
        with pytest.raises(ClpsError, match="tokenizer"):
            resolve(from_spec(f"1;task=data:x;data.tokenizer={asked}"))


ODD = ["\u2068" + "\x01" * 110 + "\u2069.csv", "\u2068" + "x" * 500 + "\u2069", "\u200d\u0633" * 300, "\u202e" * 400]


@pytest.mark.parametrize("text", ODD)
def test_a_text_is_harmless_and_short_also_the_second_time(text: str) -> None:
    for end in (False, True):
        once = record.harmless(text, 400, end=end)
        assert len(once) <= 400
        assert record.harmless(once, 400) == record.harmless(once, 400, end=True) == once


def test_no_name_or_licence_damages_the_record(home: Path, tmp_path: Path) -> None:
    for number, text in enumerate(ODD[:2]):
        made = add(f"x{number}", upload(home, tmp_path, text), home, licence=text)
        record._read.cache_clear()
        assert record.read(home, f"x{number}") == made


def test_a_damaged_data_set_counts_is_listed_and_can_be_removed(home: Path, tmp_path: Path) -> None:
    for name in ("good", "unread", "unknown"):
        add(name, upload(home, tmp_path), home, owner=MINE.owner)
    paths = [record.folder_of(home, name) / "dataset.json" for name in ("unread", "unknown")]
    paths[0].write_text(paths[0].read_text().replace('"layout": 1', '"layout": 9'))
    paths[1].write_text("{")
    sets, size, together = desk(home).use()
    sizes = {name: record.size_of(home, name) for name in record.names(home)}
    assert (sets, size, together) == (2, sizes["good"] + sizes["unread"], sum(sizes.values()))
    for options in ([], ["--json"]):
        listed = CliRunner().invoke(app, ["data", "list", *options])
        assert (listed.exit_code, listed.output.count("damaged")) == (0, 2 if not options else 4), listed.output
    assert [(one["name"], "damaged" in one) for one in json.loads(listed.stdout) if "ships" not in one] == [
        ("good", False), ("unknown", True), ("unread", True),
    ]  # fmt: skip
    for name in ("unread", "unknown"):
        with pytest.raises(DataError, match="is damaged"):
            desk(home, OTHER).remove(name)
    desk(home).remove("unread")
    assert CliRunner().invoke(app, ["data", "remove", "unknown", "--yes"]).exit_code == 0
    assert record.names(home) == ["good"]
    with pytest.raises(DataError, match="there is no data set"):
        desk(home).remove("unread")


def test_adds_at_the_same_time_keep_to_the_quota(home: Path, tmp_path: Path) -> None:
    sources = [upload(home, tmp_path) for _number in range(3)]

    def one(number: int) -> str:
        try:
            return desk(home, data_sets=1).add(f"x{number}", sources[number]).name
        except NotAllowedError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(one, range(3)))
    assert len(record.names(home)) == 1
    assert sum("at most 1 data sets per person" in text for text in told) == 2


def test_room_is_counted_in_bytes_and_with_tokens(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    write_csv(file, [{"text": f"{number} " + "\U00020000" * 1000, "label": number % 2} for number in range(40)])
    path = kept_upload(home, "x.csv", file.read_bytes())
    with pytest.raises(DataError, match=r"and their tokens must fit into 0\.7 MB"):
        desk(home, data=700_000).add("x", Source(path=path, called="x.csv"))
    assert desk(home, data=900_000).add("x", Source(path=path, called="x.csv"), tokenizer="bytes").rows == 40
    token_rows(
        record.folder_of(home, "x"), record.read(home, "x"),
        vocabulary(record.folder_of(home, "x"), record.read(home, "x")),
    )  # fmt: skip
    assert desk(home).use()[1] < 900_000


def test_tokenizers_of_visitors_keep_to_the_quota_of_the_owner(home: Path, tmp_path: Path) -> None:
    made = add("x", upload(home, tmp_path), home, owner=MINE.owner, shared=True)
    for person in (MINE, OTHER):
        desk(home, person, data=1).check_use_of(made.task)  # kept already
        desk(home, person).check_use_of(made.task, "words:20")
        with pytest.raises(NotAllowedError, match="data sets can take up to"):
            desk(home, person, data=1).check_use_of(made.task, "words:20")
    for number in range(24):
        (record.folder_of(home, "x") / "vocabularies" / f"{number}.json").write_text("{}")
    with pytest.raises(NotAllowedError, match=r"at most 24 tokenizers here. words:20 would be added to 25"):
        desk(home).check_use_of(made.task, "words:20")


@pytest.mark.parametrize("text", ["text", "csv", "json", "parquet", "~nosuch/x", "~nosuch/x.csv", "x/" * 3, "x\0y"])
@pytest.mark.parametrize("files", [True, False])
def test_a_source_that_is_none_is_one_sentence(text: str, files: bool) -> None:
    for one in (text, text + "x" * 300):
        with pytest.raises(DataError, match=r"the source must be (a|an existing) file"):
            found_source(one, files=files)


def test_a_tokenizer_of_nobody_is_one_sentence(home: Path, tmp_path: Path) -> None:
    for path in ("~nosuch/x.json", "x" * 300 + ".json"):
        with pytest.raises(DataError, match=r"must be a tokenizer.json of"):
            add("x", Source(path=reviews(tmp_path / "x.csv")), home, tokenizer=path)


def test_every_builder_of_the_library_is_known() -> None:
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES as BUILT_IN

    assert set(BUILT_IN) <= BUILDERS


def test_a_name_on_the_hub_is_never_a_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config
    import huggingface_hub.constants

    from clps_core.own_data import reading

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reading").mkdir()
    (tmp_path / "sub" / "dir").mkdir(parents=True)
    reviews(tmp_path / "sub" / "dir" / "train.csv")
    with pytest.raises(Exception, match=r"(?i)offline|reach|hub"):
        reading._from_hub(Source(hub="sub/dir"), Path("reading"), "")


@pytest.mark.parametrize("way", ["absolute", "above", "link"])
def test_a_folder_reads_nothing_outside(home: Path, tmp_path: Path, way: str) -> None:
    outside = reviews(tmp_path / "outside.csv")
    folder = tmp_path / "given"
    folder.mkdir()
    if way == "link":
        (folder / "train.csv").symlink_to(outside)
    else:
        named = outside if way == "absolute" else "../outside.csv"
        (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files: {named}\n---\n")
    with pytest.raises(DataError, match=r"a folder must contain all of its data|cannot be read"):
        preview(Source(path=folder), home)


def test_a_table_with_very_many_columns_is_refused_at_once(home: Path, tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(1001)]
    write_csv(tmp_path / "x.csv", [dict.fromkeys(names, "a text")])
    with pytest.raises(DataError, match=r"at most 1,000 columns. Got 1,001"):
        preview(Source(path=tmp_path / "x.csv"), home)


def test_a_set_that_is_removed_while_it_is_measured_is_one_sentence(home: Path, tmp_path: Path) -> None:
    made = add("x", Source(path=reviews(tmp_path / "x.csv")), home)
    record.remove(home, "x")
    with pytest.raises(DataError, match="data set x was removed while it was being measured"):
        vocabulary(record.folder_of(home, "x"), made, "words:20")
