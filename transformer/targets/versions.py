"""What the chosen pair of Linkerd and Gateway API versions can say (Linkerd's support table, linkerd-surface)."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """Target versions; `linkerd` is (2, 20) style, `edge` counts as the newest."""

    linkerd: tuple[int, int]
    gateway_api: tuple[int, int]
    channel: str

    @property
    def reads_gateway_api(self) -> bool:
        """2.16 and 2.17 read v1beta1 and v1alpha2 only, which current CRDs do not serve as such: policy.linkerd.io then."""
        return self.linkerd >= (2, 18)

    @property
    def rule_timeouts(self) -> bool:
        """Whether `rules[].timeouts.request` of a Gateway API HTTPRoute has an effect (from 2.20)."""
        return self.linkerd >= (2, 20)

    @property
    def gateway_timeouts(self) -> bool:
        """Whether HTTPRoutes of Gateway API's group have `rules[].timeouts`: experimental before 1.2, and pruned there."""
        return self.gateway_api >= (1, 2) or self.channel == "experimental"

    @property
    def reads_app_protocol(self) -> bool:
        """Whether Service `appProtocol` decides the protocol (from 2.18; ignored before)."""
        return self.linkerd >= (2, 18)

    @property
    def native_sidecar_key(self) -> str:
        """The annotation that switches native sidecars on or off."""
        prefix = {(2, 19): "config.beta.linkerd.io"}.get(self.linkerd, "config.linkerd.io")
        return (
            f"{'config.alpha.linkerd.io' if self.linkerd < (2, 19) else prefix}/proxy-enable-native-sidecar"
        )

    @property
    def tls_route(self) -> str:
        """The served version of TLSRoute, empty where the channel has none."""
        if self.gateway_api >= (1, 5):
            return "v1"
        return "v1alpha2" if self.channel == "experimental" else ""

    @property
    def tcp_route(self) -> str:
        """The served version of TCPRoute, empty where the channel has none."""
        if self.gateway_api >= (1, 6):
            return "v1"
        return "v1alpha2" if self.channel == "experimental" else ""

    @property
    def mesh_connection_routes(self) -> str:
        """The version in which Linkerd reads TLSRoutes and TCPRoutes of a Service, empty where it is not served.

        Linkerd reads v1alpha2 only, which only the experimental channel serves; 2.17 ignores routes of opaque ports.
        """
        return "v1alpha2" if self.linkerd >= (2, 18) and self.channel == "experimental" else ""

    @property
    def listener_set(self) -> str:
        """The served version of ListenerSet, empty where there is none."""
        return "v1" if self.gateway_api >= (1, 5) else ""

    @property
    def client_validation(self) -> str:
        """Where client certificates are asked for: at the `gateway`, at its `listener`s, or nowhere (empty)."""
        if self.gateway_api >= (1, 5) or (self.gateway_api >= (1, 4) and self.channel == "experimental"):
            return "gateway"
        return "listener" if self.channel == "experimental" else ""

    @property
    def redirect_codes(self) -> frozenset[int]:
        """Redirect codes that the installed CRDs accept on a Gateway API HTTPRoute."""
        return frozenset({301, 302, 303, 307, 308} if self.gateway_api >= (1, 5) else {301, 302})


def target(linkerd: str, gateway_api: str, channel: str) -> Target:
    """The target for option values such as `2.20`, `1.2`, `standard`."""
    newest = (2, 20)
    version = newest if linkerd == "edge" else _pair(linkerd)
    return Target(version, _pair(gateway_api), channel)


def _pair(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
