"""The field for an image: a test image by its number, or a person's own, drawn or uploaded. Start at image_field.

The URL is the truth: an own image stands in it, with one hexadecimal digit for each pixel.
"""

from __future__ import annotations

import re

import streamlit as st

from app import state
from app.drawing.canvas import canvas
from app.look.widget_value import follow_url
from app.services import show_problem
from clps_core.errors import ClpsError
from clps_core.pictures import (
    LARGEST_FILE,
    MOST_PIXELS,
    grey_digits,
    ink_in_box,
    read_canvas,
    read_picture,
)
from clps_core.shown import visible
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["image_field", "image_name"]

NUMBER, OWN = "number", "own"
LONGEST_NUMBER = 9
"""Characters of a test image's number; a longer text is an image itself."""


def image_name(text: str) -> str:
    """What an image is called that stands for ``text``, for those who cannot see it."""
    if len(text) > LONGEST_NUMBER:
        return _("Your image")
    return _("The image {number}", number=visible(text))


def image_field(task: TaskFacts, text: str) -> str | None:
    """Which image of ``task``, an address's ``text`` to begin with: the text to ask with.

    ``None`` where a person is to bring an image and has not; the field says so.
    """
    if task.drawing is None:
        return _number_field(task, text)
    side, _box = task.drawing
    own = text if re.fullmatch(f"[0-9a-f]{{{side**2}}}", text) else ""
    way, seen = f"attention.image.way.{task.name}", f"attention.image.seen.{task.name}"
    if way not in st.session_state or st.session_state.get(seen) != text:  # a new input, from wherever it comes
        st.session_state[seen] = text
        follow_url(way, OWN if own else NUMBER)

    def chosen() -> None:
        if own and st.session_state[way] == NUMBER:
            state.write(**{state.TEXT: None})

    names = {NUMBER: _("Test image"), OWN: _("Draw or upload")}
    st.segmented_control(
        _("Image"), list(names), format_func=lambda name: names.get(name, name), key=way, required=True,
        on_change=chosen, persist_state="session",
    )  # fmt: skip
    if st.session_state[way] != OWN:
        return _number_field(task, text)
    _own_image(task, own)
    if own:
        return own
    st.info(_("Draw a digit on the sheet, or upload a picture. The answer then appears here."), icon=":material/draw:")
    return None


def _first(task: TaskFacts) -> str:
    """The input of an address that names none."""
    return task.example_inputs[0] if task.example_inputs else ""


def _number_in(task: TaskFacts, text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) < max(1, task.test_size) else 0


def _number_field(task: TaskFacts, text: str) -> str:
    key = f"attention.text.{task.name}"
    last = max(1, task.test_size) - 1
    number = _number_in(task, text)
    follow_url(key, number)
    st.number_input(
        _("Number of a test image, 0 to {last}", last=last),
        min_value=0,
        max_value=last,
        key=key,
        on_change=lambda: state.write(**{state.TEXT: str(st.session_state[key])}),
    )
    return str(number)


def _own_image(task: TaskFacts, own: str) -> None:
    assert task.drawing is not None
    side, box = task.drawing
    version = f"attention.image.version.{task.name}"
    file_key = f"attention.image.file.{task.name}.{st.session_state.get(version, 0)}"
    told, from_sheet = f"attention.image.told.{task.name}", f"attention.image.drawn.{task.name}"

    def drawn(text: object) -> None:
        st.session_state.pop(told, None)
        st.session_state[version] = st.session_state.get(version, 0) + 1  # a file's name beside a drawing misleads
        if text == "":
            st.session_state.pop(from_sheet, None)
            state.write(**{state.TEXT: None})
            # The same fields stay: this is no new input from elsewhere.
            st.session_state[f"attention.image.seen.{task.name}"] = _first(task)
            return
        try:
            found = grey_digits(ink_in_box(read_canvas(text), side, box))
            st.session_state[from_sheet] = found
            state.write(**{state.TEXT: found})
        except ClpsError as error:
            st.session_state[told] = (str(error), False)

    def uploaded() -> None:
        st.session_state.pop(told, None)
        file = st.session_state[file_key]
        if file is None:
            return
        st.session_state.pop(from_sheet, None)
        try:
            found = read_picture(file.getvalue())
            state.write(**{state.TEXT: grey_digits(ink_in_box(found.pixels, side, box))})
            if found.animated:
                st.session_state[told] = (_("The picture is animated. Its first frame is used."), True)
        except ClpsError as error:
            st.session_state[told] = (str(error), False)

    sheet, upload = st.columns([2, 3])
    with sheet:
        is_drawn = bool(own) and st.session_state.get(from_sheet) == own
        canvas(own, drawn_here=is_drawn, key=f"attention.image.canvas.{task.name}", on_drawing=drawn)
    with upload:
        st.file_uploader(
            _("Or upload a picture: PNG, JPEG, WebP or GIF"),
            type=["png", "jpg", "jpeg", "webp", "gif"],
            key=file_key,
            on_change=uploaded,
            max_upload_size=LARGEST_FILE // 10**6,
            help=_("At most {size} MB and {pixels} megapixels. Best is one digit on a plain ground, dark or bright.",
                   size=LARGEST_FILE // 10**6, pixels=MOST_PIXELS // 10**6),
        )  # fmt: skip
        if problem := st.session_state.get(told):
            said, harmless = problem
            if harmless:
                st.info(said, icon=":material/info:")
            else:
                show_problem(said)
        st.caption(
            _(
                "Your image is made grey, inverted if its border is bright, scaled to fit {box}x{box} pixels, and "
                "centred by its mass in {side}x{side}, as the training images were.",
                box=box,
                side=side,
            )
        )
