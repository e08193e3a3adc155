"""A TCP proxy on loopback that makes every round trip longer, as a relay far away would.

Run `python -m benchmarks.delay PORT MILLISECONDS`: it prints the port on which it listens, hands everything on to PORT,
holds back what comes from there for so long, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import socket
import sys


async def main(target: int, delay: float) -> None:
    server = await asyncio.start_server(lambda *ends: converse(*ends, target, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int, delay: float) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
    for end in (writer, far_writer):
        end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.gather(carry(reader, far_writer, 0.0), carry(far_reader, writer, delay))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Hand on what comes, each piece after its delay, in order: later pieces are read while earlier ones wait."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def receive() -> None:
        while data := await reader.read(65536):
            pieces.put_nowait((loop.time() + delay, data))
        pieces.put_nowait((loop.time() + delay, b""))

    receiving = asyncio.create_task(receive())
    try:
        while True:
            due, data = await pieces.get()
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        await receiving
    except ConnectionError:
        receiving.cancel()
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) / 1000))
