"""A TCP tunnel to the API server that can be cut and joined again, for what must survive a lost connection."""

import asyncio
import contextlib
import threading
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class Tunnel:
    """Passes bytes on, TLS and all; certificates of test clusters are good for loopback."""

    def __init__(self, kubeconfig: str, folder: Path) -> None:
        self._config = yaml.safe_load(Path(kubeconfig).read_text())
        server = urlsplit(self._config["clusters"][0]["cluster"]["server"])
        self._host, self._target = server.hostname or "127.0.0.1", server.port or 443
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._thread.start()
        self.join()

    def kubeconfig(self) -> str:
        """A kubeconfig whose server is the near end."""
        config = self._config | {
            "clusters": [
                item | {"cluster": item["cluster"] | {"server": f"https://127.0.0.1:{self._port}"}}
                for item in self._config["clusters"]
            ]
        }
        path = self._folder / "tunnel.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return str(path)

    def cut(self) -> None:
        """Ends every connection, and takes no new one."""
        self._run(self._cut())

    def join(self) -> None:
        self._run(self._listen())

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work) -> None:  # type: ignore[no-untyped-def]
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._target)
        self._open |= {writer, far_writer}
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._open -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
