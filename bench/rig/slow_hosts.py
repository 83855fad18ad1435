"""Many code hosts that think before they say "no such branch": `python -m bench.rig.slow_hosts SECONDS MANY`.

Prints their ports.
"""

import asyncio
import re
import sys

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nContent-Length: 4\r\n\r\n0000"
)  # fmt: skip
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Answer question after question on one connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            found = LENGTH.search(head)
            await reader.readexactly(int(found[1]) if found else 0)
            await asyncio.sleep(seconds)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve(seconds: float, many: int) -> None:
    """Listen on so many loopback ports until the process is ended."""
    ports = []
    for _ in range(many):
        host = await asyncio.start_server(lambda reader, writer: _talk(reader, writer, seconds), "127.0.0.1", 0)
        ports.append(host.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), int(sys.argv[2])))
