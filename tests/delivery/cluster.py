"""A stand-in for the API of a Kubernetes cluster on 127.0.0.1, as far as `helm install` speaks with one.

It keeps objects in memory and does nothing with them: no controllers, no defaults, no validation, no watches.
What it does not know it refuses, and remembers. Upstream: kubernetes.io/docs/reference/using-api/api-concepts.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

Object = dict[str, Any]
VERBS = ["create", "delete", "get", "list", "patch", "update"]
MERGING = ("application/merge-patch+json", "application/strategic-merge-patch+json")
APPLYING = ("application/apply-patch+yaml", "application/apply-patch+json")


class Resource(NamedTuple):
    """A kind that the cluster serves, at its only version."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As `apiVersion` of an object says it."""
        return f"{self.group}/{self.version}" if self.group else self.version


class Key(NamedTuple):
    """Where an object, or with an empty name a collection, lives."""

    resource: Resource
    namespace: str
    name: str


# Istio's kinds are served too: what a post-renderer lets through has to arrive, or nobody would notice.
RESOURCES = (
    Resource("", "v1", "Namespace", "namespaces", namespaced=False),
    Resource("", "v1", "ConfigMap", "configmaps"),
    Resource("", "v1", "Secret", "secrets"),
    Resource("", "v1", "Service", "services"),
    Resource("", "v1", "ServiceAccount", "serviceaccounts"),
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("batch", "v1", "Job", "jobs"),
    Resource("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes"),
    Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    Resource("networking.istio.io", "v1", "DestinationRule", "destinationrules"),
    Resource("networking.istio.io", "v1", "VirtualService", "virtualservices"),
    Resource("policy.linkerd.io", "v1alpha1", "AuthorizationPolicy", "authorizationpolicies"),
    Resource("policy.linkerd.io", "v1alpha1", "MeshTLSAuthentication", "meshtlsauthentications"),
    Resource("policy.linkerd.io", "v1beta3", "Server", "servers"),
    Resource("security.istio.io", "v1", "AuthorizationPolicy", "authorizationpolicies"),
)


class Refused(Exception):
    """A request that is answered with a Status of failure."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "code": code, "reason": reason, "message": message,
        }  # fmt: skip
        self.code = code


class Request(NamedTuple):
    """What a client asks."""

    method: str
    path: str
    query: Mapping[str, str]
    media_type: str
    body: bytes


class Cluster:
    """The objects, by where they live, and a record of what clients did; every request holds the lock."""

    def __init__(self, *namespaces: str) -> None:
        self.lock = threading.Lock()
        self.server = ""
        self.writes: list[str] = []
        """`METHOD path` of every request that is not a GET, refused or not."""
        self.not_understood: list[str] = []
        """Requests that this stand-in cannot answer as a cluster would."""
        self._objects: dict[Key, Object] = {}
        self._applied: dict[Key, Object] = {}
        self._version = 0

        for namespace in namespaces:
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            self._store(Key(RESOURCES[0], "", namespace), made)

    def objects(self) -> list[Object]:
        """A copy of all objects, in the order of their creation."""
        with self.lock:
            return copy.deepcopy(list(self._objects.values()))

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig that names this cluster."""
        named = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stand-in", "cluster": {"server": self.server}}],
            "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "nobody"}}],
            "users": [{"name": "nobody", "user": {}}],
            "current-context": "stand-in",
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(named), encoding="utf-8")
        return path

    def answer(self, request: Request) -> tuple[int, Object]:
        """Status code and body for a request; raises `Refused` for any failure."""
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.path}")
        found = discovery(request.path) if request.method == "GET" else None
        if found is not None:
            return 200, found
        key = locate(request.path)
        unknown = {"watch", "dryRun", "fieldSelector", "continue"} & set(request.query)
        answer = None
        if key is not None and not unknown:
            answer = (self._named if key.name else self._collection)(key, request)
        if answer is None:
            said = f"{request.method} {request.path} {dict(request.query)} {request.media_type}"
            self.not_understood.append(said)
            raise Refused(405, "MethodNotAllowed", f"the stand-in cannot do this: {said}")
        return answer

    def _collection(self, key: Key, request: Request) -> tuple[int, Object] | None:
        if request.method == "GET":
            wanted = selector(request.query.get("labelSelector", ""))
            items = [found for at, found in self._objects.items()
                     if at.resource == key.resource and key.namespace in ("", at.namespace)
                     and wanted.items() <= found["metadata"].get("labels", {}).items()]  # fmt: skip
            listed = {"resourceVersion": str(self._version)}
            kind, api_version = f"{key.resource.kind}List", key.resource.api_version
            return 200, {"kind": kind, "apiVersion": api_version, "metadata": listed, "items": items}
        if request.method == "POST" and (created := sent_object(request)):
            at = key._replace(name=created["metadata"]["name"])
            if at in self._objects:
                raise Refused(409, "AlreadyExists", f'{at.resource.plural} "{at.name}" already exists')
            return 201, self._store(at, created)
        return None

    def _named(self, key: Key, request: Request) -> tuple[int, Object] | None:
        if request.method == "PATCH" and request.media_type in APPLYING:
            return self._apply(key, yaml.safe_load(request.body))
        if key not in self._objects:
            raise Refused(404, "NotFound", f'{key.resource.plural} "{key.name}" not found')
        live = self._objects[key]
        if request.method == "GET":
            return 200, live
        if request.method == "DELETE":
            del self._objects[key]
            self._applied.pop(key, None)
            return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        if request.method == "PUT" and (new := sent_object(request)):
            if new["metadata"].get("resourceVersion", live_version(live)) != live_version(live):
                raise Refused(409, "Conflict", f'{key.resource.plural} "{key.name}" has been modified')
            return 200, self._store(key, new)
        if request.method == "PATCH" and request.media_type in MERGING:
            change = json.loads(request.body)
            # Lists of a strategic patch are merged by keys of the schema, which is not here.
            if request.media_type == MERGING[0] or not has_list(change):
                return 200, self._store(key, merged(live, change))
        return None

    def _apply(self, key: Key, applied: Object) -> tuple[int, Object]:
        """Server-side apply for a single field manager, with lists taken as a whole."""
        code = 200 if key in self._objects else 201
        kept = merged(self._objects.get(key, {}), gone(self._applied.get(key, {}), applied))
        stored = self._store(key, merged(kept, applied))
        self._applied[key] = applied
        return code, stored

    def _store(self, key: Key, new: Object) -> Object:
        if (new.get("apiVersion"), new.get("kind")) != (key.resource.api_version, key.resource.kind):
            raise Refused(400, "BadRequest", f"this is no {key.resource.api_version} {key.resource.kind}")
        if key.namespace and not any(at.resource == RESOURCES[0] and at.name == key.namespace
                                     for at in self._objects):  # fmt: skip
            raise Refused(404, "NotFound", f'namespaces "{key.namespace}" not found')
        self._version += 1
        old = self._objects.get(key, {"metadata": {}})["metadata"]
        metadata = new["metadata"] | {"name": key.name, "resourceVersion": str(self._version)}
        metadata["uid"] = old.get("uid") or str(uuid.uuid4())
        metadata["creationTimestamp"] = old.get("creationTimestamp") or "2020-01-01T00:00:00Z"
        if key.namespace:
            metadata["namespace"] = key.namespace
        self._objects[key] = new | {"metadata": metadata}
        return self._objects[key]


def discovery(path: str) -> Object | None:
    """The body for a path that tells what the cluster is and serves, None for any other path."""
    roots = {api_root(resource): resource for resource in RESOURCES}
    groups: dict[str, list[Object]] = {}
    for resource in filter(lambda resource: resource.group, roots.values()):
        version = {"groupVersion": resource.api_version, "version": resource.version}
        groups.setdefault(resource.group, []).append(version)
    listed = [{"name": group, "versions": versions, "preferredVersion": versions[0]}
              for group, versions in groups.items()]  # fmt: skip
    tables: dict[str, Object] = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"},
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed},
        "/openapi/v3": {"paths": {root[1:]: {"serverRelativeURL": f"/openapi/v3{root}"} for root in roots}},
    }
    for root, resource in roots.items():
        kinds = [other for other in RESOURCES if other.api_version == resource.api_version]
        tables[root] = resource_list(kinds)
        tables[f"/openapi/v3{root}"] = openapi(kinds)
    return tables.get(path)


def api_root(resource: Resource) -> str:
    """The path below which the resources of a group and version live."""
    return f"/{'apis' if resource.group else 'api'}/{resource.api_version}"


def resource_list(kinds: list[Resource]) -> Object:
    """The kinds of a group and version, as discovery words them."""
    resources = [{"name": kind.plural, "singularName": kind.kind.lower(), "kind": kind.kind,
                  "namespaced": kind.namespaced, "verbs": VERBS} for kind in kinds]  # fmt: skip
    listed = {"groupVersion": kinds[0].api_version, "resources": resources}
    return {"kind": "APIResourceList", "apiVersion": "v1"} | listed


def openapi(kinds: list[Resource]) -> Object:
    """An OpenAPI document that says only that the server validates fields, so that clients need no schema."""
    paths = {}
    for kind in kinds:
        named = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        patch = {"parameters": [{"name": "fieldValidation", "in": "query"}],
                 "x-kubernetes-group-version-kind": named}  # fmt: skip
        paths[f"{api_root(kind)}/{kind.plural}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "1"}, "paths": paths}


def locate(path: str) -> Key | None:
    """The object or the collection that a path names; None where it names neither, as subresources do."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    root = {"api": 2, "apis": 3}.get(parts[0], 0)
    api_version, rest = "/".join(parts[1:root]), parts[root:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    for resource in RESOURCES:
        if root and 1 <= len(rest) <= 2 and (resource.api_version, resource.plural) == (api_version, rest[0]):
            name = rest[1] if len(rest) == 2 else ""
            fits = bool(namespace) == resource.namespaced or (resource.namespaced and not name)
            return Key(resource, namespace, name) if fits else None
    return None


def sent_object(request: Request) -> Object | None:
    """The object in a body; None for an encoding, or in Protocol Buffers a kind, that is not known."""
    if request.media_type == "application/json":
        sent: Object = json.loads(request.body)
        return sent
    # Helm's releases come in Protocol Buffers: "k8s", NUL, and an Unknown with type and bytes of the object.
    if request.media_type != "application/vnd.kubernetes.protobuf" or request.body[:4] != b"k8s\0":
        return None
    envelope = fields(request.body[4:])
    api_version, kind = (fields(envelope[1][0])[number][0].decode() for number in (1, 2))
    if (api_version, kind) != ("v1", "Secret"):
        return None
    secret = fields(envelope[2][0])
    metadata = fields(secret[1][0])
    data = {name: base64.b64encode(value).decode() for name, value in pairs(secret.get(2, []))}
    labels = {name: value.decode() for name, value in pairs(metadata.get(11, []))}
    written: Object = {"name": metadata[1][0].decode(), "labels": labels}
    if metadata.get(6, [b""])[0]:
        written["resourceVersion"] = metadata[6][0].decode()
    type_ = secret[3][0].decode()
    return {"apiVersion": api_version, "kind": kind, "metadata": written, "data": data, "type": type_}


def fields(message: bytes) -> dict[int, list[bytes]]:
    """The length-delimited fields of a Protocol Buffers message by number; numbers in it are passed over."""
    found: dict[int, list[bytes]] = {}
    stream = io.BytesIO(message)
    while stream.tell() < len(message):
        number, wire = divmod(varint(stream), 8)
        length = varint(stream)
        if wire == 2:
            found.setdefault(number, []).append(stream.read(length))
        elif wire != 0:
            raise Refused(400, "BadRequest", f"the stand-in cannot read the wire type {wire}")
    return found


def varint(stream: io.BytesIO) -> int:
    """The next number, in groups of seven bits, lowest first."""
    number = shift = 0
    while (byte := stream.read(1)[0]) & 0x80:
        number |= (byte & 0x7F) << shift
        shift += 7
    return number | byte << shift


def pairs(entries: list[bytes]) -> list[tuple[str, bytes]]:
    """Name and value of every entry of a Protocol Buffers map."""
    read = [fields(entry) for entry in entries]
    return [(entry[1][0].decode(), entry.get(2, [b""])[0]) for entry in read]


def selector(text: str) -> dict[str, str]:
    """The labels that a selector of equalities asks for; refuses operators other than `=`."""
    terms = [term.replace("==", "=").split("=") for term in text.split(",") if term]
    if any(len(term) != 2 or not term[0] or term[0].endswith("!") for term in terms):
        raise Refused(400, "BadRequest", f"the stand-in cannot read the selector {text}")
    return dict(terms)


def merged(old: Object, change: Object) -> Object:
    """A mapping after a JSON merge patch (RFC 7386)."""
    new = dict(old)
    for name, value in change.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict):
            below = new.get(name)
            new[name] = merged(below if isinstance(below, dict) else {}, value)
        else:
            new[name] = value
    return new


def gone(previous: Object, applied: Object) -> Object:
    """The merge patch that removes what was applied before and is applied no more."""
    change: Object = {}
    for name, value in previous.items():
        if name not in applied:
            change[name] = None
        elif isinstance(value, dict) and isinstance(applied[name], dict):
            change[name] = gone(value, applied[name])
    return change


def has_list(value: object) -> bool:
    """Whether there is a list anywhere within."""
    return isinstance(value, list) or (isinstance(value, dict) and any(map(has_list, value.values())))


def live_version(live: Object) -> str:
    """The resourceVersion of a stored object."""
    return str(live["metadata"]["resourceVersion"])


class _Connection(BaseHTTPRequestHandler):
    """Carries requests of a client to the cluster of its server."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds that a silent client may hold a thread

    def _reply(self) -> None:
        url = urlsplit(self.path)
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, url.path, dict(parse_qsl(url.query)), media_type, body)
        cluster = self.server.cluster
        with cluster.lock:
            try:
                code, said = cluster.answer(request)
            except Refused as refused:
                code, said = refused.code, refused.status
            reply = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _reply

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads a log; what matters is recorded by the cluster."""


class _Server(ThreadingHTTPServer):
    """Serves one cluster on a free port of the loopback interface."""

    daemon_threads = True

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.cluster = cluster
        cluster.server = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """An exception in a thread of the server becomes a failure of the test that uses it."""
        self.cluster.not_understood.append(f"{type(sys.exc_info()[1]).__name__}: {sys.exc_info()[1]}")


@contextmanager
def running(*namespaces: str) -> Iterator[Cluster]:
    """A cluster with nothing but these namespaces, which listens until the end of the context."""
    cluster = Cluster(*namespaces)
    with _Server(cluster) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join(timeout=10)
