"""`helm install`, `upgrade` and `uninstall` through the post-renderer, against a stand-in of a cluster's API."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery.cluster import Cluster, running
from tests.delivery.running import WRAPPER, Done, identities, one, run
from tests.delivery.samples import POLICY
from tests.real_tools import ROOT

EXAMPLE = ROOT / "examples" / "bookinfo"
CHART = EXAMPLE / "chart"
RELEASE = "bookinfo"
OF_ISTIO = ("DestinationRule/reviews", "VirtualService/ratings", "VirtualService/reviews")
# The chart brings the Namespace that its release lives in, which therefore exists before.
DEPLOY = ("--take-ownership", "--timeout", "60s")

Object = dict[str, Any]
Helm = Callable[..., Done]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster with the namespace of the release; what it could not answer fails the test."""
    with running(RELEASE) as started:
        yield started
        assert started.not_understood == []


@pytest.fixture(params=["helm3", "helm4"])
def helm(
    request: pytest.FixtureRequest, tmp_path: Path, home: dict[str, str], cluster: Cluster
) -> tuple[str, dict[str, str], Sequence[str]]:
    """A Helm, its environment with the cluster in it, and the arguments for the post-renderer."""
    program: str = request.getfixturevalue(request.param)
    environment = home | {"KUBECONFIG": str(cluster.kubeconfig(tmp_path))}
    if request.param == "helm3":
        return program, environment, ("--post-renderer", WRAPPER)
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "meshshift").symlink_to(ROOT / "helm-postrender")
    return program, environment | {"HELM_PLUGINS": str(plugins)}, ("--post-renderer", "meshshift")


@pytest.fixture
def deploy(helm: tuple[str, dict[str, str], Sequence[str]]) -> Helm:
    """`helm install` or `upgrade` of a chart, through the post-renderer unless `plain`."""
    program, environment, renderer = helm

    def command(verb: str, chart: Path, *arguments: str, plain: bool = False) -> Done:
        words = [program, verb, RELEASE, chart, "-n", RELEASE, *DEPLOY, *arguments]
        return run(words if plain else [*words, *renderer], environment, cwd=EXAMPLE)

    return command


@pytest.fixture
def ask(helm: tuple[str, dict[str, str], Sequence[str]]) -> Helm:
    """Any other command of the same Helm, for the release."""
    program, environment, _ = helm
    return lambda *words: run([program, *words, RELEASE, "-n", RELEASE], environment)


@pytest.fixture
def told(home: dict[str, str], program: str) -> Callable[[], str]:
    """The report of the last run, which is where Helm's user finds it."""
    return lambda: run([program, "last"], home).out.decode()


@pytest.fixture
def held_chart(tmp_path: Path) -> Path:
    """The chart of the example with a policy that meshshift holds."""
    folder = shutil.copytree(CHART, tmp_path / "chart")
    policy = POLICY.replace("namespace: shop", f"namespace: {RELEASE}")
    (folder / "templates" / "policy.yaml").write_text(policy, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def after() -> list[Object]:
    """What the example says becomes of its chart."""
    return list(yaml.safe_load_all((EXAMPLE / "after.yaml").read_text(encoding="utf-8")))


def test_install_creates_the_objects_of_the_example(
    deploy: Helm, ask: Helm, cluster: Cluster, after: list[Object], told: Callable[[], str]
) -> None:
    deploy("install", CHART).succeeded()
    assert in_order(deployed(cluster)) == in_order(after)
    arrived = identities(deployed(cluster))
    assert {"HTTPRoute/reviews-canary", "HTTPRoute/reviews-tester", "HTTPRoute/ratings"} <= set(arrived)
    assert {"Service/reviews-v1", "Service/reviews-v2", "Service/reviews-v3"} <= set(arrived)
    assert not set(OF_ISTIO) & set(arrived)
    annotations = one(cluster.objects(), f"Namespace/{RELEASE}")["metadata"]["annotations"]
    assert annotations["linkerd.io/inject"] == "enabled"
    stored = ask("get", "manifest").succeeded().documents
    assert in_order(stored) == in_order(after), "as Helm keeps it for a rollback"
    assert findings(told()) == findings((EXAMPLE / "report.txt").read_text(encoding="utf-8"))


def test_a_release_is_upgraded_and_uninstalled(
    deploy: Helm, ask: Helm, cluster: Cluster, after: list[Object]
) -> None:
    deploy("install", CHART).succeeded()
    deploy("upgrade", CHART).succeeded()
    assert in_order(deployed(cluster)) == in_order(after), "the same chart once more"
    deploy("upgrade", CHART, "--set", "reviews.canary.v1=55,reviews.canary.v3=45").succeeded()
    (rule,) = one(deployed(cluster), "HTTPRoute/reviews-canary")["spec"]["rules"]
    assert [backend["weight"] for backend in rule["backendRefs"]] == [55, 45]
    assert len(releases(cluster)) == 3
    ask("uninstall").succeeded()
    assert cluster.objects() == []


def test_an_upgrade_takes_a_running_release_from_one_mesh_to_the_other(
    deploy: Helm, ask: Helm, cluster: Cluster, after: list[Object]
) -> None:
    deploy("install", CHART, plain=True).succeeded()
    assert set(OF_ISTIO) <= set(identities(deployed(cluster))), "the cluster takes what Istio reads"
    labels = one(deployed(cluster), f"Namespace/{RELEASE}")["metadata"]["labels"]
    assert labels["istio-injection"] == "enabled"
    deploy("upgrade", CHART).succeeded()
    assert in_order(deployed(cluster)) == in_order(after), "Helm removes what the new manifest no longer has"
    ask("rollback").succeeded()
    assert set(OF_ISTIO) <= set(identities(deployed(cluster))), "and brings it back"
    assert not [kind for kind in identities(deployed(cluster)) if kind.startswith("HTTPRoute/")]


def test_a_held_object_fails_the_install_and_nothing_is_created(
    deploy: Helm, cluster: Cluster, held_chart: Path, told: Callable[[], str]
) -> None:
    before = cluster.objects()
    done = deploy("install", held_chart)
    assert done.code != 0
    assert (cluster.writes, cluster.objects()) == ([], before)
    for channel in (done.err, told()):
        assert "MS403" in channel
        assert "readers" in channel
    deploy("install", held_chart, plain=True).succeeded()
    assert "AuthorizationPolicy/readers" in identities(deployed(cluster)), "only the post-renderer objected"


def test_a_held_object_fails_the_upgrade_and_the_release_stays_as_it_is(
    deploy: Helm, ask: Helm, cluster: Cluster, held_chart: Path
) -> None:
    deploy("install", CHART).succeeded()
    before, written = cluster.objects(), list(cluster.writes)
    done = deploy("upgrade", held_chart)
    assert done.code != 0
    assert "MS403" in done.err
    assert cluster.objects() == before
    assert cluster.writes == written
    assert b"STATUS: deployed" in ask("status").succeeded().out


def deployed(cluster: Cluster) -> list[Object]:
    """The objects of a chart as it wrote them: without Helm's releases and the marks of Helm and the server."""
    found = [stored for stored in cluster.objects() if stored.get("type") != "helm.sh/release.v1"]
    for stored in found:
        metadata = stored["metadata"]
        for name in ("creationTimestamp", "resourceVersion", "uid"):
            del metadata[name]
        drop(metadata, "labels", ["app.kubernetes.io/managed-by"])
        drop(metadata, "annotations", ["meta.helm.sh/release-name", "meta.helm.sh/release-namespace"])
    return found


def findings(report: str) -> list[str]:
    """Severity, code and object of all findings, without lines: Helm 4 renders in another order than Helm 3."""
    found = re.findall(r"\b(?:info|warning|error) MS\d+.*$", report, re.MULTILINE)
    assert found, report
    return sorted(found)


def drop(metadata: Object, group: str, names: Iterable[str]) -> None:
    """Take labels or annotations away, and their mapping if none are left."""
    for name in names:
        metadata.get(group, {}).pop(name, None)
    if not metadata.get(group, True):
        del metadata[group]


def releases(cluster: Cluster) -> list[Object]:
    """The Secrets in which Helm keeps the revisions of a release."""
    return [stored for stored in cluster.objects() if stored.get("type") == "helm.sh/release.v1"]


def in_order(documents: list[Object]) -> list[Object]:
    """The same objects sorted by kind and name, which Helm and a cluster order in ways of their own."""
    return sorted(documents, key=lambda document: (document["kind"], document["metadata"]["name"]))
