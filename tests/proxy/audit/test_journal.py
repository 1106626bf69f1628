from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from proxy.audit import reader
from proxy.audit.event import Detail, Kind, Notice
from proxy.audit.journal import Journal, JournalError, JournalFull
from proxy.audit.layout import JOURNAL_FILE
from proxy.audit.verify import verify
from tests.policy.calls import NOW
from tests.proxy.audit.events import event, journal_lines, records, start_notice, write
from tests.waiting import PATIENCE, eventually

ROOT = Path(__file__).parents[3]


class Held(Mapping[str, Detail]):
    """Details that the writer cannot read before it is let go: a disk that takes its time."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def __getitem__(self, key: str) -> Detail:
        raise KeyError(key)

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        self.reached.set()
        assert self.released.wait(20)
        return iter(())


def stuck(journal: Journal) -> Held:
    """Bring the writer to a halt with an empty queue behind it."""
    held = Held()
    journal.append(Notice(kind=Kind.START, time=NOW, sentence="held", details=held))
    assert held.reached.wait(20)
    return held


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_events_are_written_in_the_order_they_came(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(start_notice())
    for number in range(1500):
        journal.append(event(number))
    journal.close(timeout=30)

    written = records(tmp_path)
    assert [each.get("id") for each in written] == [None, *(event(number).verdict.id for number in range(1500))]
    assert (journal.written, journal.lost, journal.pending, journal.failing) == (1501, 0, 0, False)
    assert journal.sequence == 1501
    assert verify(tmp_path).ok


def test_an_event_is_on_disk_soon_after_it_came(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(event())
    eventually(lambda: journal_lines(tmp_path))
    assert records(tmp_path)[0]["id"] == event().verdict.id
    journal.close(timeout=30)


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    for first in (0, 10, 20):
        write(tmp_path, 10, first=first)

    report = verify(tmp_path)
    assert (report.ok, report.records, report.incidents) == (True, 30, 0)


async def test_handing_over_never_waits_for_the_disk_and_a_full_queue_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path, capacity=100, linger=0)
    held = stuck(journal)
    ticks = 0

    async def ticking() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(ticking())
    began = time.monotonic()
    for number in range(100):
        journal.append(event(number))
        await asyncio.sleep(0)
    with pytest.raises(JournalFull, match="100 events wait"):
        journal.append(event(100))
    took = time.monotonic() - began
    other.cancel()

    assert ticks >= 100
    assert took < PATIENCE
    assert journal.pending == 100
    held.released.set()
    await asyncio.to_thread(journal.close, 30)
    assert journal.written == 101
    assert verify(tmp_path).ok


def test_room_again_means_that_events_are_taken_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, capacity=1, linger=0)
    held = stuck(journal)
    journal.append(event(1))
    with pytest.raises(JournalFull):
        journal.append(event(2))
    held.released.set()
    eventually(lambda: journal.written == 2)
    journal.append(event(3))
    journal.close(timeout=30)
    assert [each.get("id") for each in records(tmp_path)[1:]] == [event(1).verdict.id, event(3).verdict.id]


def test_many_threads_may_hand_over_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    def hand_over(first: int) -> None:
        for number in range(first, first + 200):
            journal.append(event(number))

    threads = [threading.Thread(target=hand_over, args=(first,)) for first in range(0, 1000, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close(timeout=30)

    assert {each["id"] for each in records(tmp_path)} == {event(number).verdict.id for number in range(1000)}
    assert verify(tmp_path).ok


def test_a_closed_journal_takes_nothing_and_closes_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(event())
    journal.close(timeout=30)
    journal.close(timeout=30)

    with pytest.raises(JournalError, match="closed"):
        journal.append(event())
    assert len(journal_lines(tmp_path)) == 1


def test_closing_says_what_the_disk_has_not_taken_in_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path, linger=0)
    held = stuck(journal)
    journal.append(event())

    with pytest.raises(JournalError, match=r"events left to write after 0\.05 s"):
        journal.close(timeout=0.05)
    held.released.set()
    journal.close(timeout=30)
    assert len(journal_lines(tmp_path)) == 2


def test_an_event_that_cannot_be_encoded_costs_itself_only_and_is_reported(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    broken = {"thing": object()}
    journal.append(Notice(kind=Kind.START, time=NOW, sentence="x", details=broken))  # type: ignore[arg-type]
    journal.append(event())
    journal.close(timeout=30)

    kinds = [(each["kind"], each.get("details")) for each in records(tmp_path)]
    assert [kind for kind, _ in kinds] == ["loss", "verdict"]
    assert kinds[0][1] == {"lost": 1, "cause": journal.last_error}
    assert (journal.lost, journal.written) == (1, 1)


FULL_DISK = """
    import resource, sys, time
    from pathlib import Path
    from proxy.audit.journal import Journal
    from tests.proxy.audit.events import event

    directory = Path(sys.argv[1])
    journal = Journal(directory, linger=0)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))

    def hand_over(first, count):
        for number in range(first, first + count):
            journal.append(event(number))
        while journal.written + journal.lost < first + count:
            time.sleep(0.001)

    for first in range(0, 60, 3):
        hand_over(first, 3)
    assert journal.failing and journal.last_error, (journal.written, journal.lost)
    lost = journal.lost
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    hand_over(60, 3)
    assert not journal.failing and journal.last_error and journal.lost == lost
    journal.close(30)
    print(journal.written, journal.lost)
"""


@pytest.mark.parametrize("limit", [1, 5000, 20_001, 33_333])
def test_on_a_full_disk_the_gateway_goes_on_and_the_log_later_says_what_it_lost(tmp_path: Path, limit: int) -> None:
    *said, figures = run(FULL_DISK, str(tmp_path), str(limit)).stdout.splitlines()
    written, lost = map(int, figures.split())
    assert sum("the audit log cannot be written" in line for line in said) == 1, "one alarm, not one for each record"
    assert f"the audit log is written again lost={lost}" in said[-1]

    assert written + lost == 63
    assert lost > 0
    found = records_that_are_whole(tmp_path)
    losses = [each for each in found if each["kind"] == "loss"]
    assert sum(int(str(_details(each)["lost"])) for each in losses) == lost
    assert _details(losses[-1])["cause"] == "File too large"
    assert len(found) - len(losses) == written
    assert [each["id"] for each in found[-3:]] == [event(number).verdict.id for number in (60, 61, 62)]
    report = verify(tmp_path)
    assert report.ok
    assert report.incidents == len(losses)


FULL_FILE_SYSTEM = """
    import os, sys, time
    from pathlib import Path
    from proxy.audit.journal import Journal
    from proxy.audit.keys import SigningKey
    from proxy.audit.log import verify
    from proxy.audit.notary import Notary
    from proxy.audit.retention import Retention
    from proxy.audit.trail import AuditTrail
    from tests.policy.calls import NOW
    from tests.proxy.audit.events import event

    directory = Path(sys.argv[1])
    key = SigningKey.of(directory / "key")
    journal = Journal(directory, linger=0, clock=lambda: NOW, retention=Retention(file_bytes=50_000))
    notary = Notary(directory, key, AuditTrail(journal, lambda: NOW), clock=lambda: NOW)
    notary.sign()
    ballast = directory / "ballast"
    ballast.write_bytes(bytes(300_000))
    slowest = 0.0

    def hand_over(first, count):
        global slowest
        for number in range(first, first + count):
            begun = time.perf_counter()
            journal.append(event(number))
            slowest = max(slowest, time.perf_counter() - begun)
            while journal.written + journal.lost <= number - first:
                time.sleep(0.0005)

    hand_over(0, 400)
    assert journal.failing and journal.last_error == "No space left on device", journal.last_error
    lost = journal.lost
    assert 0 < lost < 400
    notary.sign()
    assert notary.problem is None, notary.problem
    ballast.unlink()
    journal.append(event(400))
    journal.close(30)
    notary.sign()
    assert journal.lost - lost in (0, 1)  # what the notary had to say may have come while there was no room yet
    lost = journal.lost
    assert verify(directory, key.public).ok
    losses = [line for path in directory.glob("journal*.jsonl") for line in path.open() if '"kind":"loss"' in line]
    print(lost, sum(int(line.split('"lost":')[1].split(",")[0]) for line in losses))
"""


def test_on_a_full_file_system_heads_are_signed_files_rotated_and_the_loss_told_once_there_is_room(
    tmp_path: Path,
) -> None:
    mounted = f'mount -t tmpfs -o size=600k,mode=700 none {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, textwrap.dedent(FULL_FILE_SYSTEM)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lost, told = map(int, done.stdout.splitlines()[-1].split())
    assert lost == told > 0


def _details(record: dict[str, object]) -> dict[str, object]:
    details = record["details"]
    assert isinstance(details, dict)
    return details


def records_that_are_whole(directory: Path) -> list[dict[str, object]]:
    return [record.data for record in reader.newest(directory, 1_000_000)]


KILLED = """
    import itertools, sys
    from pathlib import Path
    from proxy.audit.journal import Journal, JournalFull
    from tests.proxy.audit.events import event

    journal = Journal(Path(sys.argv[1]), linger=0)
    for number in itertools.count():
        try:
            journal.append(event(number))
        except JournalFull:
            pass
"""


def test_after_sigkill_in_mid_write_the_chain_goes_on(tmp_path: Path) -> None:
    for _ in range(3):
        before = (tmp_path / JOURNAL_FILE).stat().st_size if (tmp_path / JOURNAL_FILE).exists() else 0
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], cwd=ROOT)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                if (tmp_path / JOURNAL_FILE).exists() and (tmp_path / JOURNAL_FILE).stat().st_size > before + 300_000:
                    break
                time.sleep(0.01)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        killed = verify(tmp_path)
        assert killed.ok
        assert killed.records > 100

        write(tmp_path, 1)

        report = verify(tmp_path)
        assert report.ok
        assert report.unfinished_bytes == 0
        assert report.records > killed.records
