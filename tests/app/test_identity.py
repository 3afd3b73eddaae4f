"""On a shared server runs have owners: only they and teachers act on them, and nobody can name himself."""

import ast
import asyncio
from pathlib import Path

import pytest
import streamlit as st
from page_reading import sentences
from recorded_runs import mark, record
from shared_server import CODE, shared  # noqa: F401  # a fixture
from streamlit import config as streamlit_config
from streamlit.testing.v1 import AppTest

from app.people import identity
from app.people.code_tries import ALL_SECONDS, MOST_OF_ALL, MOST_OF_ONE, ONE_SECONDS, Tries
from app.people.identity import LATER, OwnerCookie
from app.people.newcomers import WARN_EVERY, Newcomers
from clps_core.errors import NotAllowedError
from clps_core.limits import REFILL_SECONDS, Limits
from clps_core.owners import COOKIE, Signer
from clps_core.policy import Person, Policy
from clps_core.store.queue import Queue

ROOT = Path(__file__).resolve().parents[2]
SMALL = "1;task=dates;model.num_layers=2;model.d_model=16;model.d_ff=32;model.num_heads=2;"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """What tries at the teacher's code are counted by; no earlier test's count."""
    clock = Clock()
    monkeypatch.setattr(identity, "_tries", Tries(clock))
    return clock


def everything(test) -> str:
    shown = [*test.markdown, *test.caption, *test.error]
    return "\n".join(one.value for one in shown).replace("\\", "")


def keys(test) -> set[str]:
    return {one.key for one in test.button if one.key}


def badges(test) -> str:
    return "\n".join(one.value for one in test.markdown if "badge" in one.value)


# Local: nothing of this is seen


@pytest.mark.parametrize("page", ["start", "train", "runs", "compare"])
def test_on_a_server_of_one_person_nothing_speaks_of_owners(open_page, store, page):
    record(store)
    test = open_page(page)
    assert not test.sidebar.caption
    assert not test.sidebar.button
    assert "yours" not in everything(test)
    assert {one.label for one in test.toggle} <= {"Presentation mode", "Match a budget with another scheme"}


# Acting on runs


def test_an_owner_steers_their_run_and_others_are_told_why_not(open_page, store, shared):  # noqa: F811
    run = record(store)[0]
    mark(store, run, owner=shared.visitor())
    assert {f"delete.{run.id}", f"log.{run.id}"} <= keys(open_page("runs", runs=run.id))
    shared.visitor()
    other = open_page("runs", runs=run.id)
    assert not any(run.id in key for key in keys(other))
    assert "Only its owner or a teacher" in everything(other)


def test_what_a_page_still_shows_does_not_help_somebody_else(open_page, store, shared):  # noqa: F811
    run = record(store)[0]
    mark(store, run, owner=shared.visitor())
    test = open_page("runs", runs=run.id)
    test.checkbox(key=f"sure.{run.id}").check().run()
    shared.visitor()  # the same page, now asked by another browser: the server looks again
    test.button(key=f"delete.{run.id}").click().run()
    assert [one.id for one in store.some_runs([run.id])] == [run.id]
    assert any("You may not delete this run" in sentence for sentence in sentences(test))


def test_everybody_sees_all_runs_and_may_filter_their_own(open_page, store, shared):  # noqa: F811
    theirs, mine = record(store, name="theirs"), record(store, name="mine")
    owner = shared.visitor()
    for run in mine:
        mark(store, run, owner=owner)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE comparison SET owner = ? WHERE name = 'mine'", (owner,))
    test = open_page("runs", runs=theirs[0].id)
    names = test.selectbox(key="runs.comparison").options
    assert any("theirs" in name and "yours" not in name for name in names)
    assert any("mine" in name and "yours" in name for name in names)
    test = open_page("runs", runs=mine[0].id)
    assert "yours" in everything(test)
    test.toggle(key="runs.only_mine").set_value(True).run()
    assert not any("theirs" in name for name in test.selectbox(key="runs.comparison").options)


def test_a_run_that_waits_for_its_owners_others_says_so_and_promises_no_start(open_page, store, shared):  # noqa: F811
    runs = record(store, ["none", "all", "cycle"], status="queued")
    owner = shared.visitor()
    for run in runs:
        mark(store, run, owner=owner)
    for slot, run in enumerate(runs[:2]):
        Queue(store).start_next(slot, "here", "boot", among=[run.id])
        mark(store, run, step=100, seconds=10.0)
    test = open_page("runs", runs=runs[2].id)
    assert [block.proto.text for block in test.get("progress")] == [
        "place 1 in the queue · waiting for other runs of the same owner"
    ]


def test_a_visitor_without_a_cookie_may_look_and_is_told_what_is_missing(open_page, store, shared):  # noqa: F811
    run = record(store)[0]
    shared.sends({})
    test = open_page("runs", runs=run.id)
    assert "No sharing" in "".join(block.proto.body for block in test.get("html"))
    assert "no valid cookie" in test.sidebar.caption[0].value
    assert not any(run.id in key for key in keys(test))
    train = open_page("train", spec=SMALL + "train.steps=50;train.batch_size=4")
    assert any("no valid cookie" in sentence for sentence in sentences(train))
    assert train_button(train).disabled


def test_a_visitor_for_whom_too_many_came_may_look_and_is_told_to_wait(open_page, store, shared):  # noqa: F811
    run = record(store)[0]
    shared.sends({COOKIE: LATER})
    test = open_page("runs", runs=run.id)
    assert "No sharing" in "".join(block.proto.body for block in test.get("html"))
    assert not test.exception
    assert test.sidebar.caption[0].value.startswith("Many new browsers have connected recently")
    train = open_page("train", spec=SMALL + "train.steps=50;train.batch_size=4")
    assert [sentence.startswith("Many new browsers have connected") for sentence in sentences(train)] == [True]
    assert train_button(train).disabled


@pytest.mark.parametrize("forged", ["v1.local.0", "local", "v1.guest-" + "0" * 32 + "." + "0" * 64])
def test_a_forged_cookie_is_no_owner(open_page, store, shared, forged):  # noqa: F811
    shared.sends({COOKIE: forged})
    assert "no valid cookie" in open_page("runs").sidebar.caption[0].value


def test_an_address_never_says_who_somebody_is(open_page, store, shared):  # noqa: F811
    run = record(store)[0]
    owner = shared.visitor()
    cookie = shared.signer.new_cookie()
    mark(store, run, owner=owner)
    shared.visitor()
    test = open_page("runs", runs=run.id, owner=owner, user=owner, **{COOKIE: cookie})
    assert not any(run.id in key for key in keys(test))


# Limits


def train_button(test):
    return next(one for one in test.button if one.label.startswith("Train"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SMALL + "train.steps=101;train.batch_size=4", "at most 100 on this server. Got 101. Lower it"),
        (SMALL + "train.steps=50;train.batch_size=9", "at most 8 on this server. Got 9. Lower it"),
    ],
)
def test_an_address_over_the_limit_is_refused_on_the_train_page(open_page, store, shared, spec, words):  # noqa: F811
    shared.visitor()
    test = open_page("train", spec=spec, strategy=["all"])
    assert [words in sentence for sentence in sentences(test)] == [True]
    assert train_button(test).disabled
    assert store.runs() == []


def test_more_runs_than_may_wait_are_refused_on_the_train_page(open_page, store, shared):  # noqa: F811
    shared.visitor()
    many = open_page("train", spec=SMALL + "train.steps=50;train.batch_size=4", strategy="all", seed=list("01234"))
    assert [
        "At most 4 runs and evaluations per person can wait. 5 would" in sentence for sentence in sentences(many)
    ] == [True]
    assert train_button(many).disabled


def test_a_click_after_the_limit_was_lowered_is_refused_too(open_page, store, shared):  # noqa: F811
    owner = shared.visitor()
    test = open_page("train", spec=SMALL + "train.steps=50;train.batch_size=4", strategy="all")
    assert sentences(test) == []
    for run in record(store, ["none"], range(4), status="queued"):
        mark(store, run, owner=owner)
    train_button(test).click().run()
    assert any("can wait" in sentence for sentence in sentences(test))
    assert len(store.runs()) == 4


def test_services_refuse_a_config_over_the_limit_whatever_page_asks(home, store, shared, monkeypatch):  # noqa: F811
    def page():
        import streamlit as st

        from app.services import desk
        from clps_core.config import build_config
        from clps_core.errors import ConfigError

        try:
            desk().submit([build_config({"train": {"steps": 101, "batch_size": 4}})])
        except ConfigError as error:
            st.text(str(error))

    shared.visitor()
    test = AppTest.from_function(page).run()
    assert not test.exception
    assert "at most 100 on this server. Got 101. Lower it, or ask a teacher." in test.text[0].value
    assert store.runs() == []


# The teacher's code


def show_code(test, code):
    test.text_input(key="identity.typed").input(code)
    next(one for one in test.button if one.label == "Use this code").click()
    return test.run()


def test_a_teacher_shows_the_code_and_may_steer_every_run(open_page, store, shared):  # noqa: F811
    run = record(store)[0]
    mark(store, run, owner=shared.visitor())
    shared.visitor()
    test = show_code(open_page("runs", runs=run.id), "a wrong code")
    assert any("the teachers' code" in sentence for sentence in sentences(test))
    assert f"delete.{run.id}" not in keys(test)
    test = show_code(test, CODE)
    assert "a teacher" in test.sidebar.caption[0].value
    assert f"delete.{run.id}" in keys(test)
    assert f"delete.{run.id}" in keys(open_page("runs", runs=run.id)), "a reload keeps it"


def guess(shared, owner, code="wrong"):  # noqa: F811
    identity.become_teacher(shared.home, Person(owner), code)


def test_one_browser_has_a_few_tries_and_others_still_have_theirs(shared, clock):  # noqa: F811
    for _attempt in range(MOST_OF_ONE):
        with pytest.raises(NotAllowedError, match="Got another one"):
            guess(shared, "guest-x")
    with pytest.raises(NotAllowedError, match="Wait ten minutes"):
        guess(shared, "guest-x", CODE)
    guess(shared, "guest-teacher", CODE)
    clock.now = ONE_SECONDS
    guess(shared, "guest-x", CODE)
    policy = identity.read_policy(shared.home)
    assert shared.signer.is_appointed("guest-x", policy.teacher_code)


def test_a_browser_that_forgets_its_cookie_gains_no_tries_without_end(shared, clock, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Policy, "code_fits", lambda _policy, code: code == CODE)  # its slowness is tested elsewhere
    for attempt in range(MOST_OF_ALL):
        with pytest.raises(NotAllowedError, match="Got another one"):
            guess(shared, f"guest-{attempt}")
    with pytest.raises(NotAllowedError, match="from many browsers"):
        guess(shared, "guest-new", CODE)
    clock.now += ALL_SECONDS
    with pytest.raises(NotAllowedError, match="Got another one"):
        guess(shared, "guest-newer")
    with pytest.raises(NotAllowedError, match="from many browsers"):
        guess(shared, "guest-newest")
    clock.now += ALL_SECONDS
    guess(shared, "guest-teacher", CODE)


def test_the_right_code_uses_up_no_tries(shared, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Policy, "code_fits", lambda _policy, code: code == CODE)
    for number in range(MOST_OF_ALL + 1):
        guess(shared, f"guest-{number}", CODE)


# Logging in


AUTH = {
    "redirect_uri": "http://127.0.0.1:{port}/oauth2callback",
    "cookie_secret": "0123456789abcdef" * 2,
    "client_id": "clps",
    "client_secret": "a secret",
    "server_metadata_url": "https://school.example/.well-known/openid-configuration",
}


@pytest.fixture
def secrets(tmp_path):
    """Writes the text of Streamlit's secrets; they are forgotten afterwards."""
    path, before = tmp_path / "secrets.toml", streamlit_config.get_option("secrets.files")
    streamlit_config.set_option("secrets.files", [str(path)])

    def write(text=None, **auth):
        path.write_text("[auth]\n" + "".join(f"{n} = {v!r}\n" for n, v in auth.items()) if text is None else text)
        st.secrets._reset()

    yield write
    streamlit_config.set_option("secrets.files", before)
    st.secrets._reset()


def log_in(monkeypatch, **facts):
    monkeypatch.setattr("streamlit.user_info._get_user_info", lambda: facts)


def test_with_a_login_the_checked_address_is_the_owner_and_a_cookie_is_not(
    open_page,
    store,
    shared,  # noqa: F811
    monkeypatch,
    secrets,
):
    secrets(**AUTH)
    run = record(store)[0]
    shared.visitor()
    address = "Ada@school.example"
    mark(store, run, owner=shared.signer.owner_of_address(address))
    log_in(monkeypatch, is_logged_in=False)
    assert not any(run.id in key for key in keys(open_page("runs", runs=run.id)))
    assert [one.label for one in open_page("runs").sidebar.button] == ["Log in"]
    log_in(monkeypatch, is_logged_in=True, email=address, email_verified=False)
    assert not any(run.id in key for key in keys(open_page("runs", runs=run.id)))
    log_in(monkeypatch, is_logged_in=True, email=address.lower(), email_verified=True)
    assert f"delete.{run.id}" in keys(open_page("runs", runs=run.id))


@pytest.mark.parametrize(
    ("text", "changes", "words"),
    [
        ("[auth", {}, "must be TOML. Got: Expected"),
        ("", {}, "must have a section [auth]. It is missing"),
        ("[auth]", {}, "Missing: redirect_uri, cookie_secret, client_id, client_secret, server_metadata_url."),
        ("auth = 3", {}, "Missing: redirect_uri"),
        (None, {"client_secret": " "}, "Missing: client_secret."),
        (None, {"server_metadata_url": 5}, "Missing: server_metadata_url."),
        (None, {"cookie_secret": "xxx"}, "must have at least 32 characters"),
        (None, {"redirect_uri": "http://127.0.0.1:8501"}, "followed by /oauth2callback"),
        (None, {"redirect_uri": "127.0.0.1/oauth2callback"}, "followed by /oauth2callback"),
    ],
)
def test_a_login_out_of_order_is_one_sentence_and_no_cookie_counts_instead(
    open_page,
    store,
    shared,  # noqa: F811
    secrets,
    text,
    changes,
    words,
):
    policy = shared.home / "policy.yaml"
    policy.write_text(policy.read_text() + "login: true\n")
    secrets(text, **{**AUTH, **changes})
    run = record(store)[0]
    mark(store, run, owner=shared.visitor())
    test = open_page("runs", runs=run.id)
    assert not test.exception
    (sentence,) = sentences(test)
    assert words in sentence.replace("\\", "")
    assert "a secret" not in everything(test)
    assert not test.sidebar.button
    assert not any(run.id in key for key in keys(test))


@pytest.mark.parametrize("text", ["[auth", "[auth]"])
def test_a_damaged_login_does_not_fall_back_to_cookies_though_the_policy_is_silent(open_page, shared, secrets, text):  # noqa: F811
    secrets(text)
    shared.visitor()
    assert any("Nobody can log in" in sentence for sentence in sentences(open_page("start")))


def test_without_any_secrets_a_cookie_says_who_somebody_is(open_page, shared, secrets):  # noqa: F811
    shared.visitor()
    assert "you" in open_page("start").sidebar.caption[0].value
    secrets("[other]\nname = 1")
    assert "you" in open_page("start").sidebar.caption[0].value


# The cookie's way into the browser


def answers(home, path="/_stcore/host-config", status=200, peer="192.0.2.1", newcomers=None, **headers):
    """The Set-Cookie headers of one answer."""
    sent = []

    async def inner(_scope, _receive, send):
        headers = [(b"x-inner", b"1"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    names = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "headers": names, "client": (peer, 1234)}
    asyncio.run(OwnerCookie(inner, home, newcomers)(scope, None, send))
    assert (b"x-inner", b"1") in sent[0]["headers"]
    found = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
    caching = [value for name, value in sent[0]["headers"] if name == b"cache-control"]
    assert caching == [b"no-store" if found else b"no-cache"], "a proxy must not hand one cookie to many"
    return found


def test_a_new_visitor_gets_a_cookie_that_scripts_and_other_sites_do_not_get(shared):  # noqa: F811
    (cookie,) = answers(shared.home, sec_fetch_site="same-origin", sec_fetch_mode="cors")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert shared.signer.owner_of_cookie(cookie.partition("=")[2].partition(";")[0]) is not None
    assert "Secure" in answers(shared.home, x_forwarded_proto="https")[0]


def test_a_known_visitor_keeps_who_they_are_and_a_forged_cookie_is_replaced(shared):  # noqa: F811
    good = shared.signer.new_cookie()
    assert answers(shared.home, cookie=f"a=b; {COOKIE}={good}") == []
    assert len(answers(shared.home, cookie=f"{COOKIE}=v1.local.00")) == 1
    (shared.home / "elsewhere").mkdir()
    foreign = Signer.of_home(shared.home / "elsewhere").new_cookie()
    assert len(answers(shared.home, cookie=f"{COOKIE}={foreign}")) == 1


@pytest.mark.parametrize(
    "other",
    ['settings={"dark": true}', "name=two words", "a@b=1", "[x]=1", "lonely", "a=1;", "name=\xe9", "x=" + "y" * 9000],
)
def test_what_other_programs_on_the_same_host_keep_in_a_browser_makes_nobody_somebody_else(shared, other):  # noqa: F811
    good = shared.signer.new_cookie()
    assert answers(shared.home, cookie=f"{other}; {COOKIE}={good}") == []


def test_nobody_elses_page_can_make_a_browser_forget_who_it_is(shared):  # noqa: F811
    assert answers(shared.home, sec_fetch_site="cross-site") == []
    assert answers(shared.home, sec_fetch_site="none", sec_fetch_mode="navigate") == []
    assert answers(shared.home, path="/runs") == []
    assert answers(shared.home, status=404) == []


def test_a_server_of_one_person_sets_no_cookie(tmp_path):
    assert answers(tmp_path) == []
    assert list(tmp_path.iterdir()) == [], "and makes no secret"


# How many new visitors


def newcomers(shared, clock, count, **options):  # noqa: F811
    """What so many browsers without a cookie get: a name, or to come later."""
    values = [answers(shared.home, newcomers=clock, **options)[0] for _number in range(count)]
    return ["later" if f"{COOKIE}={LATER};" in value else "named" for value in values]


def test_a_class_behind_one_address_gets_names_at_once_and_a_script_only_a_trickle(shared, clock):  # noqa: F811
    lately, limit = Newcomers(clock), Limits().new_per_address
    assert newcomers(shared, lately, limit) == ["named"] * limit
    assert newcomers(shared, lately, 100) == ["later"] * 100
    assert newcomers(shared, lately, 1, peer="192.0.2.2") == ["named"], "other addresses are other people"
    clock.now += REFILL_SECONDS / limit
    assert newcomers(shared, lately, 3) == ["named", "later", "later"]
    clock.now += 10 * REFILL_SECONDS
    assert newcomers(shared, lately, limit + 1) == ["named"] * limit + ["later"]


def test_many_addresses_together_have_a_limit_too(shared, clock):  # noqa: F811
    (shared.home / "policy.yaml").write_text("mode: shared\nserver: {new_per_address: 2, new_in_all: 5}")
    lately = Newcomers(clock)
    found = [newcomers(shared, lately, 1, peer=f"192.0.2.{number}")[0] for number in range(8)]
    assert found == ["named"] * 5 + ["later"] * 3
    clock.now += REFILL_SECONDS / 5
    assert [newcomers(shared, lately, 1, peer=f"192.0.2.{number}")[0] for number in (100, 101)] == ["named", "later"]


def test_what_a_visitor_writes_about_their_address_counts_only_behind_a_named_proxy(shared, clock):  # noqa: F811
    (shared.home / "policy.yaml").write_text("mode: shared\nserver: {new_per_address: 1}")
    lately = Newcomers(clock)
    assert newcomers(shared, lately, 1, x_forwarded_for="198.51.100.1") == ["named"]
    assert newcomers(shared, lately, 1, x_forwarded_for="198.51.100.2") == ["later"]
    (shared.home / "policy.yaml").write_text(
        "mode: shared\nserver: {new_per_address: 1}\nproxies: [192.0.2.1, 10.0.0.0/8]"
    )
    for address in ("198.51.100.3", "198.51.100.4"):
        assert newcomers(shared, lately, 1, x_forwarded_for=f"made.up, {address}, 10.1.2.3") == ["named"]
    assert newcomers(shared, lately, 1, x_forwarded_for="203.0.113.9, 198.51.100.4") == ["later"]


def test_only_who_would_get_a_name_is_counted(shared, clock):  # noqa: F811
    (shared.home / "policy.yaml").write_text("mode: shared\nserver: {new_per_address: 1}")
    lately = Newcomers(clock)
    known = shared.signer.new_cookie()
    for options in ({"cookie": f"{COOKIE}={known}"}, {"status": 404}, {"path": "/runs"}, {"sec_fetch_site": "none"}):
        assert answers(shared.home, newcomers=lately, **options) == []
    assert newcomers(shared, lately, 1) == ["named"]


def test_to_come_later_is_no_name_and_is_forgotten_soon(shared, clock):  # noqa: F811
    (shared.home / "policy.yaml").write_text("mode: shared\nserver: {new_per_address: 1}")
    lately = Newcomers(clock)
    newcomers(shared, lately, 1)
    (cookie,) = answers(shared.home, newcomers=lately)
    assert {f"{COOKIE}={LATER}", "Max-Age=60", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert shared.signer.owner_of_cookie(LATER) is None
    (shared.home / "policy.yaml").write_text("mode: shared\nserver: {new_per_address: 2}")
    (cookie,) = answers(shared.home, newcomers=lately, cookie=f"{COOKIE}={LATER}")
    assert shared.signer.owner_of_cookie(cookie.partition("=")[2].partition(";")[0]), "a higher limit holds at once"


def test_counts_are_forgotten_and_the_log_is_not_filled(clock, caplog):
    lately, limits = Newcomers(clock), Limits(new_per_address=1, new_in_all=None)
    assert all(lately.admit(f"address-{number}", limits) for number in range(1000))
    assert not any(lately.admit("address-1", limits) for _try in range(100))
    assert len(caplog.records) == 1
    clock.now += WARN_EVERY
    lately.admit("address-1", limits)
    assert len(caplog.records) == 2
    clock.now += REFILL_SECONDS
    lately.admit("another", limits)
    assert len(lately._came) <= 2


# Structure


def test_pages_act_through_the_desk_alone():
    steering = {"submit", "checked", "cancel", "pause", "resume", "retry", "delete", "fork", "log_text", "prune"}
    found = []
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "app").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "service" and node.attr in steering:
                    found.append(f"{path.relative_to(ROOT)}: service.{node.attr}")
                if node.attr in ("forget_run", "create_comparison"):
                    found.append(f"{path.relative_to(ROOT)}: {node.attr}")
    assert found == []
