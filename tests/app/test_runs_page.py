"""The Runs page shows what the store knows, acts on it, and says so where there is nothing."""

import pytest
from page_reading import sentences
from recorded_runs import record

from clps_core.store import open_store


@pytest.fixture
def store(home):
    store = open_store(home)
    yield store
    store.close()


def everything(test) -> str:
    shown = [*test.markdown, *test.caption, *test.error, *test.info]
    return "\n".join([*(one.value for one in shown), *(block.proto.body for block in test.get("html"))])


def progress(test) -> list[str]:
    return [block.proto.text for block in test.get("progress")]


def click(test, key):
    return test.button(key=key).click().run()


def test_an_empty_store_says_what_to_do(open_page):
    test = open_page("runs")
    assert sentences(test) == []
    assert "Nothing has been trained here yet" in everything(test)
    assert test.get("page_link"), "there is no way to the first run"


def test_every_run_has_its_status_progress_and_best_value(open_page, store):
    record(store, ["none", "all"])
    test = open_page("runs")
    assert "No sharing" in everything(test)
    assert "All layers" in everything(test)
    assert any("at step 200" in one.value for one in test.markdown)
    assert progress(test) == ["200 of 200 · took 20s"] * 2


def test_the_address_chooses_the_runs_and_the_list_changes_the_address(open_page, store):
    old, new = record(store, ["none"], name="old"), record(store, ["cycle"], name="new")
    test = open_page("runs", runs=old[0].id)
    assert "No sharing" in everything(test)
    assert "Cycle" not in everything(test)
    test.selectbox(key="runs.comparison").set_value(new[0].comparison_id).run()
    assert test.query_params["runs"] in (new[0].id, [new[0].id])
    assert "Cycle" in everything(test)


def test_what_was_shown_last_is_shown_again_without_an_address(open_page, store):
    old = record(store, ["none"], name="old")
    record(store, ["cycle"], name="new")
    test = open_page("runs", runs=old[0].id)
    test.switch_page("../pages/train.py").run()
    test.switch_page("../pages/runs.py").run()
    assert "No sharing" in everything(test)
    assert "Cycle" not in everything(test)


def test_a_run_that_is_not_there_is_one_sentence_and_the_others_are_shown(open_page, store):
    run = record(store, ["none"])[0]
    test = open_page("runs", runs=f"{run.id},zzzz9999")
    assert len(sentences(test)) == 1
    assert "there is no run zzzz9999" in sentences(test)[0]
    assert "No sharing" in everything(test)


def test_the_reason_of_a_failure_stands_in_the_table_as_plain_text(open_page, store):
    run = record(store, ["none"], status="failed", reason="Out of memory at <b>step 7</b> & **more**.")[0]
    test = open_page("runs")
    shown = test.error[0].value
    assert "\\<b\\>step 7\\</b\\>" in shown
    assert "\\*\\*more\\*\\*" in shown
    click(test, f"why.{run.id}")
    assert test.code


def test_markup_in_names_is_text_everywhere(open_page, store):
    evil = "<img src=x onerror=alert(1)>**x**"
    run = record(store, ["none"], name=evil)[0]
    test = open_page("runs")
    click(test, f"log.{run.id}")
    assert "<img src=x" not in "".join(block.proto.body for block in test.get("html"))
    assert not any("<img src=x" in one.value for one in [*test.markdown, *test.caption])


def test_a_log_is_one_click_away_and_can_be_closed(open_page, store):
    run = record(store, ["none"])[0]
    folder = store.run_folder(run.id)
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("line one\n</script><script>alert(1)</script>\n")
    test = open_page("runs")
    click(test, f"log.{run.id}")
    assert "</script><script>alert(1)</script>" in test.code[0].value
    click(test, "runs.close_log")
    assert not test.code


def test_a_waiting_run_can_be_cancelled_and_continued(open_page, room):
    busy = room.submit(*[tiny_forever(seed) for seed in range(3)])
    waiting = busy[-1]
    test = open_page("runs", runs=",".join(busy))
    click(test, f"cancel.{waiting}")
    assert room.wait(waiting)[0].status == "cancelled"
    test.run()
    click(test, f"resume.{waiting}")
    assert room.store.run(waiting).active


def tiny_forever(seed):
    from job_room import tiny

    return tiny(seed=seed, steps=100_000)


def test_deleting_needs_a_tick_and_leaves_the_others(open_page, store):
    runs = record(store, ["none", "all"])
    test = open_page("runs", runs=",".join(run.id for run in runs))
    assert test.button(key=f"delete.{runs[0].id}").disabled
    test.checkbox(key=f"sure.{runs[0].id}").check().run()
    click(test, f"delete.{runs[0].id}")
    assert [run.id for run in store.runs()] == [runs[1].id]
    assert sentences(test) == []
    assert "All layers" in everything(test)


def test_the_last_run_can_be_deleted(open_page, store):
    run = record(store, ["none"])[0]
    test = open_page("runs", runs=run.id)
    test.checkbox(key=f"sure.{run.id}").check().run()
    click(test, f"delete.{run.id}")
    assert "Nothing has been trained here yet" in everything(test)
    assert sentences(test) == []


def test_a_refused_action_is_one_sentence(open_page, store):
    run = record(store, ["none"])[0]
    test = open_page("runs", runs=run.id)
    test.checkbox(key=f"sure.{run.id}").check().run()
    other = open_store(store.home)
    other.forget_run(run.id)
    other.close()
    click(test, f"delete.{run.id}")
    assert not test.exception
    assert all("our side" not in sentence for sentence in sentences(test))


def test_more_runs_than_fit_are_shown_in_pages(open_page, store):
    record(store, ["none"], range(14))
    test = open_page("runs")
    assert len(progress(test)) == 12
