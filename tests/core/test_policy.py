"""The policy of a server: what its file may say, who may do what, and how much of it."""

import stat
from pathlib import Path

import pytest

from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError, NotAllowedError, StoreError
from clps_core.limits import Limits
from clps_core.owners import SECRET_FILE, Signer, short_name
from clps_core.policy import LOCAL_POLICY, OPERATOR, Person, Policy, Quotas, Use, hash_code, read_policy

ADA, BOB, TEACHER = Person("guest-ada"), Person("guest-bob"), Person("guest-t", teacher=True)
SHARED = Policy(mode="shared", quotas=Quotas(queued=3, runs=5, disk=1000, steps=100, batch_size=8, evaluations=20))
ACTIONS = ("cancel", "pause", "resume", "retry", "delete", "fork", "log")


def config(**train):
    return resolve(build_config({"train": {"steps": 10, "batch_size": 4, **train}})).config


def write(home, text):
    home.mkdir(exist_ok=True)
    (home / "policy.yaml").write_text(text)
    return home


# The file


def test_without_a_file_one_person_may_do_everything(tmp_path):
    policy = read_policy(tmp_path, {})
    assert policy == LOCAL_POLICY
    assert all(policy.why_not(None, action, "anybody") is None for action in ACTIONS)
    policy.check_use(None, Use(queued=10**6, runs=10**6, disk=10**15), 10**6)
    policy.check_config(None, config(steps=10**6), 10**12)


def test_a_file_of_comments_is_the_local_policy(tmp_path):
    assert read_policy(write(tmp_path, "# nothing yet\n\n"), {}) == LOCAL_POLICY


def test_a_shared_policy_says_teachers_and_quotas_and_keeps_the_other_defaults(tmp_path):
    text = "mode: shared\nteachers: [Ada@School.example]\nquotas: {queued: 7, disk: 2G, steps: null}\n"
    policy = read_policy(write(tmp_path, text), {})
    assert policy.shared
    assert policy.is_teacher("ada@SCHOOL.example")
    assert not policy.is_teacher("bob@school.example")
    assert (policy.quotas.queued, policy.quotas.disk, policy.quotas.steps) == (7, 2 * 2**30, None)
    assert policy.quotas.batch_size == Quotas().batch_size


def test_clps_policy_names_another_file(tmp_path):
    other = tmp_path / "elsewhere.yaml"
    other.write_text("mode: shared")
    assert read_policy(tmp_path, {"CLPS_POLICY": str(other)}).shared


def test_a_policy_that_is_named_and_missing_does_not_open_the_server(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_policy(tmp_path, {"CLPS_POLICY": str(tmp_path / "missing.yaml")})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mode: open", "mode must be one of"),
        ("mode: shared\nstudents: [x]", "students is not a field"),
        ("mode: shared\nquotas: {gpus: 3}", "quotas.gpus is not a field"),
        ("mode: shared\nquotas: {steps: many}", "whole number"),
        ("mode: shared\nquotas: {steps: -1}", "at least 0"),
        ("mode: shared\nquotas: {disk: lots}", "such as 500M"),
        ("mode: shared\nserver: {disk: lots}", "server.disk must be a size such as"),
        ("mode: shared\nserver: {queued: -1}", "at least 0"),
        ("mode: shared\nserver: {new_per_address: 0}", "at least 1"),
        ("mode: shared\nserver: {owners: 3}", "server.owners is not a field"),
        ("mode: shared\nproxies: [lab.example]", "proxies must be addresses such as 127.0.0.1"),
        ("mode: shared\nproxies: 127.0.0.1", "proxies"),
        ("proxies: [127.0.0.1]", "must have mode shared"),
        ("server: {queued: 5}", "must have mode shared"),
        ("mode: shared\nteachers: [ada]", "e-mail"),
        ("mode: shared\nteacher_code: secret-word", "never the code itself"),
        ("quotas: {steps: 5}", "must have mode shared"),
        ("login: true", "must have mode shared"),
        ("mode: shared\nlogin: perhaps", "true or false"),
        ("mode: shared\nmode: local\nlogin: true", "mode appears twice, in lines 1 and 2"),
        ("mode: shared\nteachers: {ada@school.example: yes}", "teachers is not valid"),
        ("a: &a [x]\nb: &b [*a, *a]\nmode: [*b, *b]", "is not a field"),
        ("mode: shared\n" + "x: 1\n" * 60_000, "at most 200000 bytes"),
        ("mode: shared\x00", "must be YAML"),
        ("- shared", "name: value"),
        ("mode: [shared", "must be YAML"),
        ("mode: !!python/object/apply:os.system ['true']", "must be YAML"),
    ],
)
def test_a_bad_policy_is_one_sentence_that_names_its_file(tmp_path, text, words):
    with pytest.raises(ConfigError, match=r"policy\.yaml cannot be used") as error:
        read_policy(write(tmp_path, text), {})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_code_never_stands_in_the_sentence_that_refuses_it(tmp_path):
    with pytest.raises(ConfigError) as error:
        read_policy(write(tmp_path, "mode: shared\nteacher_code: hunter2hunter2"), {})
    assert "hunter2" not in str(error.value)


def test_the_policy_in_the_runbook_can_be_used_and_names_the_defaults(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    policy = read_policy(write(tmp_path, example.replace("scrypt$16384$...", hash_code("a long code"))), {})
    assert policy.shared
    assert policy.quotas == Quotas()
    assert policy.quotas.model_fields_set == set(Quotas.model_fields)
    assert policy.server == Limits()
    assert policy.server.model_fields_set == set(Limits.model_fields)
    assert policy.model_fields_set == set(Policy.model_fields), "the example shows every field"


# Who may do what


@pytest.mark.parametrize("action", ACTIONS)
def test_only_the_owner_and_teachers_act_on_a_run(action):
    assert SHARED.why_not(ADA, action, ADA.owner) is None
    assert SHARED.why_not(TEACHER, action, ADA.owner) is None
    assert SHARED.why_not(OPERATOR, action, ADA.owner) is None
    for other in (BOB, None):
        assert SHARED.why_not(other, action, ADA.owner)


def test_nobody_owns_the_runs_of_nobody():
    assert SHARED.why_not(None, "delete", "") is not None
    assert SHARED.why_not(ADA, "delete", "local") is not None


# How much


@pytest.mark.parametrize(
    ("use", "new", "words"),
    [
        (Use(queued=2), 2, "at most 3 runs and evaluations per person can wait. 2 would be added to 2"),
        (Use(runs=5), 1, "at most 5 runs per person can be kept. 1 would be added to 5"),
        (Use(disk=1000), 1, "can take up to"),
    ],
)
def test_quotas_are_refused_with_what_must_be_and_what_was_got(use, new, words):
    with pytest.raises(NotAllowedError, match=words):
        SHARED.check_use(ADA, use, new)
    SHARED.check_use(TEACHER, use, new)


def test_use_up_to_the_quota_is_allowed():
    SHARED.check_use(ADA, Use(queued=2, runs=4, disk=999), 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 101}, "at most 100 on this server. Got 101"),
        ({"batch_size": 9}, "at most 8 on this server. Got 9"),
        ({"steps": 100, "eval_every": 4}, r"train.eval_every\) must be at most 20 on this server. Got 25"),
        ({"steps": 100, "checkpoint_every": 3}, r"train.checkpoint_every\) must be at most 20 on this server. Got 34"),
        ({"threads": 5}, r"train.threads\) must be at most 4 on this server. Got 5"),
    ],
)
def test_sizes_of_one_run_are_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        SHARED.check_config(ADA, config(**fields), 1)
    SHARED.check_config(TEACHER, config(**fields), 1)


def test_a_long_answer_counts_as_a_long_input():
    given = {"data": {"task": "spoken-digits-seq2seq"}, "train": {"steps": 10, "batch_size": 4}}
    for model in ({"max_positions": 10**6}, {"max_target_positions": 10**6}):
        long = resolve(build_config({**given, "model": model})).config
        with pytest.raises(
            ConfigError, match=r"positions of an input must be at most [\d,]+ on this server. Got 1,000,000"
        ):
            SHARED.check_config(ADA, long, 1)


def test_parameters_count_every_use_so_that_sharing_is_no_way_around():
    with pytest.raises(ConfigError, match="executed parameters"):
        SHARED.check_config(ADA, config(), Quotas().parameters + 1)


def test_all_visitors_together_are_held_to_the_servers_limits_and_teachers_are_not():
    policy = Policy(mode="shared", server=Limits(queued=10, disk=1000))
    policy.check_together(ADA, Use(queued=8, disk=999), 2)
    for use in (Use(queued=8), Use(queued=10), Use(disk=1000)):
        with pytest.raises(NotAllowedError, match="all visitors"):
            policy.check_together(ADA, use, 3)
        with pytest.raises(NotAllowedError, match="all visitors"):
            policy.check_together(None, use, 3)
        policy.check_together(TEACHER, use, 3)
        policy.check_together(OPERATOR, use, 3)
        LOCAL_POLICY.check_together(OPERATOR, use, 3)


def test_the_defaults_let_a_class_of_thirty_start():
    policy = Policy(mode="shared")
    assert policy.server.new_per_address >= 30, "all come from their school's one address"
    policy.check_together(ADA, Use(queued=29 * 8), 8)


# The teacher's code


def test_a_code_fits_its_hash_and_nothing_else_does():
    policy = Policy(mode="shared", teacher_code=hash_code("correct horse"))
    assert policy.code_fits("correct horse")
    assert not policy.code_fits("correct hors")
    assert not policy.code_fits("")
    assert not SHARED.code_fits("")
    assert "correct" not in policy.teacher_code
    assert hash_code("correct horse") != policy.teacher_code, "without a salt equal codes would show"


def test_a_short_code_is_refused():
    with pytest.raises(ConfigError, match="at least 8"):
        hash_code("1234567")


# Owners


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    cookie = Signer.of_home(tmp_path).new_cookie()
    path = tmp_path / SECRET_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Signer.of_home(tmp_path).owner_of_cookie(cookie) is not None
    assert [one.name for one in tmp_path.iterdir()] == [SECRET_FILE]


def test_two_visitors_are_two_owners(tmp_path):
    signer = Signer.of_home(tmp_path)
    assert signer.owner_of_cookie(signer.new_cookie()) != signer.owner_of_cookie(signer.new_cookie())


def test_a_forged_a_foreign_and_a_damaged_cookie_are_nobodys(tmp_path):
    signer = Signer.of_home(tmp_path)
    cookie = signer.new_cookie()
    _version, owner, signature = cookie.split(".")
    (tmp_path / "other").mkdir()
    foreign = Signer.of_home(tmp_path / "other").new_cookie()
    last = "0" if signature[-1] != "0" else "1"
    swapped = f"v1.{signer.new_cookie().split('.')[1]}.{signature}"
    bad = [None, "", owner, f"v1.{owner}", f"v1.{owner}.", f"v1.{owner}.{signature[:-1]}{last}", swapped, foreign]
    bad += [f"v2.{owner}.{signature}", f"v1.local.{signature}", f"{cookie}x", f"v1.{owner}.ü", "x" * 9999]
    assert [signer.owner_of_cookie(one) for one in bad] == [None] * len(bad)


def test_an_address_has_one_owner_that_does_not_tell_the_address(tmp_path):
    signer = Signer.of_home(tmp_path)
    owner = signer.owner_of_address("Ada@School.example")
    assert owner == signer.owner_of_address("ada@school.example ")
    assert owner != signer.owner_of_address("bob@school.example")
    assert "ada" not in owner
    assert signer.owner_of_cookie(f"v1.{owner}.{signer._sign('address', owner)}") is None


def test_a_letter_that_only_looks_like_ascii_makes_nobody_a_teacher(tmp_path):
    kelvin = "\N{KELVIN SIGN}ate@school.example"
    assert kelvin.lower() == "kate@school.example", "what makes this worth a test"
    policy, signer = Policy(mode="shared", teachers=["Kate@school.example"]), Signer.of_home(tmp_path)
    assert not policy.is_teacher(kelvin)
    assert signer.owner_of_address(kelvin) != signer.owner_of_address("kate@school.example")


def test_who_showed_the_code_is_a_teacher_until_the_code_changes(tmp_path):
    signer = Signer.of_home(tmp_path)
    old, new = hash_code("first code"), hash_code("second code")
    signer.appoint("guest-1", old)
    assert signer.is_appointed("guest-1", old)
    assert not signer.is_appointed("guest-2", old)
    assert not signer.is_appointed("guest-1", new)
    assert not signer.is_appointed("guest-1", None)
    signer.dismiss("guest-1", old)
    assert not signer.is_appointed("guest-1", old)


def test_a_damaged_secret_is_refused_and_not_replaced(tmp_path):
    (tmp_path / SECRET_FILE).write_bytes(b"short")
    with pytest.raises(StoreError, match="must have 32 bytes"):
        Signer.of_home(tmp_path)


def test_owners_are_shown_by_a_few_letters():
    assert short_name("guest-0123456789") == "guest 0123"
    assert short_name("login-abcdef") == "user abcd"
    assert short_name("local") == "the server"
