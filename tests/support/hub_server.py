"""A server that speaks as much of the Hugging Face Hub's protocol as publishing and loading an agent need."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import yaml

from tests.support.local_server import serve

TOKEN = "hf_test"
COMMIT = "5" * 40
_LARGE = (".safetensors", ".mp4")
_REPO = r"/(?:api/)?(models/|datasets/)?([\w.-]+/[\w.-]+?)"


@dataclass
class Repo:
    """A repository: its files by branch and name."""

    private: bool
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    messages: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """What the server has.

    Attributes:
        repos: The repositories by type and id, such as ``("model", "org/agent")``.
        large: Contents that were uploaded for large files, by their SHA-256.
        denied: Organisations that the token may not write to.
        url: Its address.
    """

    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    url: str = ""


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """Serves on any free port of this machine."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._file(body=False)

        def do_GET(self) -> None:
            if self.path.startswith("/api/"):
                repo, _ = self._repo(rf"{_REPO}(?:/revision/[^/]+)?")
                if repo is not None:
                    self._json({"id": self.path, "private": repo.private, "sha": COMMIT, "siblings": []})
            else:
                self._file(body=True)

        def do_PUT(self) -> None:
            content = self._body()
            hub.large[hashlib.sha256(content).hexdigest()] = content
            self._send(200, b"")

        def do_POST(self) -> None:
            body = self._body()
            if self.path == "/api/validate-yaml":
                self._validate(json.loads(body)["content"])
                return
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, b'{"error": "Invalid credentials"}', {"X-Error-Message": "Invalid credentials"})
            elif self.path == "/api/repos/create":
                self._create(json.loads(body))
            elif "/preupload/" in self.path:
                files = [
                    {
                        "path": one["path"],
                        "uploadMode": "lfs" if one["path"].endswith(_LARGE) else "regular",
                        "shouldIgnore": False,
                    }
                    for one in json.loads(body)["files"]
                ]
                self._json({"files": files})
            elif self.path.endswith("/info/lfs/objects/batch"):
                objects = [
                    {**one, "actions": {"upload": {"href": f"{hub.url}/large/{one['oid']}", "header": {}}}}
                    for one in json.loads(body)["objects"]
                ]
                self._json({"transfer": "basic", "objects": objects})
            elif "/branch/" in self.path:
                repo, (branch,) = self._repo(rf"{_REPO}/branch/([^/]+)")
                if repo is not None:
                    repo.branches.setdefault(branch, dict(repo.branches["main"]))
                    self._send(200, b"")
            elif "/commit/" in self.path:
                self._commit(body)
            else:
                self._send(404, b"{}")

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _repo(self, pattern: str) -> tuple[Repo | None, tuple[str, ...]]:
            match = re.fullmatch(pattern, self.path.partition("?")[0])
            kind = "dataset" if match is not None and match[1] == "datasets/" else "model"
            repo = None if match is None else hub.repos.get((kind, match[2]))
            if repo is None:
                self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
            return repo, () if match is None else match.groups()[2:]

        def _create(self, wanted: dict[str, Any]) -> None:
            name = f"{wanted['organization']}/{wanted['name']}"
            kind = wanted.get("type", "model")
            if wanted["organization"] in hub.denied:
                self._send(403, b'{"error": "Forbidden"}', {"X-Error-Message": "You have no write access"})
                return
            known = (kind, name) in hub.repos
            private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
            hub.repos.setdefault((kind, name), Repo(private))
            url = f"{hub.url}/{'datasets/' if kind == 'dataset' else ''}{name}"
            self._json({"url": url}, 409 if known else 200)

        def _validate(self, content: str) -> None:
            try:
                front = yaml.safe_load(content.split("---")[1])
                problem = None if isinstance(front, dict) else "no mapping"
            except (yaml.YAMLError, IndexError) as error:
                problem = str(error)
            errors = [] if problem is None else [{"message": problem}]
            self._json({"errors": errors, "warnings": []}, 400 if errors else 200)

        def _commit(self, body: bytes) -> None:
            repo, found = self._repo(rf"{_REPO}/commit/([^/]+)")
            if repo is None:
                return
            files = repo.branches[found[0]]
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "header":
                    repo.messages.append(value["summary"])
                elif line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = hub.large[value["oid"]]
            page = self.path.partition("/commit/")[0].removeprefix("/api").replace("/models/", "/")
            url = f"{hub.url}{page}/commit/{COMMIT}"
            self._json({"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})

        def _file(self, body: bool) -> None:
            repo, found = self._repo(rf"{_REPO}/resolve/([^/]+)/(.+)")
            if repo is None:
                return
            content = repo.branches.get("main" if found[0] == COMMIT else found[0], {}).get(found[1])
            if content is None:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            headers = {"ETag": etag, "X-Repo-Commit": COMMIT, "Content-Length": str(len(content))}
            self._send(200, content if body else b"", headers)

        def _json(self, value: Any, status: int = 200) -> None:
            self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with serve(Handler) as hub.url:
        yield hub
