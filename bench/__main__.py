"""Run the benchmarks, all or those named (`python -m bench desk`), and say how many there were."""

import importlib
import pkgutil
import sys

import bench


def main() -> None:
    """Call `main()` of every benchmark module; each prints its own lines."""
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg)
    if unknown := set(sys.argv[1:]) - set(names):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    names = [name for name in names if name in (sys.argv[1:] or names)]
    for name in names:
        print(f"== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    print(f"{len(names)} benchmarks")


if __name__ == "__main__":
    main()
