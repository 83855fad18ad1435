"""What a probe costs, beside `git ls-remote --heads` in the same run, and that no host holds us longer than agreed."""

import os
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.rig import hosts, lab, report
from bench.rig.lab import Sample, ask, new_client, timed
from common.transport import client as transport

SIZES = [1, 1_000, 100_000, *([1_000_000] if os.environ.get("BIG") == "1" else [])]
RTT = 0.05
DELAY = """### With 50 ms of delay, 100,000 branches

A relay in user space (`bench/rig/relay.py`): the handshake is stood for by one round trip, slow start by ten packets
that double; no loss, no limit of bandwidth. The real backend starts two processes for each question, which on a busy
machine is most of what is above the line's own time.

"""
NEXT_TO_SLOW_HOSTS = """### One slow host never delays others

20 healthy probes at 4 hosts beside 8 dripping hosts, with all limits of politeness: the last healthy answer after
{healthy:.2f} s, the last dripping host given up after {last:.1f} s.
"""
Rows = list[list[str]]


def main() -> None:
    """Run all parts, print them and write docs/benchmarks.md."""
    bars: Rows = []
    command = "`BIG=1 make bench`" if len(SIZES) > 3 else "`make bench` (`BIG=1` adds a million branches)"
    parts = [f"{command}. {lab.machine()}.\n"]
    with tempfile.TemporaryDirectory() as folder, lab.served(Path(folder)) as port:
        names = {size: lab.make_repository(Path(folder), size) for size in SIZES}
        parts += [_sizes(port, names, bars), _delay(port, names[100_000], bars), _tls(Path(folder), names[1], bars)]
    for part in (_throughput, _deadlines, _slow_hosts, _memory, _linear):
        parts.append(part(bars))
    head = "### Bars\n\n" + report.table(["Bar", "measured", "wanted", ""], bars)
    text = "\n".join([parts[0], head, *parts[1:]])
    print(text)
    report.write("Probing a repository", text)


def _sizes(port: int, names: dict[int, str], bars: Rows) -> str:
    """One probe and one ls-remote in turn, on loopback; bytes through a relay that counts, headers by the kernel."""
    rows: Rows = []
    payload: list[int] = []
    on_the_wire: list[int] = []
    for size, name in names.items():
        times = _in_turn(port, name, repeat=4 if size > 100_000 else 15)
        with lab.line_to(port) as line:
            counts = _counted(line, name)
        wire = _wire(port, name)
        payload.append(counts["warm"])
        on_the_wire.append(wire["warm"])
        rows += [_row(size, kind, counts[kind], wire.get(kind), sample) for kind, sample in times.items()]
        if size >= 100_000:
            _bars_of_size(bars, size, times, counts)
    bars.append(report.bar("warm probe at every size, with IP headers", max(on_the_wire), 1200, unit=" B"))
    bars.append(
        report.bar("spread of its payload over the sizes", (max(payload) / min(payload) - 1) * 100, 2, unit=" %")
    )
    head = ["branches", "", "bytes (TCP payload)", "with IP headers", "wall p50 ms", "min", "CPU ms"]
    return "### By number of branches, loopback\n\n" + report.table(head, rows)


def _in_turn(port: int, name: str, *, repeat: int) -> dict[str, Sample]:
    """git and the three kinds of probe, one after the other, so that all meet the same noise."""
    times = {kind: Sample([], []) for kind in ("git", "first contact", "cold", "warm")}
    with new_client(port, name) as warm:
        ask(warm, port, name, spoken="v2-direct")
        for _ in range(repeat):
            timed(lambda: lab.ls_remote(port, name), times["git"])
            timed(lambda: _one(port, name, ""), times["first contact"])
            timed(lambda: _one(port, name, "v2-direct"), times["cold"])
            timed(lambda: ask(warm, port, name, spoken="v2-direct"), times["warm"])
    return times


def _row(size: int, kind: str, payload: int, wire: int | None, times: Sample) -> list[str]:
    shown = f"{wire:,}" if wire else "–"
    return [f"{size:,}", kind, f"{payload:,}", shown, _ms(times.median), _ms(times.best), _ms(times.mean_cpu)]


def _bars_of_size(bars: Rows, size: int, times: dict[str, Sample], counts: dict[str, int]) -> None:
    less = 50 if size == 100_000 else 500
    for kind in ("cold", "warm"):
        ratio = times["git"].mean_cpu / times[kind].mean_cpu
        bars.append(report.bar(f"{size:,} branches, {kind}: client CPU, times less", ratio, less, at_least=True))
    ratio = counts["git"] / counts["warm"]
    bars.append(report.bar(f"{size:,} branches, warm: bytes, times fewer", ratio, 5000, at_least=True))
    ratio = times["git"].best / times["warm"].best
    bars.append(report.bar(f"{size:,} branches, warm, loopback: times faster (min)", ratio, 25, at_least=True))


def _one(port: int, name: str, spoken: str) -> None:
    with new_client(port, name) as client:
        ask(client, port, name, spoken=spoken)


def _counted(line: lab.Line, name: str) -> dict[str, int]:
    """Payload bytes of one of each, both directions."""
    with new_client(line.port, name) as warm:
        ask(warm, line.port, name, spoken="v2-direct")
        actions: dict[str, Callable[[], object]] = {
            "git": lambda: lab.ls_remote(line.port, name),
            "first contact": lambda: _one(line.port, name, ""),
            "cold": lambda: _one(line.port, name, "v2-direct"),
            "warm": lambda: ask(warm, line.port, name, spoken="v2-direct"),
        }
        counts: dict[str, int] = {}
        for kind, action in actions.items():
            before = line.count()
            action()
            counts[kind] = line.count() - before
    return counts


def _wire(port: int, name: str) -> dict[str, int]:
    """Payload and the headers of every segment, as the kernel counted them."""
    with new_client(port, name) as client:
        first = ask(client, port, name, spoken="v2-direct")
        before = lab.segments(client)
        cold = first.bytes_sent + first.bytes_received + before * lab.PACKET
        second = ask(client, port, name, spoken="v2-direct")
        time.sleep(0.1)  # the last acknowledgement
        after = lab.segments(client)
    return {"cold": cold, "warm": second.bytes_sent + second.bytes_received + (after - before) * lab.PACKET}


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}"


def _delay(port: int, name: str, bars: Rows) -> str:
    """The same with a line of 50 ms; and once more with a host that answers at once, which leaves line and client."""
    with lab.line_to(port, delay=RTT) as line:
        real = _in_turn(line.port, name, repeat=10)
    with hosts.canned() as quick, lab.line_to(quick, delay=RTT) as line:
        alone = {"cold": Sample([], []), "warm": Sample([], [])}
        with new_client(line.port, name) as warm:
            ask(warm, line.port, name, spoken="v2-direct")
            for _ in range(20):
                timed(lambda: _one(line.port, name, "v2-direct"), alone["cold"])
                timed(lambda: ask(warm, line.port, name, spoken="v2-direct"), alone["warm"])
    for kind, limit in (("warm", 1.35), ("cold", 2.6)):
        bars.append(report.bar(f"50 ms, {kind}: round trips (median)", alone[kind].median / RTT, limit))
        bars.append(report.bar(f"50 ms, {kind}, git http-backend: round trips (min)", real[kind].best / RTT, limit))
    faster = real["git"].median / real["cold"].median
    bars.append(report.bar("50 ms, 100,000 branches, cold: times faster than git", faster, 6, at_least=True))
    rows = [_trips(f"{kind}, git http-backend", one) for kind, one in real.items()]
    rows += [_trips(f"{kind}, a host that answers at once", one) for kind, one in alone.items()]
    return DELAY + report.table(["", "wall p50 ms", "round trips p50", "min"], rows)


def _trips(name: str, times: Sample) -> list[str]:
    return [name, _ms(times.median), f"{times.median / RTT:.2f}", f"{times.best / RTT:.2f}"]


def _tls(folder: Path, name: str, bars: Rows) -> str:
    certificate = hosts.write_certificate(folder / "localhost.pem")
    os.environ["SSL_CERT_FILE"] = str(certificate)
    transport.tls_context.cache_clear()
    transport.tls_context()
    samples = {"cold": Sample([], []), "warm": Sample([], [])}
    with ExitStack() as stack:
        port = stack.enter_context(lab.served(folder, certificate=certificate))
        line = stack.enter_context(lab.line_to(port, delay=RTT))
        warm = stack.enter_context(new_client(line.port, name, "https"))
        ask(warm, line.port, name, spoken="v2-direct", scheme="https")
        for _ in range(10):
            timed(lambda: _one_secure(line.port, name), samples["cold"])
            timed(lambda: ask(warm, line.port, name, spoken="v2-direct", scheme="https"), samples["warm"])
        before = line.count()
        _one_secure(line.port, name)
        sent = line.count() - before
    bars.append(report.bar("50 ms, TLS, cold, git http-backend: round trips (min)", samples["cold"].best / RTT, 3.7))
    bars.append(report.bar("TLS, cold: payload, self-signed certificate", sent, 4500, unit=" B"))
    rows = [_trips(kind, one) for kind, one in samples.items()]
    head = ["", "wall p50 ms", "round trips p50", "min"]
    return "### TLS 1.3 with 50 ms of delay, git http-backend\n\n" + report.table(head, rows)


def _one_secure(port: int, name: str) -> None:
    with new_client(port, name, "https") as client:
        ask(client, port, name, spoken="v2-direct", scheme="https")


def _throughput(bars: Rows) -> str:
    """Eight threads with a warm connection each, ten seconds, a host that answers at once."""
    seconds, threads, done = 10.0, 8, [0] * 8
    with hosts.canned() as port, lab.line_to(port, delay=RTT) as line:

        def work(number: int) -> None:
            with new_client(line.port, "bench/r1") as client:
                while time.monotonic() < ends:
                    ask(client, line.port, "bench/r1", spoken="v2-direct")
                    done[number] += 1

        ends, cpu = time.monotonic() + seconds, time.process_time()
        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        cpu = time.process_time() - cpu
    rate = sum(done) / seconds
    bars.append(report.bar("50 ms, 8 threads: probes a second", rate, 100, at_least=True))
    return f"### Throughput\n\n8 threads, 50 ms: {rate:.0f} probes a second (the limit is {threads / RTT:.0f}), " + (
        f"{cpu / sum(done) * 1000:.2f} ms of CPU each.\n"
    )


def _deadlines(bars: Rows) -> str:
    rows: Rows = []
    for name, limit, took in hosts.drips():
        rows.append([name, f"{limit:.1f}", f"{took:.3f}"])
    worst = max(float(row[2]) - float(row[1]) for row in rows)
    bars.append(report.bar("deadline exceeded by at most", worst, 0.2, unit=" s"))
    return "### Deadlines\n\n" + report.table(["a host that drips", "deadline s", "given up after s"], rows)


def _slow_hosts(bars: Rows) -> str:
    last_healthy, last = hosts.beside_slow_ones()
    bars.append(report.bar("20 healthy probes beside 8 dripping hosts", last_healthy, 30, unit=" s"))
    return NEXT_TO_SLOW_HOSTS.format(healthy=last_healthy, last=last)


def _memory(bars: Rows) -> str:
    rows: Rows = []
    for name, action in hosts.big_answers():
        tracemalloc.start()
        verdict = action()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        rows.append([name, verdict, f"{peak:.2f}"])
    bars.append(report.bar("peak memory of a probe", max(float(row[2]) for row in rows), 4, unit=" MiB"))
    return "### Memory\n\n" + report.table(["answer", "verdict", "peak MiB above the start"], rows)


def _linear(bars: Rows) -> str:
    """Four times the input may take about four times as long; a quadratic reader would take sixteen."""
    rows: Rows = []
    for name, small, large in hosts.growth():
        rows.append([name, _ms(small), _ms(large), f"{large / small:.1f}"])
    bars.append(report.bar("four times the input: times longer", max(float(row[3]) for row in rows), 8))
    return "### Time grows with the input\n\n" + report.table(["reader", "n, CPU ms", "4n, CPU ms", "ratio"], rows)
