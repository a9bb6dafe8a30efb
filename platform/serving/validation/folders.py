"""What a child has written: counted while it runs, and removed, however it is nested.

A child that has been taken over can nest thousands of folders, deeper than a path may be long and
than Python recurses. So nothing here recurses, and what is removed is named within its folder.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from serving.errors import ArtefactError
from serving.reasons import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

logger = logging.getLogger(__name__)

MAX_ENTRIES = 1_000  # files and folders of one child together; a conversion makes a dozen
MAX_DEPTH = 16  # folders within folders; a SavedModel has two
REMOVAL_SECONDS = 10.0
"""Of processor time, for one directory: some ten thousands of folders, or hundreds of thousands of
files. What is left then is for the next sweep. A busy machine takes longer and gets as far."""
FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE = 0o700


def bytes_below(directory: Path) -> int:
    """Of all files; what goes away meanwhile is not counted.

    Raises:
        ArtefactError: file_limit, for too many files, folders too deep, or one that cannot be
            looked into.
    """
    total = entries = 0
    waiting = [(os.fspath(directory), 0)]
    while waiting:
        folder, depth = waiting.pop()
        with _listed(folder) as found:
            for entry in found:
                entries += 1
                if entries > MAX_ENTRIES or depth > MAX_DEPTH:
                    raise _too_many()
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, depth + 1))
                else:
                    with contextlib.suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_size
    return total


@contextlib.contextmanager
def _listed(folder: str) -> Iterator[Iterable[os.DirEntry[str]]]:
    """A folder's entries; none if it is gone by now."""
    try:
        found = os.scandir(folder)
    except FileNotFoundError:
        yield ()
    except OSError:  # its path is too long, or nobody may read it
        raise _too_many() from None
    else:
        with found:
            yield found


def _too_many() -> ArtefactError:
    detail = "The model makes more files and folders than it may."
    return ArtefactError(ReasonCode.FILE_LIMIT, "", detail)


@contextlib.contextmanager
def private_directory(prefix: str) -> Iterator[Path]:
    """A directory of this user alone, which is gone afterwards."""
    directory = Path(mkdtemp(prefix=prefix))
    try:
        yield directory
    finally:
        remove(directory)


def remove(directory: Path) -> None:
    """Remove a directory with all below it, or write into the log why not; follows no link.

    Whoever wrote below it has ended. What cannot be removed in REMOVAL_SECONDS is marked as old,
    so that the next sweep goes on with it.
    """
    try:
        top = os.open(directory, os.O_RDONLY | FOLDER)
        try:
            _empty(top, time.thread_time() + REMOVAL_SECONDS)
        except OSError:
            os.utime(top, (0, 0))
            raise
        finally:
            os.close(top)
        directory.rmdir()
    except OSError:
        logger.exception("%s cannot be removed now", directory)


def _empty(top: int, deadline: float) -> None:
    """Remove all below a directory: down into each folder and up again, one of them open."""
    here = os.dup(top)
    above: list[tuple[str, list[str]]] = []  # names on the way down, and what waits beside each
    waiting = _clear(here, deadline)
    try:
        while waiting or above:
            if waiting:
                name = waiting.pop()
                here = _step(here, name)
                above.append((name, waiting))
                waiting = _clear(here, deadline)
            else:
                name, waiting = above.pop()
                here = _step(here, "..")
                os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)


def _clear(folder: int, deadline: float) -> list[str]:
    """Remove a folder's files; the names of its folders."""
    with os.scandir(folder) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        if time.thread_time() > deadline:
            raise TimeoutError(f"{REMOVAL_SECONDS:g} seconds are over")
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in entries if is_folder]


def _step(here: int, name: str) -> int:
    """Into a folder, and out of this one; whatever its mode was, we may read and change it now."""
    try:
        folder = os.open(name, os.O_RDONLY | FOLDER, dir_fd=here)
    except PermissionError:
        _permit(here, name)
        folder = os.open(name, os.O_RDONLY | FOLDER, dir_fd=here)
    if os.fstat(folder).st_mode & PRIVATE != PRIVATE:
        os.fchmod(folder, PRIVATE)
    os.close(here)
    return folder


def _permit(here: int, name: str) -> None:
    place = os.open(name, os.O_PATH | FOLDER, dir_fd=here)
    try:
        os.chmod(f"/proc/self/fd/{place}", PRIVATE)  # noqa: PTH101 - of this very folder
    finally:
        os.close(place)
