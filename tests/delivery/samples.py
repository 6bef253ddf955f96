"""Small manifests for the delivery tests, as templates of a chart by file name."""

from __future__ import annotations

STRICT = {"MESHSHIFT_MESH_MTLS": "strict"}

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
spec:
  selector:
    app: cart
  ports:
  - name: http
    port: 80
"""

VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
  namespace: shop
spec:
  hosts:
  - cart
  http:
  - route:
    - destination:
        host: cart
    timeout: 3s
    retries:
      attempts: 0
"""

POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: readers
  namespace: shop
spec:
  rules:
  - to:
    - operation:
        methods: [GET]
    when:
    - key: request.auth.claims[role]
      values: [reader]
"""

# Spelt as people and generators spell things: indentation, quotes, anchors, line ends, markers.
SETTINGS = """\
# settings that nobody but the program reads
apiVersion: v1
kind:   ConfigMap
metadata: {name: settings, namespace: shop}   # one line
data:
    deep:   &deep "yes"
    again: *deep
    text: |+
      kept

    folded: >-
      one
      two
...
"""

WINDOWS = b"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: windows
  namespace: shop
data:
  a: 'b'
""".replace(b"\n", b"\r\n")

MESH: dict[str, str | bytes] = {
    "a-settings.yaml": SETTINGS,
    "b-windows.yaml": WINDOWS,
    "c-comment.yaml": "# nothing is rendered here\n",
    "namespace.yaml": NAMESPACE,
    "service.yaml": SERVICE,
    "traffic.yaml": VIRTUAL_SERVICE,
}

HELD: dict[str, str | bytes] = {**MESH, "policy.yaml": POLICY}

HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  namespace: shop
  annotations:
    helm.sh/hook: pre-upgrade
spec:
  template:
    metadata:
      labels:
        sidecar.istio.io/inject: "false"
    spec:
      restartPolicy: Never
      containers:
      - name: migrate
        image: registry.example.invalid/migrate:1
"""
