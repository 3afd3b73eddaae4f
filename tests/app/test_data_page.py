"""The Data page: upload, correct, add, look, train; on a shared server each to their own."""

import pytest
from own_data_files import notes, pairs, reviews
from page_reading import sentences, tables
from shared_server import SharedServer

from app import state
from clps_core.data.registry import task_samples
from clps_core.errors import ConfigError, NotAllowedError
from clps_core.jobs.data_desk import DataDesk
from clps_core.own_data import record
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.own_data.uploads import OLD, forget_upload, kept_upload, tidy
from clps_core.policy import LOCAL_POLICY, Person, read_policy


@pytest.fixture
def added(home, tmp_path):
    """The data set ``reviews``."""
    return add("reviews", Source(path=reviews(tmp_path / "reviews.csv")), home, licence="my own")


def uploaded(test, path):
    return test.file_uploader(key="data.file.0").upload(path.name, path.read_bytes(), "text/csv").run()


def keyed(test, kind, start):
    """The widget of ``kind`` whose key begins so."""
    (found,) = [one for one in getattr(test, kind) if (one.key or "").startswith(start)]
    return found


def test_a_csv_is_uploaded_its_columns_guessed_and_a_copy_kept(open_page, home, tmp_path):
    test = uploaded(open_page("data"), reviews(tmp_path / "Film <b>reviews.csv"))
    assert sentences(test) == []
    assert keyed(test, "button_group", "data.kind.").value == "classification"
    assert keyed(test, "selectbox", "data.label.").value == "sentiment"
    assert keyed(test, "text_input", "data.name.").value == "film-b-reviews"
    assert "sentiment · Label" in tables(test)
    keyed(test, "text_input", "data.licence.").set_value("mine")
    keyed(test, "button", "data.add.").click().run()
    assert sentences(test) == []
    found = record.read(home, "film-b-reviews")
    assert (found.licence, found.classes, found.source) == ("mine", ("neg", "pos"), "Film <b>reviews.csv")
    assert test.query_params[state.DATA] == "film-b-reviews"
    assert "always the most frequent class: accuracy 5" in tables(test)
    assert not [one for one in (home / "datasets").iterdir() if one.name.startswith((".upload", ".adding", ".reading"))]


def test_what_is_wrong_with_an_upload_is_a_sentence_and_can_be_mended(open_page, home, tmp_path):
    file = tmp_path / "latin.csv"
    file.write_bytes(("text,label\n" + "".join(f"café {n},{n % 2}\n" for n in range(30))).encode("cp1252"))
    test = uploaded(open_page("data"), file)
    assert ["looks like Windows" in one for one in sentences(test)] == [True]
    keyed(test, "selectbox", "data.encoding.").set_value("cp1252").run()
    assert sentences(test) == []
    assert "café 0" in tables(test)
    keyed(test, "button_group", "data.kind.").set_value("translation").run()
    assert keyed(test, "selectbox", "data.target.").value is None
    assert keyed(test, "button", "data.add.").disabled
    assert record.names(home) == []


def test_a_data_set_shows_its_figures_and_leads_to_training(open_page, added):
    test = open_page("data", set="reviews")
    assert sentences(test) == []
    assert all(one in tables(test) for one in ("neg", "pos", "my own", "data:reviews"))
    test.number_input(key="data.length.reviews").set_value(16).run()
    assert "100.0 % longer than 16 and cut" in tables(test)
    test.selectbox(key="data.measured.reviews").set_value("words:5000").run()
    assert "words:5000: " in tables(test)
    train = open_page("train", spec="1;task=data:reviews", strategy=["none", "all"])
    assert sentences(train) == []
    assert train.session_state["train.task"] == "data:reviews"
    assert "reviews" in train.selectbox(key="train.task").options
    design = open_page("design", spec="1;task=data:reviews", strategy=["none", "all"])
    assert sentences(design) == []


def test_a_running_text_leads_to_both_of_its_tasks(open_page, home, tmp_path):
    add("notes", Source(path=notes(tmp_path / "notes.txt")), home)
    test = open_page("data")
    links = {one.proto.label: one.proto.query_string for one in test.get("page_link")}
    assert links["Train on this"].endswith("data%3Anotes")
    assert links["Train on masked text"].endswith("data%3Anotes%3Amasked")
    form = open_page("train", spec="1;task=data:notes:masked")
    assert sentences(form) == []
    assert form.selectbox(key="train.task").value == "data:notes:masked"
    assert "fill in masked tokens" in " ".join(one.value for one in form.caption)
    assert sentences(open_page("design", spec="1;task=data:notes:masked", strategy=["none", "all"])) == []


def test_what_is_removed_is_gone_and_a_wrong_address_is_a_sentence(open_page, added, home):
    test = open_page("data", set="reviews")
    test.button(key="data.remove.reviews").click().run()
    assert sentences(test) == []
    assert record.names(home) == []
    for name in ("reviews", "../x", "<script>"):
        (said,) = sentences(open_page("data", set=name))
        assert "there is no data set" in said.lower()
    (said,) = sentences(open_page("train", spec="1;task=data:reviews"))
    assert "there is no data set reviews" in said.lower()


def test_a_path_or_a_name_that_cannot_be_is_a_sentence(open_page, tmp_path):
    test = open_page("data")
    keyed(test, "button_group", "data.way.").set_value("elsewhere").run()
    for text, why in {
        str(tmp_path / "nothing.csv"): "an existing file or folder",
        "a/b/c": "the name of a data set",
    }.items():
        keyed(test, "text_input", "data.where.").set_value(text).run()
        (said,) = sentences(test)
        assert why in said.replace("\\", "")


def test_the_page_lists_what_ships_with_its_licence(open_page):
    assert "CC-BY-4.0" in tables(open_page("data"))


def test_left_over_uploads_are_tidied_and_others_stay(home):
    import os

    old, new = kept_upload(home, "a.csv", b"x"), kept_upload(home, "b.CSV", b"y")
    os.utime(old.parent, (1, 1))
    assert OLD > 3600
    tidy(home)
    assert (old.exists(), new.exists(), new.suffix) == (False, True, ".csv")
    forget_upload(new)
    assert not new.parent.exists()


# On a shared server


@pytest.fixture
def server(home, monkeypatch):
    return SharedServer(home, monkeypatch, "quotas: {data_sets: 2, data: 40M}\nserver: {data: 100M}")


def desk_of(home, person):
    return DataDesk(home, read_policy(home), person)


def test_a_data_set_is_its_owners_until_a_teacher_shares_it(server, home, open_page, tmp_path):
    owner = server.visitor()
    add("mine", Source(path=pairs(tmp_path / "pairs.jsonl")), home, owner=owner)
    assert "mine" in open_page("train").selectbox(key="train.task").options
    server.visitor()
    train = open_page("train", spec="1;task=data:mine")
    assert "mine" not in train.selectbox(key="train.task").options
    assert any("belongs to somebody else" in one for one in sentences(train))
    (said,) = sentences(open_page("data", set="mine"))
    assert "that you may use" in said
    guest, teacher = Person("guest-x"), Person("login-t", teacher=True)
    with pytest.raises(NotAllowedError, match=r"mine belongs to somebody else"):
        desk_of(home, guest).check_use_of("data:mine")
    with pytest.raises(NotAllowedError, match=r"belongs to somebody else"):
        desk_of(home, guest).remove("mine")
    with pytest.raises(NotAllowedError, match=r"only a teacher may share"):
        desk_of(home, Person(owner)).share("mine")
    desk_of(home, teacher).share("mine")
    desk_of(home, guest).check_use_of("data:mine")
    assert "data:mine" in desk_of(home, guest).tasks()
    with pytest.raises(NotAllowedError, match=r"only its owner or a teacher may remove"):
        desk_of(home, guest).remove("mine")
    assert "mine" in open_page("train").selectbox(key="train.task").options
    desk_of(home, Person(owner)).remove("mine")
    assert record.names(home) == []


def test_a_teacher_shares_with_one_click_and_nobody_else_can(server, home, open_page, tmp_path):
    add("mine", Source(path=pairs(tmp_path / "pairs.jsonl")), home, owner=server.visitor())
    assert not open_page("data", set="mine").toggle(key="present.switch").value
    assert [one.key for one in open_page("data", set="mine").toggle] == ["present.switch"]
    server.signer.appoint(server.visitor(), read_policy(home).teacher_code)
    test = open_page("data", set="mine")
    test.toggle(key="data.share.mine").set_value(True).run()
    assert sentences(test) == []
    assert record.read(home, "mine").shared
    test.toggle(key="data.share.mine").set_value(False).run()
    assert not record.read(home, "mine").shared


def test_runs_on_the_data_of_another_are_refused_where_they_are_queued(server, home, tmp_path, store):
    from clps_core.config import build_config
    from clps_core.jobs.desk import Desk

    add("mine", Source(path=notes(tmp_path / "notes.txt")), home, owner="guest-a")
    for task in ("data:mine", "data:mine:masked"):
        config = build_config({"data": {"task": task}, "train": {"steps": 10}})
        with pytest.raises(NotAllowedError, match=r"mine belongs to somebody else"):
            Desk(store, read_policy(home), Person("guest-b")).checked([config])
        assert len(Desk(store, read_policy(home), Person("guest-a")).checked([config])) == 1
        assert task in desk_of(home, Person("guest-a")).tasks()
        assert task not in desk_of(home, Person("guest-b")).tasks()


@pytest.mark.parametrize("page", ["design", "train"])
def test_an_address_measures_no_data_of_another(server, home, open_page, tmp_path, page):
    made = add("mine", Source(path=reviews(tmp_path / "x.csv")), home, owner="guest-a")
    kept = home / "datasets" / "mine" / "vocabularies"
    before = sorted(kept.iterdir())
    server.visitor()
    test = open_page(page, spec=f"1;task={made.task};data.tokenizer=words:20")
    assert any("mine belongs to somebody else" in one for one in sentences(test))
    assert sorted(kept.iterdir()) == before


def test_nothing_is_measured_for_a_config_that_is_refused(server, home, tmp_path, store):
    from clps_core.config import build_config
    from clps_core.jobs.desk import Desk

    add("mine", Source(path=reviews(tmp_path / "x.csv")), home, owner="guest-a")
    kept = home / "datasets" / "mine" / "vocabularies"
    before = sorted(kept.iterdir())
    config = build_config({"data": {"task": "data:mine", "tokenizer": "words:20"}})
    with pytest.raises(NotAllowedError, match=r"mine belongs to somebody else"):
        Desk(store, read_policy(home), Person("guest-b")).checked([config])
    assert sorted(kept.iterdir()) == before


def test_designs_of_a_data_set_that_is_gone_say_so_and_start_from_the_usual(home, open_page, added):
    test = open_page("design", spec="1;task=data:reviews")
    assert sentences(test) == []
    record.remove(home, "reviews")
    (said,) = sentences(test.run())
    assert "There is no data set" in said


def test_a_visitor_names_no_file_of_the_server_and_no_hub(server, home, tmp_path):
    file = reviews(tmp_path / "x.csv")
    guest = desk_of(home, Person("guest-a"))
    with pytest.raises(NotAllowedError, match=r"must be uploaded. Paths on the server are not read"):
        guest.preview(Source(path=file))
    with pytest.raises(NotAllowedError, match=r"only a teacher may add a data set from Hugging Face"):
        guest.add("x", Source(hub="owner/name"))
    with pytest.raises(NotAllowedError):
        desk_of(home, None).preview(Source(path=file))
    with pytest.raises(NotAllowedError, match="Paths on the server"):
        desk_of(home, Person("login-t", teacher=True)).preview(Source(path=file))
    assert DataDesk(home, LOCAL_POLICY, None).reaches_files


def test_quotas_count_data_sets_and_their_bytes(server, home, tmp_path):
    file = reviews(tmp_path / "x.csv")
    for name in ("a", "b"):
        add(name, Source(path=file), home, owner="guest-a")
    sets, size, together = desk_of(home, Person("guest-a")).use()
    assert sets == 2
    assert size == together > 1000
    upload = kept_upload(home, "x.csv", file.read_bytes())
    with pytest.raises(NotAllowedError, match=r"at most 2 data sets per person can be kept. You have 2"):
        desk_of(home, Person("guest-a")).add("c", Source(path=upload, called="x.csv"))
    policy = read_policy(home)
    policy.check_data(Person("guest-b"), 0, 0, 0)
    with pytest.raises(NotAllowedError, match=r"can take up to 41 MB here. Yours take 50 MB"):
        policy.check_data(Person("guest-b"), 0, 50 * 10**6, 0)
    with pytest.raises(NotAllowedError, match=r"can take up to 104 MB here. Yours take 200 MB"):
        policy.check_data(Person("guest-b"), 0, 0, 200 * 10**6)
    policy.check_data(Person("login-t", teacher=True), 99, 10**12, 10**12)
    (home / "policy.yaml").write_text("mode: shared\nquotas: {data: much}\n")
    with pytest.raises(ConfigError, match=r"quotas.data must be a size such as 500M"):
        read_policy(home)


def test_held_out_examples_of_a_task_that_ships_are_shown(open_page):
    test = open_page("data")
    test.selectbox(key="data.samples").set_value("libraries").run()
    assert sentences(test) == []
    assert any("1,596 test examples" in one.value for one in test.caption)
    assert any(task_samples("libraries")[0]["target"] in str(one.value) for one in test.table)
