"""meshshift: moves Kubernetes manifests from Istio, SMI and Open Service Mesh to Linkerd and Gateway API."""

__version__ = "0.1.0"
