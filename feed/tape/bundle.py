"""Bundles: one zip with all that a market's bytes follow from, and with what happened to its clients.

    manifest.json       version, market, seed and digest; what the market was made with
    scenarios/NAME.toml every scenario that was played, with what it includes
    files/NAME          recordings and other files that they play, by content
    log.jsonl           the commands, one a line
    faults.json         which faults were armed, and what was done
    report.json         what the clients did
    traffic/NAME        both directions of each connection

A bundle may come from anywhere, so reading trusts nothing: names are of these forms alone, and sizes have limits.
"""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feed.errors import RecordingError, failure

__all__ = ["BUNDLE_FORMAT", "MAX_CONTENT", "Bundle", "BundleManifest", "read_bundle", "write_bundle"]

BUNDLE_FORMAT = 1

MAX_CONTENT = 512 * 1024 * 1024
"""The most bytes that a bundle holds, unpacked."""

MAX_DOCUMENT = 64 * 1024 * 1024
"""The most bytes of one document, unpacked; files and traffic may be as large as the whole."""

MAX_MEMBERS = 5000

MAX_RATIO = 200
"""The most times that a large member may be longer unpacked: ours are a tenth of that, and zip bombs far more."""

RATIO_FROM = 1024 * 1024
"""Bytes from which on the ratio is looked at."""

NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,126}"

MANIFEST, LOG, FAULTS, REPORT = "manifest.json", "log.jsonl", "faults.json", "report.json"

_MEMBER = re.compile(rf"(?:{MANIFEST}|{LOG}|{FAULTS}|{REPORT}|scenarios/{NAME}\.toml|files/{NAME}|traffic/{NAME})")

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of each member: equal markets have equal bundles."""


class BundleManifest(BaseModel):
    """What made the bundle, and what its market was made with; times in ns."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    format: int = Field(description="Version of the bundle's own form", ge=1)
    version: str = Field(max_length=64, description="Version of feed")
    generator: int = Field(description="Version of the generator")
    wire: int = Field(description="Version of the frames")
    market: str = Field(max_length=64, description="Name of the market")
    scenario: str = Field(max_length=200, description="Name of the scenario of its first epoch")
    seed: int = Field(ge=0, description="Seed of its first epoch")
    digest: str = Field(max_length=64, description="Digest of its first epoch")
    begins: int = Field(description="Market time at which it begins")
    shift: int = Field(description="What is added to market time for the time that clients see")
    end: int | None = Field(None, description="Market time at which it ends")
    at: int = Field(description="Market time at which it stood when the bundle was made")
    own: bool = Field(True, description="Whether it played the server's own scenario")
    speed: str = Field("1", max_length=32, description="Speed that it was made with")
    paused: bool = Field(False, description="Whether it was made standing still")
    wait_for: int = Field(0, ge=0, description="Subscribers that it waited for")
    faults: str | list[dict[str, Any]] | None = Field(None, description="Faults that it was made with")
    commands: int = Field(0, ge=0, description="Number of its last command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Content of a bundle.

    Attributes:
        manifest: what made it.
        scenarios: each scenario's text, by name.
        files: the content of each file that the scenarios play, by name.
        log: the commands, as the log has them.
        faults: what was armed and done.
        report: what the clients did.
        traffic: recordings of the connections, by name.
    """

    manifest: BundleManifest
    scenarios: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    log: tuple[dict[str, Any], ...] = ()
    faults: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    traffic: Mapping[str, bytes] = field(default_factory=dict)

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of every member, in order."""
        yield MANIFEST, _json(self.manifest.model_dump())
        for name, text in sorted(self.scenarios.items()):
            yield f"scenarios/{name}.toml", text.encode()
        yield LOG, b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in self.log)
        yield FAULTS, _json(self.faults)
        yield REPORT, _json(self.report)
        for folder, contents in (("files", self.files), ("traffic", self.traffic)):
            for name, content in sorted(contents.items()):
                yield f"{folder}/{name}", content

    def unpack(self, folder: Path) -> None:
        """Write scenarios and files into a folder, as they lie beside each other."""
        for kind in ("scenarios", "files"):
            (folder / kind).mkdir(parents=True)
        for name, text in self.scenarios.items():
            (folder / "scenarios" / f"{name}.toml").write_text(text, encoding="utf-8")
        for name, content in self.files.items():
            (folder / "files" / name).write_bytes(content)


def write_bundle(bundle: Bundle) -> bytes:
    """Return a bundle as a zip; equal bundles are equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in bundle.members():
            assert _MEMBER.fullmatch(name), name
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return out.getvalue()


def read_bundle(path: Path) -> Bundle:
    """Read a bundle.

    Raises:
        RecordingError: it cannot be read, is none, or holds what no bundle of ours holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = dict(_checked(path, archive))
            return _bundle(path, {name: _content(path, archive, info) for name, info in members.items()})
    except OSError as error:
        raise failure(path, "", f"cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise failure(path, "", f"is no whole bundle: {error}", "GET /markets/NAME/bundle gives one") from None


def _checked(path: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Yield the members that may be read; raise RecordingError for any that a bundle does not have."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise failure(path, "", f"has {len(infos)} members", f"a bundle has at most {MAX_MEMBERS}")
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        if info.orig_filename != name or not _MEMBER.fullmatch(name):
            raise failure(path, name[:80], "is nothing that a bundle holds", "the zip was not made by feed")
        if name in seen:
            raise failure(path, name, "is there twice")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG) or info.flag_bits & 1:
            raise failure(path, name, "is a link, or encrypted", "the zip was not made by feed")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise failure(path, name, "is packed in a way that no bundle is", "the zip was not made by feed")
        seen.add(name)
        yield name, info
    whole = sum(info.file_size for info in infos)
    if whole > MAX_CONTENT:
        raise failure(path, "", f"is {whole} bytes long unpacked", f"a bundle is at most {MAX_CONTENT}")


def _content(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    is_document = "/" not in info.filename or info.filename.startswith("scenarios/")
    if is_document and info.file_size > MAX_DOCUMENT:
        raise failure(path, info.filename, f"is {info.file_size} bytes long", f"at most {MAX_DOCUMENT}")
    if info.file_size > max(RATIO_FROM, MAX_RATIO * info.compress_size):
        raise failure(path, info.filename, f"becomes {info.file_size} bytes out of {info.compress_size}")
    # The declared size is what is read at most: zipfile stops there, and checks the sum.
    return archive.read(info)


def _bundle(path: Path, contents: dict[str, bytes]) -> Bundle:
    if MANIFEST not in contents:
        raise failure(path, MANIFEST, "is missing", "it is a zip, but no bundle")
    try:
        manifest = BundleManifest.model_validate_json(contents[MANIFEST])
    except ValidationError as error:
        first = error.errors()[0]
        raise failure(path, f"{MANIFEST}: {'.'.join(map(str, first['loc']))}", first["msg"]) from None
    if manifest.format > BUNDLE_FORMAT:
        hint = f"feed {manifest.version} made it; this one reads up to {BUNDLE_FORMAT}"
        raise failure(path, MANIFEST, f"has the format {manifest.format}", hint)
    scenarios = {
        name.partition("/")[2].removesuffix(".toml"): _text(path, name, raw)
        for name, raw in _within(contents, "scenarios")
    }
    if manifest.scenario not in scenarios and f"files/{manifest.scenario}" not in contents:
        raise failure(path, f"scenarios/{manifest.scenario[:64]}.toml", "is missing")
    return Bundle(
        manifest=manifest,
        scenarios=scenarios,
        files={name.partition("/")[2]: raw for name, raw in _within(contents, "files")},
        log=tuple(_object(path, f"{LOG}:{n}", raw) for n, raw in enumerate(contents.get(LOG, b"").splitlines(), 1)),
        faults=_object(path, FAULTS, contents.get(FAULTS, b"{}")),
        report=_object(path, REPORT, contents.get(REPORT, b"{}")),
        traffic={name.partition("/")[2]: raw for name, raw in _within(contents, "traffic")},
    )


def _within(contents: dict[str, bytes], folder: str) -> list[tuple[str, bytes]]:
    return [(name, raw) for name, raw in contents.items() if name.startswith(f"{folder}/")]


def _text(path: Path, where: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise failure(path, where, f"is not UTF-8 text (byte {error.start})") from None


def _object(path: Path, where: str, raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, where, str(error)) from None
    if not isinstance(found, dict):
        raise _unreadable(path, where, "it is no object")
    return found


def _unreadable(path: Path, where: str, reason: str) -> RecordingError:
    return failure(path, where, f"is not JSON: {reason[:200]}")


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"
