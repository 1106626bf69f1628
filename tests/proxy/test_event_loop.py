from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import asyncio, os
from pathlib import Path
from proxy.event_loop import new_event_loop

async def connect():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.read()
    writer.close()
    server.close()

loop = new_event_loop()
loop.run_until_complete(connect())
print(type(loop).__module__)
print([path.read_text() for path in Path("/proc/self/task").glob("*/comm") if "iou" in path.read_text()])
"""


def test_no_thread_of_the_kernel_looks_for_work() -> None:
    # In a process of its own: libuv looks at its environment only once.
    found = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, timeout=60)
    assert found.stdout.split() == ["uvloop", "[]"]
