"""Google credentials that work offline: a service account whose token server is on loopback.

Client libraries sign, fetch and attach tokens as they do in production; only the host differs. The token and
the key's id are of the test's choosing, so that a test can look for them in logs and tables afterwards.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.processes import LOOPBACK

PROJECT = "test-project"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A planted service account.

    Attributes:
        path: The JSON key file.
        project: Project that the key belongs to.
        token: Access token that the server hands out. A secret: it must show up nowhere.
        private_key: The key in PEM. A secret too.
        proxy_url: Address of a proxy that refuses every host, see ``environ``.
    """

    path: Path
    project: str
    token: str
    private_key: str
    proxy_url: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never appear in a log or a table."""
        body = self.private_key.splitlines()[1]
        return self.token, body

    @property
    def environ(self) -> dict[str, str]:
        """Variables that make Google's libraries use the key.

        google-auth looks up a service account's allowed regions at Google in the background. The proxy
        variables end that, and every other attempt to leave this machine, at once and on loopback.
        """
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.path),
            "GOOGLE_CLOUD_PROJECT": self.project,
            "NO_GCE_CHECK": "true",
            "HTTPS_PROXY": self.proxy_url,
            "https_proxy": self.proxy_url,
            "NO_PROXY": f"{LOOPBACK},localhost",
            "no_proxy": f"{LOOPBACK},localhost",
        }


@contextmanager
def serve(
    folder: Path, *, project: str = PROJECT, token: str = "planted-access-token"
) -> Iterator[Credentials]:
    """Write a key file and run its token server in a thread.

    Args:
        folder: Where the key file goes.
        project: Project of the service account.
        token: Access token to hand out.
    """
    server = ThreadingHTTPServer((LOOPBACK, 0), _handler(token))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="token server", daemon=True).start()
    url = f"http://{LOOPBACK}:{server.server_port}"
    private_key = _private_key()
    path = folder / "service-account.json"
    path.write_text(json.dumps(_key_file(project, private_key, token_uri=f"{url}/token")))
    try:
        yield Credentials(path, project, token, private_key, proxy_url=url)
    finally:
        server.shutdown()
        server.server_close()


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _key_file(project: str, private_key: str, *, token_uri: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "planted-key-id",
        "private_key": private_key,
        "client_email": f"tonearm@{project}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


def _handler(token: str) -> type[BaseHTTPRequestHandler]:
    answer = json.dumps({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).encode()

    class TokenHandler(BaseHTTPRequestHandler):
        """Hands the token to whoever asks; refuses to be a proxy (``CONNECT`` gets 501)."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    return TokenHandler
