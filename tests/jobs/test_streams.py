"""Files read while they are written: complete or abandoned, and neither side waits for one that is gone."""

import os
import shutil
from io import BytesIO
from typing import BinaryIO

import pytest

from jobs.streams import AbandonedError, streamed


class RefusedError(Exception):
    """An error of a storage."""


def test_written_bytes_are_read_in_pieces_of_the_requested_size() -> None:
    content, read = os.urandom(1_000_003), list[bytes]()

    def take(file: BinaryIO) -> None:
        while block := file.read(300_000):
            read.append(block)

    with streamed(take) as target:
        for start in range(0, len(content), 7000):
            target.write(content[start : start + 7000])
    assert b"".join(read) == content
    assert [len(block) for block in read] == [300_000, 300_000, 300_000, 100_003]


def test_the_reader_gets_an_error_instead_of_an_end_if_the_writer_fails() -> None:
    errors = list[type]()
    taken = BytesIO()

    def take(file: BinaryIO) -> None:
        try:
            shutil.copyfileobj(file, taken)
        except AbandonedError as error:
            errors.append(type(error))
            raise

    def fail() -> None:
        with streamed(take) as target:
            target.write(b"the beginning")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert errors == [AbandonedError]
    assert taken.getvalue() == b""


@pytest.mark.parametrize("read_before", [0, 100_000])
def test_a_reader_that_fails_ends_the_writing_with_its_error(read_before: int) -> None:
    def take(file: BinaryIO) -> None:
        file.read(read_before)
        raise RefusedError

    written = list[int]()

    def write() -> None:
        with streamed(take) as target:
            written.extend(target.write(bytes(50_000)) for _ in range(100))

    with pytest.raises(RefusedError):
        write()
    assert len(written) < 100


def test_a_reader_that_fails_at_the_end_fails_the_whole() -> None:
    def take(file: BinaryIO) -> None:
        file.read()
        raise RefusedError

    with pytest.raises(RefusedError), streamed(take) as target:
        target.write(b"all of it")


def test_the_readers_error_is_not_lost_in_what_a_library_makes_of_the_broken_pipe() -> None:
    def take(file: BinaryIO) -> None:
        raise RefusedError

    def write() -> None:
        with streamed(take) as target:
            try:
                target.write(bytes(5_000_000))
            except OSError as error:
                raise ValueError("the archive could not be closed") from error

    with pytest.raises(RefusedError):
        write()


def test_a_process_that_is_to_end_ends() -> None:
    def end() -> None:
        with streamed(lambda file: file.read()) as target:
            target.write(b"the beginning")
            raise SystemExit

    with pytest.raises(SystemExit):
        end()
