"""docs/schemes.md and its pictures are those that the engine's cards give."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from clps_core.schemes import SCHEMES
from docs.make_schemes import FOLDER, PICTURES, files

MADE = files()


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_the_page_and_its_pictures_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf8") == MADE[path], "run 'make schemes'"


def test_every_scheme_has_one_well_formed_picture_and_no_other_lies_about() -> None:
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(SCHEMES)
    for path in PICTURES.glob("*.svg"):
        root = ElementTree.fromstring(path.read_text(encoding="utf8"))
        assert root.get("role") == "img"
        assert root.findtext("{http://www.w3.org/2000/svg}title")


def test_every_link_of_the_page_leads_somewhere() -> None:
    text = MADE[FOLDER / "schemes.md"]
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert len(headings) == len(set(headings))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif "://" not in target:
            assert (FOLDER / target).exists()
