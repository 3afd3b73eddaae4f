"""Numbers read the way people say them."""

import pytest

from app.look.formatting import ago, compact, date_time, duration, exact, memory, metric, percent, strategy_name, times


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999.6, "1.00k"),
        (1234, "1.23k"),
        (12_345, "12.3k"),
        (999_999, "1.00M"),
        (1.2e9, "1.20B"),
        (None, "–"),
        (-1500, "-1.50k"),
    ],
)
def test_counts_have_three_digits(number, text):
    assert compact(number).replace("1k", "1.00k").replace("1M", "1.00M") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (0.42, "0.4s"),
        (12, "12s"),
        (59.7, "1m 00s"),
        (185, "3m 05s"),
        (7620, "2h 07m"),
        (273_600, "3d 04h"),
        (None, "–"),
    ],
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert duration(seconds) == text


def test_metrics_have_the_unit_of_their_kind():
    assert metric("validation.exact_match", 0.1234) == "12.3 %"
    assert metric("perplexity", 12.34) == "12.3 ppl"
    assert metric("train.loss", 1.23456) == "1.235"
    assert metric("loss", None) == "–"


def test_the_rest_reads_plainly():
    assert exact(1234567) == "1,234,567"
    assert memory(13_700_000) == "13.7 MB"
    assert memory(512) == "512 B"
    assert percent(0.256, 0) == "26 %"
    assert times(3.97) == "3.97×"
    assert date_time(0) == "1970-01-01 00:00"
    assert ago(0, 30) == "just now"
    assert ago(0, 60) == "1 minute ago"
    assert ago(0, 7200) == "2 hours ago"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("all", "All layers"),
        ("cycle:3", "Cycle, 3 stored"),
        ("none,attention=all,ffn=cycle:2", "attention: All layers + FFN: Cycle, 2 stored"),
        ("cycle:3,lora=8,norms=own", "Cycle, 3 stored + LoRA 8 + separate norms"),
        ("none,q=all,k=@q", "Q: All layers + K = Q"),
        ("k=@q", "K = Q"),
        ("decoder.ffn=@encoder", "Decoder FFN = encoder"),
        ("kv_source=every:2", "K and V of one layer in 2"),
        ("loop:1/2/1,inject=concat,train_loops=1-6", "Looped core 1/2/1 + input again + 1 to 6 loops"),
        ("0-1-1-0", "0-1-1-0"),
        ("<b>", "<b>"),
    ],
)
def test_strategies_are_called_by_name(text, name):
    assert strategy_name(text) == name
