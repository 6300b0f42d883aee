"""Bundles as files: what is written is read again, and what is none, or means harm, is refused with its place."""

from __future__ import annotations

import contextlib
import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.errors import RecordingError
from feed.tape.bundle import Bundle, BundleManifest, read_bundle, write_bundle

MANIFEST = BundleManifest(
    format=1,
    version="1.2.3",
    generator=1,
    wire=1,
    market="mine",
    scenario="calm",
    seed=7,
    digest="ab" * 8,
    begins=1_736_121_600_000_000_000,
    shift=0,
    at=1_736_121_660_000_000_000,
)

BUNDLE = Bundle(
    manifest=MANIFEST,
    scenarios={"calm": 'name = "calm"\n', "halt": 'name = "halt"\n'},
    files={"0-day.parquet": b"PAR1" * 100},
    log=({"n": 1, "by": "http", "command": {"action": "mark", "text": "ä"}},),
    faults={"armed": []},
    report={"lines": []},
    traffic={"c1.parquet": b"frames"},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """All of it; equal bundles are equal bytes."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(write_bundle(BUNDLE))
    assert read_bundle(path) == BUNDLE
    assert write_bundle(read_bundle(path)) == path.read_bytes()
    read_bundle(path).unpack(tmp_path / "out")
    assert (tmp_path / "out" / "scenarios" / "halt.toml").read_text() == 'name = "halt"\n'
    assert (tmp_path / "out" / "files" / "0-day.parquet").read_bytes() == b"PAR1" * 100


def packed(*extra: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A bundle with more members than it should have."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in BUNDLE.members():
            archive.writestr(name, content)
        for member, content in extra:
            archive.writestr(member, content)
    return out.getvalue()


def link() -> zipfile.ZipInfo:
    """A member that is a symbolic link."""
    info = zipfile.ZipInfo("files/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: b"no zip", "is no whole bundle"),
        (lambda: write_bundle(BUNDLE)[:-40], "is no whole bundle"),
        (lambda: packed(("../../evil", b"x")), "is nothing that a bundle holds"),
        (lambda: packed(("/etc/evil", b"x")), "is nothing that a bundle holds"),
        (lambda: packed(("files/../../evil", b"x")), "is nothing that a bundle holds"),
        (lambda: packed(("files\\evil", b"x")), "is nothing that a bundle holds"),
        (lambda: packed(("files/.hidden", b"x")), "is nothing that a bundle holds"),
        (lambda: packed(("readme.txt", b"x")), "is nothing that a bundle holds"),
        (lambda: packed((link(), b"/etc/passwd")), "is a link"),
        (lambda: packed(("files/bomb", bytes(64 * 1024 * 1024))), "becomes 67108864 bytes out of"),
        (lambda: packed(("files/x", b"x"), how=zipfile.ZIP_BZIP2), "is packed in a way"),
        (lambda: changed("manifest.json", b"{}"), "manifest.json: format"),
        (lambda: changed("manifest.json", MANIFEST.model_copy(update={"format": 9}).model_dump_json().encode()), "9"),
        (lambda: changed("manifest.json", None), "it is a zip, but no bundle"),
        (lambda: changed("scenarios/calm.toml", None), "scenarios/calm.toml: is missing"),
        (lambda: changed("scenarios/calm.toml", b"\xff"), "is not UTF-8"),
        (lambda: changed("log.jsonl", b'{"n": 1}\n[2]\n'), "log.jsonl:2: is not JSON"),
        (lambda: changed("faults.json", b"{"), "faults.json: is not JSON"),
    ],
)
def test_what_is_refused(tmp_path: Path, make: Callable[[], bytes], told: str) -> None:
    """The message names the place; nothing is written anywhere."""
    path = tmp_path / "bad.zip"
    path.write_bytes(make())
    with pytest.raises(RecordingError, match=told.replace("(", r"\(")):
        read_bundle(path)


def changed(name: str, content: bytes | None) -> bytes:
    """A bundle with one member changed or missing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, known in BUNDLE.members():
            if each != name:
                archive.writestr(each, known)
            elif content is not None:
                archive.writestr(each, content)
    return out.getvalue()


def test_twice_the_same_member(tmp_path: Path) -> None:
    """Which of them would count is nobody's business."""
    path = tmp_path / "bad.zip"
    with pytest.warns(UserWarning, match="Duplicate name"):
        path.write_bytes(packed(("files/0-day.parquet", b"other")))
    with pytest.raises(RecordingError, match="is there twice"):
        read_bundle(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """As any file."""
    with pytest.raises(RecordingError, match="No such file"):
        read_bundle(tmp_path / "none.zip")


@given(data=st.data())
def test_damage_is_told(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Whatever bytes are changed: it is refused with a reason, or what is read is what was written."""
    whole = bytearray(write_bundle(BUNDLE))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(whole)
    with contextlib.suppress(RecordingError):
        # A name may have changed, or a member be missing; no content is another one.
        known = {content for _, content in BUNDLE.members()}
        assert {content for _, content in read_bundle(path).members()} - {b"", b"{}\n"} <= known
