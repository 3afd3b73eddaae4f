"""Pictures from anybody: what cannot be used is one sentence or counted, and nothing outside is read."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from own_pictures import coloured, grey, laid_out, packed, png, shape
from PIL import Image

from clps_core.config import build_config, resolve
from clps_core.data.registry import load_task
from clps_core.errors import DataError, NotAllowedError
from clps_core.jobs.data_desk import DataDesk
from clps_core.own_data import image_keeping, record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.cells import _is_inside, content_of
from clps_core.own_data.sources import Source
from clps_core.own_data.told import about, warnings
from clps_core.own_data.uploads import kept_upload
from clps_core.policy import Person, Policy
from clps_core.tasks import TASKS

HOSTILE = "<img src=x onerror=alert(1)>'\"; DROP TABLE run; [a](javascript:x) =1+1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def header_of(width: int, height: int) -> bytes:
    """A tiny PNG file that says any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def zip_in_a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("red square/1.png", b"x")
    return file.getvalue()


def one_class() -> dict[str, bytes]:
    return {f"only/{at}.png": content for at, content in enumerate(coloured(4).values())}


def many_classes(count: int) -> dict[str, bytes]:
    content = next(iter(grey(1).values()))
    return {f"{name}/1.png": content for name in range(count)}


REFUSED: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "a path outside": (lambda: {**coloured(3), "../up/1.png": b"x"}, "must lead to a place inside"),
    "one class": (one_class, r"at least two different classes\. All are in 'only'"),
    "two pictures": (lambda: {f"{at}/1.png": png(shape("circle", (9, 9, 9), at)) for at in range(2)},
                     r"at least 10 different pictures to train on\. Got 2"),
    "no picture": (lambda: {"a/notes.txt": b"x", "b/archive.zip": zip_in_a_zip()}, "must contain pictures"),
    "nothing": (dict, "must contain pictures"),
    "only what cannot be read": (lambda: {f"{at % 2}/{at}.png": b"no" for at in range(20)},
                                 r"at least one picture must be readable\. 20 are not"),
    "pictures without a class": (lambda: {f"{at}.png": b"x" for at in range(20)}, "must be in a folder that is called"),
    "1,001 classes": (lambda: many_classes(1001), "at most 1,000 different classes"),
    "a class for each picture": (lambda: {f"{at}/1.png": one for at, one in enumerate(coloured(3).values())},
                                 "classes must repeat"),
    "a broken table": (lambda: {**one_class(), "only/metadata.csv": b"name,label\n1.png,a\n"}, "a column file_name"),
    "a table that is none": (lambda: {**one_class(), "only/metadata.jsonl": b"[[[[\xff"}, "a column file_name"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(home: Path, tmp_path: Path, case: str) -> None:
    make, why = REFUSED[case]
    with pytest.raises(DataError, match=why) as told:
        add("x", Source(path=packed(tmp_path / "x.zip", make())), home)
    assert "\n" not in str(told.value)
    assert list((home / record.FOLDER).iterdir()) == []


def test_what_cannot_be_read_is_left_out_counted_and_named(home: Path, tmp_path: Path) -> None:
    files = {
        **coloured(4),
        "shapes/red square/bomb.png": header_of(60_000, 60_000),
        "shapes/red square/large.png": header_of(10_000, 10_000),
        "shapes/red square/empty.png": b"",
        "shapes/red square/text.jpg": b"<html>",
        "shapes/red square/inner.zip": zip_in_a_zip(),
        "shapes/red square/drawing.svg": b"<svg/>",
        "shapes/only broken/1.png": b"x",
        "top.png": png(shape("circle", (9, 9, 9), 1)),
    }
    known = add("x", Source(path=packed(tmp_path / "x.zip", files)), home)
    assert known.rows == 24
    assert len(known.classes) == 6
    unreadable = known.statistics["unreadable"]
    assert unreadable["count"] == 5
    reasons = dict(unreadable["first"])
    assert "at most 25 megapixels" in reasons["shapes/red square/bomb.png"]
    assert "at most 25 megapixels" in reasons["shapes/red square/large.png"]
    assert known.statistics["other_files"]["count"] == 2
    assert known.statistics["without_class"]["first"] == [["top.png", ""]]
    told = warnings(known)
    assert told[0].startswith("5 pictures cannot be read and were left out, such as shapes/only broken/1.png (the file")
    assert "1 picture has no class and was left out: top.png." in told


def test_turned_transparent_animated_and_four_ink_pictures_are_read(home: Path, tmp_path: Path) -> None:
    image = shape("square", (220, 40, 40), 3)
    frames = io.BytesIO()
    image.convert("P").save(frames, "GIF", save_all=True, append_images=[image.convert("P").rotate(90)])
    turned = Image.Exif()
    turned[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=turned)
    files = {
        **coloured(4),
        "shapes/red square/animated.gif": frames.getvalue(),
        "shapes/red square/turned.jpg": file.getvalue(),
        "shapes/red square/ink.jpg": png(image.convert("CMYK"), "JPEG"),
        "shapes/red square/clear.webp": png(image.convert("RGBA"), "WEBP"),
    }
    known = add("x", Source(path=packed(tmp_path / "x.zip", files)), home)
    assert (known.rows, known.statistics["unreadable"]["count"]) == (28, 0)
    assert "1 picture is animated: its first frame is used." in warnings(known)


def test_a_link_in_a_folder_is_refused(home: Path, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "folder", coloured(3))
    outside = tmp_path / "secret.png"
    outside.write_bytes(png(shape("circle", (9, 9, 9), 1)))
    (folder / "shapes" / "red square" / "link.png").symlink_to(outside)
    with pytest.raises(DataError, match="is a link or no regular file"):
        add("x", Source(path=folder), home)
    os.mkfifo(folder / "shapes" / "red square" / "pipe.png")
    with pytest.raises(DataError, match="is a link or no regular file"):
        preview(Source(path=folder), home)


def test_names_of_classes_are_words_and_nothing_else(home: Path, tmp_path: Path) -> None:
    files = {}
    for at, content in enumerate(coloured(4).values()):
        files[f"all/{HOSTILE.replace('/', ' ') if at % 2 else 'a' * 300}/{at}.png"] = content
    known = add("x", Source(path=packed(tmp_path / "x.zip", files)), home)
    assert known.classes == (HOSTILE.replace("/", " "), "a" * 200)
    data = load_task(resolve(build_config({"data": {"task": "data:x"}}), home=home), home=home)
    assert data.decode([0]) == HOSTILE
    with pytest.raises(DataError, match="must lead to a place inside"):
        add("y", Source(path=packed(tmp_path / "y.zip", {**files, "\x1b[31m\u202e/1.png": b"x"})), home)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"side": 8}, r"16 to 96 pixels across, .*\. Got 8"),
        ({"side": 17}, "Got 17"),
        ({"side": 1e9}, "Got 1000000000.0"),
        ({"side": True}, "Got True"),
        ({"side": "<b>"}, "Got <b>"),
        ({"colour": "yes"}, r"colour must be true or false\. Got 'yes'"),
        ({"sides": 32}, r"one of side, colour\. Got 'sides'\. Did you mean side\?"),
    ],
)
def test_an_option_that_cannot_be_is_told(home: Path, tmp_path: Path, options: dict[str, object], why: str) -> None:
    source = Source(path=packed(tmp_path / "x.zip", coloured(3)))
    for ask in (lambda: add("x", source, home, options=options), lambda: preview(source, home, options=options)):
        with pytest.raises(DataError, match=why):
            ask()


def test_options_of_pictures_are_not_for_texts_and_texts_are_no_pictures(home: Path, tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("text,label\n" + "".join(f"word {at},{at % 2}\n" for at in range(40)))
    with pytest.raises(DataError, match=r"side must only be given for pictures or sounds"):
        add("x", Source(path=table), home, options={"side": 32})
    with pytest.raises(DataError, match=r"data of kind images must be a folder or ZIP of pictures, or have a column"):
        add("x", Source(path=table), home, kind="images")
    with pytest.raises(DataError, match=r"must not be compressed"):
        add("x", Source(path=packed(tmp_path / "x.zip", coloured(3))), home, kind="classification")
    with pytest.raises(DataError, match="a tokenizer must only be given for texts"):
        add("x", Source(path=tmp_path / "x.zip"), home, tokenizer="bytes")
    (tmp_path / "no.zip").write_bytes(b"PK no")
    with pytest.raises(DataError, match="must be a ZIP"):
        add("x", Source(path=tmp_path / "no.zip"), home)


def test_limits_of_pictures_bytes_and_room_hold(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "x.zip", coloured(4))
    with pytest.raises(DataError, match=r"must fit into 0\.0 MB\. They need more"):
        add("x", Source(path=path), home, room=10_000)
    with pytest.raises(DataError, match=r"at most 0 MB here\. Got 1 MB"):
        add("x", Source(path=path), home, limit=10_000)
    small = image_keeping.DATA.__class__(pictures=20)
    monkeypatch.setattr(image_keeping, "DATA", small)
    with pytest.raises(DataError, match=r"at most 20 pictures here"):
        add("x", Source(path=path), home)
    monkeypatch.undo()
    os.environ["CLPS_HOME"] = str(home)
    digits = packed(tmp_path / "digits.zip", grey(60))
    assert add("x", Source(path=digits), home, room=60 * (256 + 32)).stored["channels"] == 1


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("stored", {}),
        ("stored", {"side": 97, "channels": 3, "ground": 1}),
        ("stored", {"side": 32, "channels": 4, "ground": 1}),
        ("statistics", {}),
        ("classes", ("one",)),
    ],
)
def test_a_record_that_lacks_something_is_damaged(home: Path, tmp_path: Path, part: str, value: object) -> None:
    known = add("x", Source(path=packed(tmp_path / "x.zip", coloured(3))), home)
    record.write(record.folder_of(home, "x"), known.model_copy(update={part: value}))
    now = record.read(home, "x")
    for ask in (lambda: TASKS.usual("data:x", home), lambda: about(home, now), lambda: warnings(now)):
        with pytest.raises(DataError, match="the record of data set x is damaged"):
            ask()


def test_damage_to_what_is_stored_is_told(home: Path, tmp_path: Path) -> None:
    add("x", Source(path=packed(tmp_path / "x.zip", coloured(4))), home)
    one = resolve(build_config({"data": {"task": "data:x"}}), home=home)
    pixels = record.folder_of(home, "x") / image_keeping.PIXELS
    whole = pixels.read_bytes()
    for damage in (whole[:-1], b"", whole + b"x"):
        pixels.write_bytes(damage)
        with pytest.raises(DataError, match="the stored pictures of data set x are damaged"):
            load_task(one, home=home)
    pixels.unlink()
    pixels.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="the stored pictures of data set x are damaged"):
        load_task(one, home=home)


def test_a_path_in_a_row_only_leads_into_the_data_set_on_the_hub() -> None:
    inside = "hf://datasets/a/b@c0ffee/"
    assert _is_inside(f"{inside}cat/1.png", inside)
    assert _is_inside(f"zip://cat/1.png::{inside}all.zip", inside)
    for path in ("/etc/passwd", f"{inside}../x", "hf://datasets/a/other@c0ffee/1.png", f"file:///x::{inside}a",
                 f"{inside}a::file:///etc/passwd", f"zip://x::http://e.com/a::{inside}a"):  # fmt: skip
        assert not _is_inside(path, inside)
    for cell in ({"path": "/etc/passwd", "bytes": None}, None, "text", {"path": f"{inside}1.png"}):
        with pytest.raises(DataError, match="has no file in it, only a path"):
            content_of(cell, "", 100)


def test_a_visitor_uploads_a_zip_and_keeps_to_the_quota(home: Path, tmp_path: Path) -> None:
    content = packed(tmp_path / "x.zip", {**coloured(4), "shapes/red square/no.png": b"x"}).read_bytes()
    source = Source(path=kept_upload(home, "my <b>pictures.zip", content), called="my <b>pictures.zip")
    desk = DataDesk(home, Policy.model_validate({"mode": "shared"}), Person("guest-one"))
    told = desk.preview(source, options={"side": 16})
    assert (told.kind, told.medium["side"], told.medium["pictures"]) == ("images", 16, 25)
    assert told.rows["class"][0] == "blue circle"
    made = desk.add("x", source, options={"side": 16}, licence="mine")
    assert (made.kind, made.source, made.rows) == ("images", "my <b>pictures.zip", 24)
    desk.check_use_of("data:x", None)
    with pytest.raises(NotAllowedError, match="Paths on the server are not read"):
        desk.preview(Source(path=tmp_path / "x.zip"))
    small = DataDesk(home, Policy.model_validate({"mode": "shared", "quotas": {"data": 70_000}}), Person("guest-two"))
    again = Source(path=kept_upload(home, "x.zip", content), called="x.zip")
    with pytest.raises(DataError, match=r"must fit into 0\.1 MB"):
        small.add("y", again)
