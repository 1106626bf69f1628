"""Run every benchmark but those that take many minutes: benchmarks.robustness and benchmarks.ablation."""

from __future__ import annotations

import os
import platform

from benchmarks import decoding, detection, growth, judge
from benchmarks.dataplane.__main__ import main as dataplane
from benchmarks.federation.__main__ import main as federation


def main() -> None:
    """Print the figures of each of them below what they were measured on."""
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    )
    judge.main()
    decoding.main()
    # Commands end the process when they are through, unless they are told not to.
    growth.main([], standalone_mode=False)
    detection.main([], standalone_mode=False)
    dataplane([], standalone_mode=False)
    federation([], standalone_mode=False)


if __name__ == "__main__":
    main()
