"""Run of an export: a recording in, files out, which get their names once all of them are complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from feed.errors import FeedError, UsageError
from feed.exporting.rows import ExportRows
from feed.exporting.target import ExportOptions, ExportTarget, Written
from feed.exporting.targets import target_of
from feed.importing.options import Options
from feed.importing.running import check_files, import_files
from feed.tape.export import written_whole
from feed.tape.reader import RecordingReader, is_recording, open_recording
from feed.tape.slices import Slice

__all__ = ["export_file"]

Chooser = Callable[[RecordingReader], Slice]


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be written, and where."""

    target: ExportTarget
    out: Path
    options: ExportOptions
    force: bool


def export_file(
    target: str,
    path: Path,
    out: Path,
    *,
    chosen: Chooser | None = None,
    options: ExportOptions | None = None,
    force: bool = False,
) -> Written:
    """Write a recording, or any file that `feed import` knows by itself, for another program.

    Args:
        target: one of `feed.exporting.targets.TARGETS`.
        out: a file that ends as the target's do, or a folder, for a target of several files.
        chosen: chooses the slice, once the recording is open; else all of it.
        force: replace files that are there.

    Raises:
        UsageError: options or names do not fit, or there is nothing to write.
        RecordingError: the recording cannot be read.
        FeedError: the files cannot be written.
    """
    order = _Order(target_of(target), out, options or ExportOptions(), force)
    _check(order)
    check_files([path])
    try:
        if is_recording(path):
            return _exported(path, order, chosen)
        with tempfile.TemporaryDirectory(prefix="feed-", ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "imported.parquet"
            report = import_files("auto", [path], made, options=Options())
            done = _exported(made, order, chosen)
        done.notes[:0] = report.notes
        return done
    except OSError as error:
        raise FeedError(f"{out} cannot be written: {error.strerror or error}") from error


def _exported(path: Path, order: _Order, chosen: Chooser | None) -> Written:
    with open_recording(path) as reader:
        rows = ExportRows(reader, Slice() if chosen is None else chosen(reader))
        if order.target.suffixes:
            return _to_file(rows, order)
        return _to_folder(rows, order)


def _to_file(rows: ExportRows, order: _Order) -> Written:
    with written_whole(order.out) as part:
        # The suffix says how it is packed.
        named = part.with_name(f"{part.name}{_suffix(order)}")
        try:
            done = order.target.write(rows, named, order.options)
            named.replace(part)
        finally:
            named.unlink(missing_ok=True)
    return done


def _to_folder(rows: ExportRows, order: _Order) -> Written:
    out = order.out
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    try:
        done = order.target.write(rows, part, order.options)
        made = sorted(each.relative_to(part) for each in part.rglob("*") if each.is_file())
        there = next((out / each for each in made if (out / each).exists()), None)
        if there is not None and not order.force:
            raise UsageError(f"{there} is there already; --force replaces it")
        for each in made:
            (out / each).parent.mkdir(parents=True, exist_ok=True)
            (part / each).replace(out / each)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done


def _suffix(order: _Order) -> str:
    fitting = [each for each in order.target.suffixes if order.out.name.lower().endswith(each)]
    return max(fitting, key=len, default="")


def _check(order: _Order) -> None:
    target, out = order.target, order.out
    for name in ExportOptions.__dataclass_fields__:
        if getattr(order.options, name) is not None and name not in target.options:
            raise UsageError(f"--{name} is of no use for {target.name}")
    if target.suffixes:
        if not _suffix(order):
            raise UsageError(
                f"{out} names no kind of file that {target.name} writes; end it with {', '.join(target.suffixes)}"
            )
        if out.is_dir():
            raise UsageError(f"{out} is a folder")
        if out.exists() and not order.force:
            raise UsageError(f"{out} is there already; --force replaces it")
    elif out.is_file():
        raise UsageError(f"{out} is a file, and {target.name} writes a folder of files")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {out.absolute().parent}")
