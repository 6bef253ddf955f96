"""Streams to measure with, generated: meshed workloads, routes, and manifests that no mesh concerns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  namespace: shop
  labels:
    app: web-{number}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web-{number}
  template:
    metadata:
      labels:
        app: web-{number}
      annotations:
        prometheus.io/scrape: "true"
{annotations}    spec:
      serviceAccountName: web-{number}
      containers:
      - name: main
        image: registry.example/web:{number}
        env:
        - name: NUMBER
          value: "{number}"
        ports:
        - containerPort: 8080
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
        readinessProbe:
          httpGet:
            path: /ready
            port: 8080
"""
SIDECAR = """\
        sidecar.istio.io/inject: "true"
        sidecar.istio.io/proxyCPU: 100m
        sidecar.istio.io/proxyMemory: 128Mi
        traffic.sidecar.istio.io/excludeOutboundPorts: "5432"
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web-{number}
  namespace: shop
spec:
  selector:
    app: web-{number}
  ports:
  - name: http
    port: 80
    targetPort: 8080
"""
VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web-{number}
  namespace: shop
spec:
  hosts:
  - web-{number}
  http:
  - match:
    - uri:
        prefix: /api/
      method:
        exact: GET
    timeout: 5s
    route:
    - destination:
        host: web-{number}
  - route:
    - destination:
        host: web-{number}
      weight: 90
    - destination:
        host: web-{other}
      weight: 10
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-{number}
  namespace: shop
data:
"""


def unrelated(count: int) -> Iterator[str]:
    """Services and Deployments that no mesh concerns, in turn."""
    for number in range(count):
        text = DEPLOYMENT if number % 2 else SERVICE
        yield text.format(number=number, annotations="")


def deployments(count: int) -> Iterator[str]:
    """Deployments with annotations for Istio's sidecar."""
    return (DEPLOYMENT.format(number=number, annotations=SIDECAR) for number in range(count))


def virtual_services(count: int) -> Iterator[str]:
    """VirtualServices, each after its Service."""
    for number in range(count):
        yield SERVICE.format(number=number)
        yield VIRTUAL_SERVICE.format(number=number, other=(number + 1) % count)


def mixed(count: int, meshed: int) -> Iterator[str]:
    """`count` documents of which `meshed` are meshed Deployments, evenly spread."""
    every = count // meshed
    others = unrelated(count)
    for number, other in enumerate(others):
        meshed_here = number % every == 0
        yield DEPLOYMENT.format(number=number, annotations=SIDECAR) if meshed_here else other


def settings(size: int) -> Iterator[str]:
    """ConfigMaps of 100 KB, `size` bytes in all."""
    lines = "".join(
        f"  key-{line:04}: value of the setting, as long as such a line may be, {line}\n"
        for line in range(1500)
    )
    number = written = 0
    while written < size:
        text = CONFIG.format(number=number) + lines
        yield text
        number += 1
        written += len(text) + 4


def write(path: Path, documents: Iterator[str]) -> int:
    """Write the documents as one stream; returns its size in bytes."""
    with path.open("w", encoding="utf-8") as out:
        for number, document in enumerate(documents):
            out.write("---\n" if number else "")
            out.write(document)
    return path.stat().st_size
