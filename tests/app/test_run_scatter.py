"""The scatter of Compare: every name can be read, whatever lies beside it."""

import random

from app.compare.scatter import LETTER, MARK, SIDES, Box, Dot, _box, label_places, quality_scatter
from clps_core.tasks import TASKS


def test_a_name_alone_stands_to_the_right_and_at_the_right_end_to_the_left():
    assert label_places([(0.3, 0.5), (0.97, 0.9)], ["All layers", "No sharing"]) == ["middle right", "middle left"]


def test_a_name_leaves_the_words_of_the_baseline_readable():
    words = Box(0, 0.4, 0.02, 0.1)
    assert label_places([(0.05, 0.08)], ["All layers"], [words]) == ["top center"]


def test_names_of_near_marks_do_not_lie_on_each_other_or_on_a_mark():
    chance = random.Random(0)
    for _try in range(40):
        places = [(0.1 + 0.02 * chance.random(), 0.3), (0.2, 0.3), (0.8 * chance.random(), 0.7), (0.94, 0.9)]
        names = ["Attention only", "Sandwich", "Cycle, 3 stored", "No sharing"]
        sides = label_places(places, names)
        boxes = [
            _box(x, y, len(name) * LETTER, *SIDES[side])
            for (x, y), name, side in zip(places, names, sides, strict=True)
        ]
        marks = [Box(x - MARK, x + MARK, y - MARK, y + MARK) for x, y in places]
        for one, box in enumerate(boxes):
            assert box.outside == 0
            assert all(box.hidden(other) == 0 for other in boxes[one + 1 :])
            assert all(box.hidden(mark) < 1e-9 for mark in marks)


def test_a_long_name_is_cut_in_the_figure_and_whole_under_the_pointer():
    name = "attention: All layers + FFN: Cycle, 2 stored + separate norms"
    trace = quality_scatter([Dot(name, "#1b72c5", 1000, 0.5)], TASKS.usual("digits"), "Accuracy").data[0]
    assert len(trace.text[0]) < len(name)
    assert trace.text[0].endswith("…")
    assert trace.hovertext[0] == name


def test_designs_of_very_different_sizes_have_a_log_axis_with_few_numbers():
    dots = [Dot("No sharing", "#1b72c5", 10_000, 0.5), Dot("All layers", "#1b72c5", 303, 0.4)]
    axis = quality_scatter(dots, TASKS.usual("digits"), "Accuracy").layout.xaxis
    assert (axis.type, axis.dtick) == ("log", "D2")
