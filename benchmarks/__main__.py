"""Run every benchmark."""

from __future__ import annotations

import os
import platform

from benchmarks import judge


def main() -> None:
    """Print the figures of every benchmark below what they were measured on."""
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    )
    judge.main()


if __name__ == "__main__":
    main()
