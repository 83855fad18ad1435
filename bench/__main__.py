"""Run the benchmarks and say how many there were."""

import importlib
import pkgutil

import bench


def main() -> None:
    """Call `main()` of every benchmark module; each prints its own lines."""
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))
    for name in names:
        print(f"== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    print(f"{len(names)} benchmarks")


if __name__ == "__main__":
    main()
