"""Random policies, translated, and every request asked of both evaluators: Istio's of the input, Linkerd's of the output."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from dev.measure.authorization_told import explained
from transformer.findings import Finding
from transformer.options import Options
from transformer.proof.istio_authorization import Authorization, NotModelled
from transformer.proof.linkerd_inbound import Inbound
from transformer.transform import transform

Json = dict[str, Any]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
HELD, SAME, STRICTER, PROBE, RAW = "held", "same", "stricter", "probe", "raw"
UNTOLD, WIDER, BROKEN = "UNTOLD", "WIDER", "BROKEN"

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "PURGE", "get")
POLICY_PATHS = (
    "/admin", "/admin/*", "/admin*", "/api/*", "/api", "/api/v1/*", "/healthz", "/", "*", "/v1*", "*.json", "*/status",
    "/users/{*}", "/users/{*}/orders", "/files/{**}", "/files/{**}/meta", "/a/*/b", "/metrics", "/shop.Cart/*",
)  # fmt: skip
PATHS = (
    "/", "/admin", "/admin/", "/admin/x", "/adminx", "/api", "/api/", "/api/v1/items", "/apix", "/api/x.json",
    "/x.json", "/.json", "/..json", "/healthz", "/healthz/", "/metrics", "/status", "/a/status", "/users/7",
    "/users/7/", "/users/me/orders", "/users//orders", "/users/a=b", "/files/", "/files/a/b", "/files/a/meta",
    "/files//meta", "/v1", "/v1beta", "/shop.Cart/Get", "/api/../admin", "/api/./x", "/api/..", "/%61dmin",
    "/%2e%2e/admin", "/api/%2e%2e/admin", "//admin", "/api//x", "/admin;x=1", "/;x", "/api/a%20b", "/api/%2f",
    "/files/%5B0%5D", "/api\\admin", "/.well-known/x", "/admin?x=1", "/users/%41/orders", "/a/*/b", "/a/x/b",
    "/...", "/..x", "/users/..", "/x%2ejson", "/%C3%A4.json",
)  # fmt: skip
POLICY_HOSTS = ("cart.shop", "cart.shop:*", "cart.shop.", "cart.shop.:*", "api.example.com", "*")
HOSTS = ("cart.shop", "cart.shop:8080", "cart.shop.", "CART.shop", "api.example.com", "other")
SPACES = ("shop", "web", "web-2", "ops")
ACCOUNTS = ("cart", "front", "job", "default")
BLOCKS = ("10.0.0.0/8", "10.244.0.0/16", "10.244.7.1", "192.168.0.0/16", "::/0")
ADDRESSES = ("10.244.7.1", "10.244.9.9", "10.1.1.1", "192.168.3.4", "203.0.113.9", "fd00::7")
PORTS = (8080, 9000, 5000, 7000)


#: Findings that no manifests of these worlds are to blame for: names that clash, fields without a fate.
_INTERNAL = frozenset({"MS006", "MS009"})


class Trial(NamedTuple):
    """A generated world: manifests, Istio's mesh-wide mode, and what the run made of it."""

    seed: int
    manifests: str
    counts: Mapping[str, int]
    faults: tuple[tuple[str, Json], ...]


def trial(seed: int, requests: int = 40) -> Trial:
    """One world. `faults` are requests that are let in though Istio refuses, or refused without a finding, and breakages."""
    dice = random.Random(seed)
    mtls = dice.choice(("permissive", "strict"))
    objects = list(_world(dice))
    manifests = yaml.dump_all(objects, Dumper=_DUMPER, sort_keys=False)
    facts = {"mesh.mtls": mtls, "authorization": "translate", "complete": ("*",), "fail-on": "never"}
    result = transform(manifests.encode(), Options(facts), name=f"trial-{seed}")
    output = b"".join(result.output).decode()
    istio = Authorization(objects, mtls=mtls)
    linkerd = Inbound([found for found in yaml.load_all(output, Loader=_LOADER) if found])
    held = any(fate.outcome == "held" and fate.ref.kind == "Namespace" for fate in result.report.objects)
    counts: dict[str, int] = {}
    faults: list[tuple[str, Json]] = [
        (BROKEN, {"finding": finding.message})
        for finding in result.report.findings
        if finding.code in _INTERNAL
    ]
    near = _near(objects) or PATHS
    probed = any("readinessProbe" in str(obj) for obj in objects if obj["metadata"]["name"] == "cart")
    for _ in range(1 if held else requests):
        request = _request(dice, near)
        outcome = HELD if held else _compare(istio, linkerd, request, result.report.findings, probed=probed)
        if outcome is not None:
            counts[outcome] = counts.get(outcome, 0) + 1
            if outcome in (WIDER, UNTOLD):
                faults.append((outcome, request))
    return Trial(seed, manifests, counts, tuple(faults))


def _compare(
    istio: Authorization, linkerd: Inbound, request: Json, findings: Sequence[Finding], *, probed: bool
) -> str | None:
    """How the two answers compare; None where Istio's cannot be known."""
    try:
        before = istio.ask(request)["verdict"] == "allow"
    except NotModelled:
        return None
    answer = linkerd.ask(_for_linkerd(request))
    now = answer["verdict"] == "allow"
    if answer["status"] == 404:
        return WIDER  # no Server may leave a request without a route
    if before == now:
        return SAME
    if now and request.get("protocol") == "tcp" and _may_send_anything(istio, request):
        return RAW
    if now:
        path = str(request.get("path")).partition("?")[0]
        asked = (request.get("method"), path, request["port"])
        return PROBE if probed and asked == ("GET", "/healthz", 8080) else WIDER
    if str(request["client"]["identity"]).startswith("other.domain/"):
        return STRICTER  # accounts of another trust domain are none that a policy of Linkerd names
    return STRICTER if explained(findings, request["workload"], request, answer) else UNTOLD


def _may_send_anything(istio: Authorization, request: Json) -> bool:
    """Whether the port speaks HTTP and its policies let every request of the client in.

    Then Istio's refusal of other bytes is its parser's, and no policy's.
    """
    asked = {key: value for key, value in request.items() if key != "protocol"}
    answers = [
        istio.ask({**asked, "method": method, "path": path, "host": host, "headers": {}})
        for method in ("GET", "PUT", "PURGE")
        for path in ("/", "/admin/x", "/api/v1/items", "/x.json", "/users/7", "/v1")
        for host in ("cart.shop", "other")
    ]
    return all(answer["verdict"] == "allow" and answer["seen_as"] == "http" for answer in answers)


def _for_linkerd(request: Json) -> Json:
    client = request["client"]
    identity = None
    if client["mtls"]:
        domain, _, space, _, account = client["identity"].split("/")
        identity = f"{account}.{space}.serviceaccount.identity.linkerd.{domain}"
    kept: Json = {
        key: request[key] for key in ("port", "method", "path", "host", "headers") if key in request
    }
    return {
        **kept, "pod": request["workload"], "tcp": request.get("protocol") == "tcp",
        "client": {"identity": identity, "ip": client["ip"]},
    }  # fmt: skip


def _world(dice: random.Random) -> Iterator[Json]:
    for space in ("shop", "web", "web-2"):
        yield {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": space, "labels": {"istio-injection": "enabled"}},
        }  # fmt: skip
        for account in ("cart", "front"):
            yield _object("v1", "ServiceAccount", account, space)
    names = ("cart", "front") if dice.random() < 0.4 else ("cart",)
    for name in names:
        yield _workload(dice, name)
        yield _service(dice, name)
    for number in range(dice.choice((1, 1, 2, 2, 3, 4))):
        yield _policy(dice, f"p{number}")
    for number in range(dice.choice((0, 0, 1, 2))):
        yield _peer(dice, f"m{number}")


def _object(version: str, kind: str, name: str, namespace: str, spec: Json | None = None) -> Json:
    found = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
    return found if spec is None else {**found, "spec": spec}


def _workload(dice: random.Random, name: str) -> Json:
    container: Json = {
        "name": "app", "image": "example.com/app:1",
        "ports": [{"containerPort": 8080, "name": "web"}, {"containerPort": 9000}, {"containerPort": 5000, "name": "db"}],
    }  # fmt: skip
    if dice.random() < 0.5:
        container["readinessProbe"] = {"httpGet": {"port": dice.choice((8080, "web")), "path": "/healthz"}}
    template = {"metadata": {"labels": {"app": name, "tier": "a"}}, "spec": {"containers": [container]}}
    kind = dice.choice(("Deployment", "StatefulSet", "DaemonSet"))
    return _object(
        "apps/v1", kind, name, "shop", {"selector": {"matchLabels": {"app": name}}, "template": template}
    )


def _service(dice: random.Random, name: str) -> Json:
    ports: list[Json] = [{"name": dice.choice(("http", "grpc-x", "web")), "port": 80, "targetPort": "web"}]
    if dice.random() < 0.5:
        ports.append({"name": dice.choice(("tcp-x", "http-x", "metrics")), "port": 90, "targetPort": 9000})
    ports.append({"name": dice.choice(("tcp-db", "mysql")), "port": 50, "targetPort": 5000})
    return _object("v1", "Service", name, "shop", {"selector": {"app": name}, "ports": ports})


def _policy(dice: random.Random, name: str) -> Json:
    spec: Json = {}
    if dice.random() < 0.6:
        spec["selector"] = {"matchLabels": {"app": "cart"}}
    action = dice.choice(("ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT"))
    if action != "ALLOW":
        spec["action"] = action
    if action != "ALLOW" or dice.random() < 0.93:
        spec["rules"] = [_rule(dice) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
    return _object("security.istio.io/v1", "AuthorizationPolicy", name, "shop", spec)


def _rule(dice: random.Random) -> Json:
    rule: Json = {}
    if dice.random() < 0.7:
        rule["from"] = [{"source": _fields(dice, _SOURCES)} for _ in range(dice.choice((1, 1, 2)))]
    if dice.random() < 0.6:
        rule["to"] = [{"operation": _fields(dice, _OPERATIONS)} for _ in range(dice.choice((1, 1, 2)))]
    if dice.random() < 0.15:
        key, values = dice.choice(
            (
                ("source.ip", BLOCKS),
                ("destination.port", ("8080", "9000")),
                ("source.namespace", ("web", "web*")),
            )
        )
        rule["when"] = [{"key": key, dice.choice(("values", "notValues")): [dice.choice(values)]}]
    return rule


def _principal(dice: random.Random) -> str:
    if dice.random() < 0.15:
        return dice.choice(
            (
                "*",
                "*/sa/front",
                "cluster.local/ns/web*",
                "cluster.local/ns/shop/sa/f*",
                "*job",
                "cluster.local/*",
                "cluster.local/ns/web/*",
            )
        )
    return f"cluster.local/ns/{dice.choice(SPACES)}/sa/{dice.choice(ACCOUNTS)}"


_SOURCES: tuple[tuple[str, float, Any], ...] = (
    ("principals", 6, _principal),
    ("namespaces", 3, lambda dice: dice.choice((*SPACES, *SPACES, "web*", "*"))),
    ("ipBlocks", 2, lambda dice: dice.choice(BLOCKS)),
    ("serviceAccounts", 1, lambda dice: dice.choice(("front", "web/front"))),
)
_OPERATIONS: tuple[tuple[str, float, Any], ...] = (
    ("paths", 5, lambda dice: dice.choice(POLICY_PATHS)),
    ("methods", 4, lambda dice: dice.choice((*METHODS[:6], *METHODS[:6], "P*", "*", "PURGE"))),
    ("ports", 2, lambda dice: str(dice.choice(PORTS))),
    ("hosts", 1, lambda dice: dice.choice(POLICY_HOSTS)),
)


def _fields(dice: random.Random, table: Sequence[tuple[str, float, Any]]) -> Json:
    found: Json = {}
    for _ in range(dice.choice((1, 1, 2))):
        name, _, make = dice.choices(table, weights=[weight for _, weight, _ in table])[0]
        if name == "serviceAccounts" and found:
            continue
        written = name if dice.random() < 0.8 else f"not{name[0].upper()}{name[1:]}"
        found[written] = sorted({make(dice) for _ in range(dice.choice((1, 1, 2, 3)))})
        if name == "serviceAccounts":
            break
    return found


def _peer(dice: random.Random, name: str) -> Json:
    spec: Json = {"mtls": {"mode": dice.choice(("STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET"))}}
    if dice.random() < 0.6:
        spec["selector"] = {"matchLabels": {"app": "cart"}}
        if dice.random() < 0.5:
            spec["portLevelMtls"] = {
                dice.choice((8080, 9000, 6000)): {"mode": dice.choice(("STRICT", "PERMISSIVE"))}
            }
    return _object("security.istio.io/v1", "PeerAuthentication", name, "shop", spec)


def _near(objects: Sequence[Json]) -> tuple[str, ...]:
    """Paths that have something in common with a path of a policy."""
    texts = [text for text in POLICY_PATHS if text.strip("/*") and text in str(objects)]
    stems = {text.split("{")[0].strip("*").rstrip("/") for text in texts}
    return tuple(path for path in PATHS if any(stem in path for stem in stems))


def _request(dice: random.Random, near: Sequence[str]) -> Json:
    kind = dice.random()
    identity = None
    if kind < 0.8:
        identity = (
            f"cluster.local/ns/{dice.choice((*SPACES, 'intruder'))}/sa/{dice.choice((*ACCOUNTS, 'evil'))}"
        )
    elif kind < 0.84:
        identity = f"other.domain/ns/{dice.choice(SPACES)}/sa/{dice.choice(ACCOUNTS)}"
    request: Json = {
        "workload": "shop/cart", "port": dice.choice((8080, 8080, 8080, 9000, 5000, 7000, 1234)),
        "client": {"identity": identity, "ip": dice.choice(ADDRESSES), "mtls": identity is not None},
    }  # fmt: skip
    if dice.random() < 0.1:
        return {**request, "protocol": "tcp"}
    return {
        **request, "method": dice.choice((*METHODS, "PROPFIND")), "path": dice.choice(dice.choice((PATHS, near))),
        "host": dice.choice(HOSTS), "headers": {},
    }  # fmt: skip
