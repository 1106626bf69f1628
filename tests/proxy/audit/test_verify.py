from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.audit.chain import GENESIS, encode, seal
from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE, rotated, rotated_file
from proxy.audit.retention import Retention
from proxy.audit.verify import Damage, Report, verify
from tests.proxy.audit.events import event, journal_lines, write

COUNT = 12


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("original")
    write(directory, COUNT)
    return directory


class Copy:
    """A copy of the journal to tamper with; lines are counted from 1."""

    def __init__(self, original: Path, directory: Path) -> None:
        self.directory = directory
        self.lines = [b"", *journal_lines(original)]
        (directory / HEAD_FILE).write_bytes((original / HEAD_FILE).read_bytes())

    def verify(self) -> Report:
        (self.directory / JOURNAL_FILE).write_bytes(b"".join(self.lines))
        return verify(self.directory)

    def found(self) -> tuple[Damage, int, str]:
        first = self.verify().first
        assert first is not None
        return first.damage, first.line, first.record

    def resealed(self, line: int, **changes: object) -> bytes:
        """The record of a line with members changed and a fresh, correct hash."""
        data = {**msgspec.json.decode(self.lines[line]), **changes}
        sequence, previous = data.pop("sequence"), data.pop("previous")
        data.pop("hash")
        return seal(encode(data), sequence=sequence, previous=previous)[0]

    def reseal_from(self, line: int) -> None:
        """Rewrite all hashes from a line on, as somebody would who knows how the chain is made."""
        for position in range(line, len(self.lines)):
            before = msgspec.json.decode(self.lines[position - 1])["hash"] if position > 1 else GENESIS
            self.lines[position] = self.resealed(position, previous=before)


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Copy:
    return Copy(original, tmp_path)


def name(number: int) -> str:
    return event(number - 1).verdict.id


def test_an_untouched_journal_is_whole(copy: Copy) -> None:
    report = copy.verify()

    assert report.ok
    assert (report.records, report.newest, report.damages, report.incidents) == (COUNT, COUNT, 0, 0)


def test_an_empty_journal_is_whole(tmp_path: Path) -> None:
    write(tmp_path, 0)

    assert verify(tmp_path) == Report()


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workplace")


lines = st.integers(1, COUNT)


@settings(deadline=None)
@given(data=st.data(), line=lines)
def test_any_change_of_a_record_names_that_record(
    original: Path, workplace: Path, data: st.DataObject, line: int
) -> None:
    copy = Copy(original, workplace)
    text = bytearray(copy.lines[line])
    position = data.draw(st.integers(0, len(text) - 2))
    text[position] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[position]))
    copy.lines[line] = bytes(text)

    damage, found, _ = copy.found()

    assert (damage, found) == (Damage.CHANGED, line)


@settings(deadline=None)
@given(line=lines, count=st.integers(1, COUNT))
def test_any_removal_names_the_first_record_that_is_missing(
    original: Path, workplace: Path, line: int, count: int
) -> None:
    copy = Copy(original, workplace)
    del copy.lines[line : line + count]

    assert copy.found() == (Damage.MISSING, line, f"number {line}")


@settings(deadline=None)
@given(line=st.integers(1, COUNT + 1), source=lines)
def test_any_copy_that_was_put_in_is_named(original: Path, workplace: Path, line: int, source: int) -> None:
    copy = Copy(original, workplace)
    copy.lines.insert(line, copy.lines[source])

    damage, found, record = copy.found()

    assert (damage, record) == (Damage.INSERTED, name(source))
    # Of two equal records side by side either is the copy.
    assert found in {line, line + 1} if source == line else found == line


@settings(deadline=None)
@given(pair=st.lists(lines, min_size=2, max_size=2, unique=True).map(sorted))
def test_any_exchange_of_two_records_is_named_where_it_begins(original: Path, workplace: Path, pair: list[int]) -> None:
    copy = Copy(original, workplace)
    first, second = pair
    copy.lines[first], copy.lines[second] = copy.lines[second], copy.lines[first]

    damage, found, _ = copy.found()

    assert (damage in {Damage.MISSING, Damage.INSERTED}, found) == (True, first)


@settings(deadline=None)
@given(line=lines)
def test_a_changed_record_with_a_fresh_hash_of_its_own_is_named(original: Path, workplace: Path, line: int) -> None:
    copy = Copy(original, workplace)
    copy.lines[line] = copy.resealed(line, action="forward")

    assert copy.found() == (Damage.CHANGED, line, name(line))


@settings(deadline=None)
@given(line=lines)
def test_a_forged_record_put_after_the_one_it_imitates_is_named(original: Path, workplace: Path, line: int) -> None:
    copy = Copy(original, workplace)
    copy.lines.insert(line + 1, copy.resealed(line, id="forged"))

    assert copy.found() == (Damage.INSERTED, line + 1, "forged")


@settings(deadline=None)
@given(line=lines)
def test_a_forged_record_that_takes_the_place_of_the_next_is_named(original: Path, workplace: Path, line: int) -> None:
    copy = Copy(original, workplace)
    copy.lines.insert(line, copy.resealed(line, id="forged"))

    assert copy.found() == (Damage.INSERTED, line, "forged")


@settings(deadline=None)
@given(line=lines, number=st.integers(0, 30))
def test_a_record_with_another_number_is_named(original: Path, workplace: Path, line: int, number: int) -> None:
    if number == line:
        return
    copy = Copy(original, workplace)
    copy.lines[line] = copy.resealed(line, sequence=number)

    first = copy.verify().first
    assert first is not None
    assert first.line == line


@settings(deadline=None)
@given(line=lines, text=st.binary(max_size=40).filter(lambda data: b"\n" not in data))
def test_text_put_between_records_is_named(original: Path, workplace: Path, line: int, text: bytes) -> None:
    copy = Copy(original, workplace)
    copy.lines.insert(line, text + b"\n")

    assert copy.found() == (Damage.INSERTED, line, f"line {line}")


@settings(deadline=None)
@given(line=lines)
def test_a_chain_that_was_made_anew_from_a_record_on_is_shown_by_the_head(
    original: Path, workplace: Path, line: int
) -> None:
    copy = Copy(original, workplace)
    copy.lines[line] = copy.resealed(line, action="forward")
    copy.reseal_from(line)

    assert copy.found() == (Damage.CHANGED, COUNT, name(COUNT))


def test_cut_off_records_are_shown_by_the_head_even_in_mid_line(copy: Copy) -> None:
    copy.lines[COUNT] = copy.lines[COUNT][:-30]

    report = copy.verify()

    assert report.first is not None
    assert (report.first.damage, report.first.record) == (Damage.MISSING, f"number {COUNT}")
    assert report.unfinished_bytes == len(copy.lines[COUNT])


def test_without_a_head_nobody_can_tell_and_that_is_said(copy: Copy) -> None:
    (copy.directory / HEAD_FILE).unlink()

    assert copy.found() == (Damage.MISSING, COUNT + 1, "journal.head")


def test_a_record_that_is_just_being_written_is_no_damage(copy: Copy) -> None:
    copy.lines.append(b'{"sequence":13,"ki')

    report = copy.verify()

    assert (report.ok, report.unfinished_bytes, report.records) == (True, 18, COUNT)


def test_a_journal_may_be_ahead_of_the_head_that_was_read_first(copy: Copy) -> None:
    copy.verify()
    head = (copy.directory / HEAD_FILE).read_bytes()
    write(copy.directory, 3, first=COUNT)
    (copy.directory / HEAD_FILE).write_bytes(head)

    assert verify(copy.directory).newest == COUNT + 3
    assert verify(copy.directory).ok


@pytest.mark.parametrize("change", ["torn text", "account"])
def test_torn_text_is_accepted_only_as_the_journal_accounted_for_it(tmp_path: Path, change: str) -> None:
    write(tmp_path, 3)
    path = tmp_path / JOURNAL_FILE
    path.write_bytes(path.read_bytes() + b"torn")
    write(tmp_path, 3, first=3)
    assert verify(tmp_path).ok
    assert verify(tmp_path).incidents == 1

    data = path.read_bytes()
    if change == "torn text":
        path.write_bytes(data.replace(b"torn\n", b"tore\n"))
    else:
        path.write_bytes(data.replace(b"torn\n", b""))

    report = verify(tmp_path)
    assert report.first is not None
    assert report.first.line == 4


def test_the_first_damage_is_named_and_the_others_are_counted(copy: Copy) -> None:
    for line in (9, 3):
        copy.lines[line] = copy.lines[line].replace(b"block", b"bluck")
    del copy.lines[6]

    report = copy.verify()

    assert report.first is not None
    assert (report.first.line, report.first.record, report.damages) == (3, name(3), 3)


@settings(deadline=None)
@given(st.lists(st.integers(0, COUNT), max_size=30))
def test_any_selection_of_lines_other_than_all_in_order_is_damaged(
    original: Path, workplace: Path, selection: list[int]
) -> None:
    copy = Copy(original, workplace)
    chosen = [b"", *(copy.lines[index] for index in selection if index)]
    whole = chosen == copy.lines
    copy.lines = chosen

    assert copy.verify().ok == whole


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of several files."""
    directory = tmp_path_factory.mktemp("files")
    write(directory, COUNT, retention=Retention(file_bytes=3000))
    assert len(rotated(directory)) >= 3
    return directory


def laid_out(source: Path, target: Path) -> list[Path]:
    """Copy a journal; return its files, oldest first."""
    for path in target.iterdir():
        path.unlink()
    for path in source.iterdir():
        shutil.copy2(path, target)
    return [*rotated(target), target / JOURNAL_FILE]


def test_rotated_files_are_one_chain(files: Path) -> None:
    report = verify(files)
    assert (report.ok, report.records, report.newest) == (True, COUNT, COUNT)


@settings(deadline=None)
@given(data=st.data())
def test_a_change_in_a_rotated_file_is_named_with_file_and_line(
    files: Path, workplace: Path, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(laid_out(files, workplace)))
    lines = path.read_bytes().splitlines(keepends=True)
    line = data.draw(st.integers(1, len(lines)))
    lines[line - 1] = lines[line - 1].replace(b"block", b"bluck", 1)
    path.write_bytes(b"".join(lines))

    first = verify(workplace).first
    assert first is not None
    assert (first.damage, first.file, first.line) == (Damage.CHANGED, path.name, line)


@settings(deadline=None)
@given(data=st.data())
def test_a_rotated_file_that_was_taken_out_is_missed(files: Path, workplace: Path, data: st.DataObject) -> None:
    paths = laid_out(files, workplace)
    index = data.draw(st.integers(0, len(paths) - 2))
    sequence = msgspec.json.decode(paths[index].read_bytes().splitlines()[0])["sequence"]
    paths[index].unlink()

    first = verify(workplace).first
    assert first is not None
    assert (first.damage, first.file, first.line) == (Damage.MISSING, paths[index + 1].name, 1)
    assert first.record == f"number {sequence}"


def test_files_that_were_exchanged_or_cut_are_named(files: Path, workplace: Path) -> None:
    first, second, *_ = laid_out(files, workplace)
    aside = workplace / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    found = verify(workplace).first
    assert found is not None
    assert found.file == first.name

    first, second, *_ = laid_out(files, workplace)
    first.write_bytes(b"".join(first.read_bytes().splitlines(keepends=True)[:-1]))
    found = verify(workplace).first
    assert found is not None
    assert (found.damage, found.file, found.line) == (Damage.MISSING, second.name, 1)


def test_more_removed_than_the_record_of_it_says_is_missed(tmp_path: Path) -> None:
    write(tmp_path, 6, retention=Retention(file_bytes=1))
    write(tmp_path, 6, first=6, retention=Retention(file_bytes=1, keep_bytes=9000))
    assert verify(tmp_path).ok
    kept = rotated(tmp_path)
    assert kept[0].name != rotated_file(1)
    kept[0].unlink()
    found = verify(tmp_path).first
    assert found is not None
    assert (found.damage, found.file, found.line) == (Damage.MISSING, kept[1].name, 1)
    assert found.record == f"number {int(kept[0].name[8:24])}"


def test_a_first_record_that_does_not_follow_what_was_removed_is_named(tmp_path: Path) -> None:
    write(tmp_path, 6, retention=Retention(file_bytes=1))
    write(tmp_path, 6, first=6, retention=Retention(file_bytes=1, keep_bytes=9000))
    path = rotated(tmp_path)[0]
    data = msgspec.json.decode(path.read_bytes())
    sequence = data.pop("sequence")
    for name in ("previous", "hash"):
        del data[name]
    path.write_bytes(seal(encode(data), sequence=sequence, previous=GENESIS)[0])
    found = verify(tmp_path).first
    assert found is not None
    assert (found.damage, found.file, found.line) == (Damage.CHANGED, path.name, 1)


def test_what_was_signed_shows_a_chain_that_was_written_anew_with_its_head(copy: Copy) -> None:
    signed = {number: msgspec.json.decode(copy.lines[number])["hash"] for number in (4, 9)}
    copy.verify()
    assert verify(copy.directory, signed).ok
    copy.lines[6] = copy.resealed(6, action="forward")
    copy.reseal_from(6)
    newest = msgspec.json.decode(copy.lines[COUNT])
    head = msgspec.json.encode({"sequence": COUNT, "hash": newest["hash"]})
    (copy.directory / HEAD_FILE).write_bytes(head)
    assert copy.verify().ok

    found = verify(copy.directory, signed).first
    assert found is not None
    assert (found.damage, found.line, found.record) == (Damage.CHANGED, 9, name(9))
    assert "one after number 4 was written anew" in found.message


def test_what_was_signed_shows_records_that_were_cut_off_with_the_head(copy: Copy) -> None:
    signed = {9: msgspec.json.decode(copy.lines[9])["hash"]}
    del copy.lines[8:]
    seventh = msgspec.json.decode(copy.lines[7])
    (copy.directory / HEAD_FILE).write_bytes(msgspec.json.encode({"sequence": 7, "hash": seventh["hash"]}))
    assert copy.verify().ok

    found = verify(copy.directory, signed).first
    assert found is not None
    assert (found.damage, found.line, found.record) == (Damage.MISSING, 8, "number 8")
