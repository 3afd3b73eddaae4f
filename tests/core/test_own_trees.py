"""Folders and ZIPs that people bring: what is read of them, and what is refused before anything is read."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clps_core.errors import DataError
from clps_core.own_data.trees import Member, opened_tree

FILES = {"cats/1.png": b"one", "cats/deeper/2.png": b"two two", "dogs/1.png": b"", "top.txt": b"text" * 1000}


def packed(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def laid_out(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(params=["folder", "zip"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    return lambda files: (
        laid_out(tmp_path / "tree", files) if request.param == "folder" else packed(tmp_path / "tree.zip", files)
    )


def test_the_files_of_a_folder_and_of_a_zip_read_the_same(made: Callable[[dict[str, bytes]], Path]) -> None:
    left = {"__MACOSX/cats/1.png": b"x", "cats/.DS_Store": b"x", ".git/config": b"x", "dogs/Thumbs.db": b"x"}
    with opened_tree(made({**FILES, **left})) as tree:
        assert {one.path: tree.read(one, limit=10_000) for one in tree.members} == FILES
        assert list(tree.members) == sorted(tree.members)
        assert tree.members[1] == Member("cats/deeper/2.png", 7)
        assert (tree.members[1].parts, tree.members[1].ending) == (("cats", "deeper", "2.png"), ".png")
        with pytest.raises(DataError, match=r"at most 0\.0 MB\. top\.txt has 0\.0 MB"):
            tree.read(tree.members[-1], limit=3_999)


def test_too_many_files_and_bytes_are_refused_before_they_are_read(made: Callable[[dict[str, bytes]], Path]) -> None:
    path = made(FILES)
    with pytest.raises(DataError, match="at most 3 files here"), opened_tree(path, files=3):
        pass
    with pytest.raises(DataError, match="together here, unpacked"), opened_tree(path, size=4_000):
        pass


@pytest.mark.parametrize("name", ["../up.png", "/top.png", "a/../../b.png", "a\\b.png", "C:/a.png", "a//b.png", "./a"])
def test_a_zip_with_a_path_that_leads_outside_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "tree.zip", {"cats/1.png": b"x", name: b"x"})
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(DataError, match="must lead to a place inside"), opened_tree(path):
        pass
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_name_that_turns_the_direction_of_text_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "tree.zip", {"cats/\u202egnp.1": b"x"})
    with pytest.raises(DataError, match=r"Got 'cats/\\\\u202e"), opened_tree(path):
        pass


def test_links_are_refused_in_folders_and_zips(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "tree", {"cats/1.png": b"x"})
    for target in (tmp_path, tmp_path / "tree" / "cats" / "1.png"):
        (folder / "link").symlink_to(target)
        with pytest.raises(DataError, match="link is a link or no regular file"), opened_tree(folder):
            pass
        (folder / "link").unlink()
    info = zipfile.ZipInfo("cats/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "tree.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match=r"link\.png is a link or no regular file"), opened_tree(tmp_path / "tree.zip"):
        pass


def test_a_pipe_in_a_folder_does_not_stop_anybody(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "tree", {"cats/1.png": b"x"})
    os.mkfifo(folder / "pipe")
    with pytest.raises(DataError, match="pipe is a link or no regular file"), opened_tree(folder):
        pass


def test_a_file_that_became_a_link_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "tree", {"cats/1.png": b"x"})
    with opened_tree(folder) as tree:
        (folder / "cats" / "1.png").unlink()
        (folder / "cats" / "1.png").symlink_to("/etc/passwd")
        with pytest.raises(DataError, match=r"cats/1\.png: it is a symbolic link"):
            tree.read(tree.members[0], limit=10_000)


def test_a_bomb_is_refused_by_the_size_that_it_states(tmp_path: Path) -> None:
    path = packed(tmp_path / "bomb.zip", {"cats/1.png": bytes(50_000_000)})
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"unpacked\. Got 50 MB"), opened_tree(path, size=10**7):
        pass


def test_a_bomb_that_lies_about_its_size_is_read_no_further(tmp_path: Path) -> None:
    path = packed(tmp_path / "bomb.zip", {"cats/1.png": bytes(5_000_000)})
    content = path.read_bytes()
    path.write_bytes(content.replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with opened_tree(path) as tree:
        assert tree.members[0].size == 100
        with pytest.raises(DataError, match=r"each file must be readable\. Got cats/1\.png"):
            tree.read(tree.members[0], limit=10_000)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"no zip at all", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_told_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tree.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"must be a ZIP\. tree\.zip cannot"), opened_tree(tmp_path / "tree.zip"):
        pass


def test_a_damaged_a_locked_and_an_oddly_packed_member_are_named(tmp_path: Path) -> None:
    path = packed(tmp_path / "tree.zip", {"cats/1.png": b"hello hello"}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"hello hello", b"hello hella"))
    with opened_tree(path) as tree, pytest.raises(DataError, match=r"Got cats/1\.png: Bad CRC"):
        tree.read(tree.members[0], limit=100)
    locked = bytearray(content)
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(locked)
    with pytest.raises(DataError, match="must have no password"), opened_tree(path):
        pass
    path = packed(tmp_path / "odd.zip", {"cats/1.png": b"hello hello"}, zipfile.ZIP_LZMA)
    with opened_tree(path) as tree, pytest.raises(DataError, match="must be deflate"):
        tree.read(tree.members[0], limit=100)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/1.png", b"a")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("cats/1.png", b"b")
    with pytest.raises(DataError, match=r"Got cats/1\.png twice"), opened_tree(path):
        pass


def test_a_source_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a readable file"), opened_tree(tmp_path / "none.zip"):
        pass
