"""The Runs page shows what the store knows, acts on it, and says so where there is nothing."""

import re

import pytest
from page_reading import sentences
from recorded_runs import mark, record, score
from shared_server import shared  # noqa: F401  # a fixture
from untrained_runs import small_config, stored_run

from clps_core.config import build_config, resolve
from clps_core.experiment import merged
from clps_core.jobs.keeping import weights_file
from clps_core.store import open_store, schema


def everything(test) -> str:
    shown = [*test.markdown, *test.caption, *test.error, *test.info]
    return "\n".join([*(one.value for one in shown), *(block.proto.body for block in test.get("html"))])


def progress(test) -> list[str]:
    return [block.proto.text for block in test.get("progress")]


def click(test, key):
    return test.button(key=key).click().run()


def names(test) -> set[str]:
    """What the rows are called."""
    found = (re.search(r"<b>(.*?)</b>", block.proto.body) for block in test.get("html"))
    return {match[1] for match in found if match}


def labels(test) -> list[str]:
    return [button.label for button in test.button]


def keep(store, run, **steps) -> None:
    """Checkpoint files and the store's note of each: ``keep(store, run, best=160, last=200)``."""
    for which, step in steps.items():
        path = weights_file(store, run.id, which)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights of " + which.encode())
        note = {"run_id": run.id, "kind": which, "step": step, "path": f"checkpoints/{path.name}"}
        with store.writing() as connection:
            connection.execute(schema.artefact.insert().values(**note))


@pytest.fixture
def held(home, monkeypatch, room):
    """A store in which whatever is queued stays queued: no disk has as much room as is asked for here."""
    monkeypatch.setenv("CLPS_DISK_FLOOR", "999999G")
    return room.store


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


def test_comparisons_of_the_same_name_and_age_can_both_be_chosen(open_page, store):
    old, new = record(store, ["none"]), record(store, ["cycle"])
    test = open_page("runs", runs=new[0].id)
    for run in (old[0], new[0]):
        test.selectbox(key="runs.comparison").set_value(run.comparison_id).run()
        assert test.query_params["runs"] in (run.id, [run.id])
    assert len(set(test.selectbox(key="runs.comparison").options)) == 2


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
    assert "There is no run zzzz9999" in sentences(test)[0]
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
    assert all("wrong in CLPS Lab" not in sentence for sentence in sentences(test))


def test_more_runs_than_fit_are_shown_in_pages(open_page, store):
    record(store, ["none"], range(14))
    test = open_page("runs")
    assert len(progress(test)) == 12


# Steering


def test_a_failed_run_goes_on_from_its_checkpoint_or_begins_again(open_page, held):
    kept, bare = record(held, ["none", "all"], status="failed", reason="It broke.")
    keep(held, kept, last=120)
    test = open_page("runs")
    assert labels(test).count("Retry from the beginning") == 2
    assert [label for label in labels(test) if label.startswith("Retry from step")] == ["Retry from step 120"]
    click(test, f"retry.{kept.id}")
    assert weights_file(held, kept.id, "last").exists()
    click(test, f"anew.{bare.id}")
    assert [run.status for run in held.some_runs([kept.id, bare.id])] == ["queued", "queued"]
    assert sentences(test) == []


def test_beginning_again_throws_away_what_was_learnt(open_page, held):
    run = record(held, ["none"], status="failed", reason="It broke.")[0]
    keep(held, run, last=120)
    click(open_page("runs"), f"anew.{run.id}")
    assert not weights_file(held, run.id, "last").exists()
    assert held.artefacts(run.id, "last") == []
    assert held.run(run.id).status == "queued"


def forking(open_page, store, **steps):
    run = record(store, ["all"])[0]
    keep(store, run, **(steps or {"best": 160, "last": 200}))
    return run, click(open_page("runs", runs=run.id), f"fork.{run.id}")


def test_a_fork_takes_the_chosen_weights_and_what_was_changed_and_stands_beside_its_parent(open_page, held):
    parent, test = forking(open_page, held)
    which = test.button_group(key=f"fork.which.{parent.id}")
    assert which.options == ["Best", "Last", "Continue training"], "a label with a step in it changes"
    assert any("Best: step 160 · Last: step 200" in one.value for one in test.caption)
    which.set_value("last").run()
    test.number_input(key=f"fork.steps.{parent.id}").set_value(50).run()
    test.text_area(key=f"fork.typed.{parent.id}").set_value("model.dropout=0.25\n\ntrain.batch_size=16\n").run()
    click(test, "fork.go")
    (new,) = [run for run in held.runs() if run.id != parent.id]
    assert (new.parent_id, new.start_from, new.seed) == (parent.id, "last", parent.seed)
    assert (new.config.train.steps, new.config.train.batch_size, new.config.model.dropout) == (50, 16, 0.25)
    assert new.config.optim.learning_rate == parent.config.optim.learning_rate
    assert weights_file(held, new.id, "start").read_bytes() == b"weights of last"
    assert sentences(test) == []
    assert test.query_params["runs"] in (f"{parent.id},{new.id}", [f"{parent.id},{new.id}"])
    assert "fork.go" not in [button.key for button in test.button], "the dialog is closed"
    assert "A fork, from the last weights of" in everything(test)
    assert {"All layers", "All layers, fork"} <= names(test)


def test_the_dialog_says_each_field_that_the_fork_changes_and_no_other(open_page, held):
    parent, test = forking(open_page, held)
    assert "Its config is still the same as its parent's." in everything(test)
    assert "Trained before its first step: 160 steps, 16s" in everything(test)
    test.number_input(key=f"fork.steps.{parent.id}").set_value(30).run()
    assert sentences(test) == []
    (told,) = test.code
    assert told.value == (
        f"optim.warmup_steps: {parent.config.optim.warmup_steps} → 3 (a tenth of the steps)\ntrain.steps: 200 → 30"
    )
    click(test, "fork.go")
    (new,) = [run for run in held.runs() if run.id != parent.id]
    assert (new.config.train.steps, new.config.optim.warmup_steps) == (30, 3)
    differing = {"optim": {"warmup_steps": parent.config.optim.warmup_steps}, "train": {"steps": 200}}
    assert resolve(build_config(merged(new.config.as_dict(), differing))).config == parent.config, (
        "nothing else differs"
    )


def test_training_on_keeps_the_optimiser_and_says_what_the_rate_does(open_page, held):
    parent, test = forking(open_page, held)
    test.button_group(key=f"fork.which.{parent.id}").set_value("on").run()
    more = test.number_input(key=f"fork.steps.{parent.id}")
    assert more.label == "More steps"
    more.set_value(100).run()
    assert sentences(test) == []
    assert test.code[0].value == "train.steps: 200 → 100\ntrain.begin_step: 0 → 200"
    assert ": the schedule (cosine) is now planned for 300 steps." in everything(test)
    click(test, "fork.go")
    (new,) = [run for run in held.runs() if run.id != parent.id]
    assert (new.start_from, new.config.train.begin_step, new.config.train.steps) == ("last", 200, 100)
    assert "Continues training, with the optimiser, from step 200 of" in everything(test)
    assert new.config.optim == parent.config.optim


def test_the_help_of_the_seed_does_not_promise_other_examples(open_page, store):
    parent, test = forking(open_page, store)
    said = test.number_input(key=f"fork.seed.{parent.id}").help
    assert "dropout" in said
    assert "order depend on data.seed" in said


def test_a_fork_leads_to_its_parent(open_page, store):
    (parent,), (fork,) = record(store, ["none"]), record(store, ["all"])
    mark(store, fork, parent_id=parent.id, start_from="best")
    test = open_page("runs", runs=fork.id)
    link = test.button(key=f"parent.{fork.id}")
    assert link.label == parent.name
    link.click().run()
    assert names(test) == {"No sharing", "All layers, fork"}
    assert test.query_params["runs"] in (f"{parent.id},{fork.id}", [f"{parent.id},{fork.id}"])


MISTAKES = {
    "dropout": "A setting must be written name=value",
    "seed=1\nseed=2": "Every setting must be given once",
    "train.batch_size=many": "train.batch_size",
    "train.steps=<b>": "train.steps",
    "no.such=1": "no",
    "model.d_model=32": "A fork must have its parent's model",
    "sharing.strategy=none": "sharing.strategy",
}


def test_each_mistake_in_a_fork_is_one_sentence_and_queues_nothing(open_page, store):
    parent, test = forking(open_page, store)
    for typed, words in MISTAKES.items():
        test.text_area(key=f"fork.typed.{parent.id}").set_value(typed).run()
        assert test.button(key="fork.go").disabled
        (sentence,) = sentences(test)
        assert words in sentence.replace("\\", "")
        assert "wrong in CLPS Lab" not in sentence
        assert test.text_area(key=f"fork.typed.{parent.id}").value == typed, "nothing typed is lost"
    assert [run.id for run in store.runs()] == [parent.id]


def test_a_run_without_weights_cannot_be_forked_and_says_why(open_page, store):
    run = record(store, ["none"])[0]
    button = open_page("runs").button(key=f"fork.{run.id}")
    assert button.disabled
    assert "no weights yet" in button.help


def test_only_weights_that_exist_are_offered(open_page, store):
    run, test = forking(open_page, store, best=160)
    assert test.button_group(key=f"fork.which.{run.id}").options == ["Best"]


def test_a_fork_of_a_deleted_run_says_so(open_page, store):
    parent, fork = record(store, ["none"]) + record(store, ["all"])
    mark(store, fork, parent_id=parent.id, start_from="best")
    store.forget_run(parent.id)
    assert "the best weights of a run that was deleted" in everything(open_page("runs"))


def test_what_holds_the_queue_is_said_above_the_table_and_no_start_is_promised(open_page, held):
    record(held, ["none"], status="queued")
    test = open_page("runs")
    assert [warning.value.startswith("No run starts") for warning in test.warning] == [True]
    assert progress(test) == ["place 1 in the queue"]


def test_a_run_that_waits_for_memory_says_so_in_its_row(open_page, held):
    run = record(held, ["none"], status="queued")[0]
    mark(held, run, not_before=held.clock() + 1000, reason="Waiting for memory: needs about 9.0 GiB.")
    assert "Waiting for memory" in everything(open_page("runs"))


def test_a_run_that_is_stopping_cannot_be_stopped_again(open_page, held):
    run = record(held, ["none"], status="queued")[0]
    mark(held, run, stop_requested="cancel")
    button = open_page("runs").button(key=f"pause.{run.id}")
    assert button.disabled
    assert "already stopping" in button.help


def test_a_waiting_run_moves_to_the_front_and_to_the_back_of_the_queue(open_page, held):
    runs = record(held, ["none", "all", "cycle"], status="queued")
    test = open_page("runs")
    click(test, f"front.{runs[2].id}")
    assert "Its priority is 1 now." in test.button(key=f"back.{runs[2].id}").help
    click(test, f"back.{runs[0].id}")
    assert [held.run(run.id).queue_position for run in runs] == [3, 2, 1]
    assert sentences(test) == []


def test_on_a_shared_server_ones_run_can_be_moved_back_and_the_front_says_who_may(open_page, held, shared):  # noqa: F811
    runs = record(held, ["none", "all"], status="queued")
    mark(held, runs[1], owner=shared.visitor())
    test = open_page("runs")
    front = test.button(key=f"front.{runs[1].id}")
    assert front.disabled
    assert "Its priority is 0, the highest you can set" in front.help
    assert f"front.{runs[0].id}" not in [button.key for button in test.button], "somebody else's"
    click(test, f"back.{runs[1].id}")
    assert [held.run(run.id).priority for run in runs] == [0, -1]


def test_a_run_that_ended_early_says_so_and_why(open_page, store):
    run = record(store, ["none"], reason="Ended early at step 120 of 200: 3 evaluations did not beat step 60.")[0]
    mark(store, run, step=120)
    test = open_page("runs")
    assert "ended early" in everything(test)
    assert "3 evaluations did not beat step 60" in everything(test)
    assert "finished" not in everything(test)


def test_a_test_score_stands_beside_the_best_evaluation(open_page, store):
    tested, untested = record(store, ["none", "all"])
    score(store, tested, 0.912)
    test = open_page("runs")
    assert "91.2 % on test" in everything(test)
    assert everything(test).count("on test") == 1
    keys = [button.key for button in test.button]
    assert f"score.{untested.id}" in keys
    assert f"score.{tested.id}" not in keys, "a run is scored once"


def test_a_finished_run_is_scored_on_request(open_page, store):
    config = small_config("digits", "none")
    run = stored_run(store, config)
    test = click(open_page("runs", runs=run.id), f"score.{run.id}")
    assert sentences(test) == []
    found = store.final_scores([run.id])[run.id]
    assert (found.step, found.examples) == (40, 180)
    assert f"score.{run.id}" not in [button.key for button in test.button]


def test_a_run_that_cannot_be_scored_says_why_above_the_table(open_page, store):
    run = stored_run(store, small_config("digits", "none"))
    weights_file(store, run.id, "best").unlink()
    test = click(open_page("runs", runs=run.id), f"score.{run.id}")
    assert any("its best weights are not in" in text for text in sentences(test))
    assert not store.final_scores([run.id])


def test_a_diverged_run_is_named_under_its_row(open_page, store):
    record(store, ["none"], reason="Diverged: the validation loss ended at 85.")
    assert "Diverged" in everything(open_page("runs"))
