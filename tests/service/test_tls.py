"""TLS: an own certificate, one that the server makes, and what is wrong with others."""

from __future__ import annotations

import json
import ssl
import stat
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

from feed.errors import UsageError
from feed.service.options import load_settings
from feed.service.tls import server_context
from tests.end_to_end.conftest import start


def test_a_self_signed_server(tmp_path: Path) -> None:
    """Sockets and HTTP are encrypted; who trusts the file that the server names can check it; it is made once."""
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    with start("calm", "--tls", "self-signed", **environment) as served:
        file = tmp_path / "feed" / "self-signed.pem"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert served.url.startswith("wss://")
        trusting = ssl.create_default_context(cafile=file)
        with connect(f"{served.url}/?subscribe=trading:BTC/USD", ssl=trusting) as client:
            assert json.loads(client.recv(60))["event"] == "status"
            while json.loads(client.recv(60))["event"] != "data":
                pass
        with urllib.request.urlopen(served.url.replace("wss", "https") + "/health", context=trusting) as answer:
            assert json.load(answer)["status"] == "ok"
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(served.url)
        assert any(str(file) in line for line in served.lines)
        made = file.read_bytes()
    settings = load_settings({"tls": "self-signed"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert server_context(settings) is not None
        assert file.read_bytes() == made
        file.write_bytes(b"damaged")
        assert server_context(settings) is not None
        assert file.read_bytes() != b"damaged"
        own = server_context(load_settings({"tls_cert": str(file)}))
        assert own is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tls_key": "key.pem"}, "--tls-key needs --tls-cert"),
        ({"tls_cert": "nowhere.pem"}, "there is no file nowhere.pem"),
        ({"tls_cert": __file__}, "no certificate and its key"),
        ({"tls_cert": "a.pem", "tls": "self-signed"}, "leave out --tls-cert"),
    ],
)
def test_mistakes(options: dict[str, str], words: str) -> None:
    """Each is named in one line."""
    with pytest.raises(UsageError, match=words):
        server_context(load_settings(options))


def test_plain_text_is_the_default() -> None:
    """Nothing is asked for, nothing is made."""
    assert server_context(load_settings({})) is None
