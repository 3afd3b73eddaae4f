"""The field for an image: a test image by its number, or a person's own, drawn or uploaded. Start at image_field.

The URL is the truth: a drawing stands in it, with one hexadecimal digit for each pixel, and so does a picture that is
fitted as a digit is. A picture for a task of own pictures is kept in the home (``clps_core.jobs.input_desk``),
and its name stands in the address.
"""

from __future__ import annotations

import re
from math import isqrt

import numpy as np
import streamlit as st

from app import state
from app.drawing.canvas import canvas
from app.look.widget_value import follow_url
from app.services import desk, show_problem
from clps_core.data.kept_inputs import MOST_KEPT, removed
from clps_core.data.kept_pictures import KEPT
from clps_core.errors import ClpsError
from clps_core.pictures import (
    LARGEST_FILE,
    MOST_PIXELS,
    fitted,
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
    if task.drawing is None and not task.own_pictures:
        return _number_field(task, text)
    own = text if _is_own(task, text) else ""
    way, seen = f"attention.image.way.{task.name}", f"attention.image.seen.{task.name}"
    if way not in st.session_state or st.session_state.get(seen) != text:  # a new input, from wherever it comes
        st.session_state[seen] = text
        follow_url(way, OWN if own else NUMBER)

    def chosen() -> None:
        if own and st.session_state[way] == NUMBER:
            state.write(**{state.TEXT: None})

    names = {NUMBER: _("Test image"), OWN: _("Draw or upload") if task.drawing else _("Your picture")}
    st.segmented_control(
        _("Image"), list(names), format_func=lambda name: names.get(name, name), key=way, required=True,
        on_change=chosen, persist_state="session",
    )  # fmt: skip
    if st.session_state[way] != OWN:
        return _number_field(task, text)
    _own_image(task, own)
    if own:
        return own
    st.info(_what_to_do(task), icon=":material/draw:" if task.drawing else ":material/upload:")
    return None


def _what_to_do(task: TaskFacts) -> str:
    if task.drawing is None:
        return _("Upload a picture. The answer then appears here.")
    if task.own_pictures:
        return _("Draw on the sheet, or upload a picture. The answer then appears here.")
    return _("Draw a digit on the sheet, or upload a picture. The answer then appears here.")


def _is_own(task: TaskFacts, text: str) -> bool:
    """Whether ``text`` is a drawing, or the name of a picture that was kept, and not a number."""
    if task.own_pictures and text.startswith(KEPT):
        return True
    return task.drawing is not None and bool(re.fullmatch(f"[0-9a-f]{{{task.drawing[0] ** 2}}}", text))


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
    """The sheet, where the task takes drawings, and the field for a picture."""
    version = f"attention.image.version.{task.name}"
    if task.drawing is None:
        _upload(task, version)
        return
    side, box = task.drawing
    from_sheet = f"attention.image.drawn.{task.name}"

    def drawn(text: object) -> None:
        st.session_state.pop(_told(task), None)
        st.session_state[version] = st.session_state.get(version, 0) + 1  # a file's name beside a drawing misleads
        if text == "":
            st.session_state.pop(from_sheet, None)
            state.write(**{state.TEXT: None})
            # The same fields stay: this is no new input from elsewhere.
            st.session_state[f"attention.image.seen.{task.name}"] = _first(task)
            return
        try:
            sheet = read_canvas(text)
            as_it_is = 1 - fitted(sheet, side).astype(np.float32) / np.float32(255)
            found = grey_digits(as_it_is if task.own_pictures else ink_in_box(sheet, side, box))
            st.session_state[from_sheet] = found
            state.write(**{state.TEXT: found})
        except ClpsError as error:
            st.session_state[_told(task)] = (str(error), False)

    sheet, upload = st.columns([2, 3])
    with sheet:
        drawn_here = not own or st.session_state.get(from_sheet) == own
        shown = "" if own.startswith(KEPT) else own
        canvas(
            shown, drawn_here=drawn_here, digit=not task.own_pictures, key=f"attention.image.canvas.{task.name}",
            on_drawing=drawn,
        )  # fmt: skip
    with upload:
        _upload(task, version)


def _told(task: TaskFacts) -> str:
    """The session key of what is said about the picture that was just brought: (sentence, whether it is harmless)."""
    return f"attention.image.told.{task.name}"


def _upload(task: TaskFacts, version: str) -> None:
    file_key = f"attention.image.file.{task.name}.{st.session_state.get(version, 0)}"

    def uploaded() -> None:
        st.session_state.pop(_told(task), None)
        file = st.session_state[file_key]
        if file is None:
            return
        st.session_state.pop(f"attention.image.drawn.{task.name}", None)
        try:
            text, said = _brought(task, file.getvalue())
        except ClpsError as error:
            st.session_state[_told(task)] = (str(error), False)
            return
        state.write(**{state.TEXT: text})
        if said:
            st.session_state[_told(task)] = (said, True)

    label = _("Or upload a picture: PNG, JPEG, WebP or GIF") if task.drawing else _("A picture: PNG, JPEG, WebP or GIF")
    help_text = _("At most {size} MB and {pixels} megapixels.", size=LARGEST_FILE // 10**6, pixels=MOST_PIXELS // 10**6)
    if not task.own_pictures:
        help_text += " " + _("Best is one digit on a plain ground, dark or bright.")
    st.file_uploader(
        label,
        type=["png", "jpg", "jpeg", "webp", "gif"],
        key=file_key,
        on_change=uploaded,
        max_upload_size=LARGEST_FILE // 10**6,
        help=help_text,
    )
    if problem := st.session_state.get(_told(task)):
        said, harmless = problem
        if harmless:
            st.info(said, icon=":material/info:")
        else:
            show_problem(said)
    st.caption(_what_is_done(task))


def _brought(task: TaskFacts, content: bytes) -> tuple[str, str]:
    """A picture as the text of an input, and a sentence about it or nothing."""
    if task.own_pictures:
        kept = desk().inputs.keep_picture(content)
        return kept.name, removed(kept)
    assert task.drawing is not None
    found = read_picture(content)
    animated = _("The picture is animated. Its first frame is used.") if found.animated else ""
    return grey_digits(ink_in_box(found.pixels, *task.drawing)), animated


def _what_is_done(task: TaskFacts) -> str:
    """How what a person brings becomes an input."""
    if not task.own_pictures:
        assert task.drawing is not None
        side, box = task.drawing
        return _(
            "Your image is made grey, inverted if its border is bright, scaled to fit {box}x{box} pixels, and centred "
            "by its mass in {side}x{side}, as the training images were.",
            box=box,
            side=side,
        )
    patch = task.patch_size or 1
    side = isqrt(task.max_source_len) * patch
    said = (
        _("The middle of your picture is used, as large as fits, with {side}x{side} pixels in colour.", side=side)
        if task.patch_dim == 3 * patch**2
        else _("The middle of your picture is used, as large as fits, with {side}x{side} pixels in grey.", side=side)
    )
    kept = _("It is kept on this server until newer ones of yours replace it (at most {kept}).", kept=MOST_KEPT)
    if task.drawing is None:
        return f"{said} {kept}"
    return " ".join((said, kept, _("A drawing is used as it stands on the sheet.")))
