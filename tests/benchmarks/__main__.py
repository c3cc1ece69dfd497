"""Prints all figures: python -m tests.benchmarks [--large]. Judges nothing."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def main() -> None:
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        print(f"\n{path.stem}", flush=True)
        import_module(f"tests.benchmarks.{path.stem}").main()


if __name__ == "__main__":
    main()
