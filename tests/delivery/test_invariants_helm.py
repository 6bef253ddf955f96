"""What holds for every render through Helm, whatever the chart: one group of tests per invariant, under both Helms.

1 untouched documents, 2 derived documents, 3 nothing to do, 5 unreadable documents, 6 partial views, 7 order,
10 size, 11 two Helms on one machine. The invariants of kustomize and kpt have their own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.helms import Helm, Streams
from tests.delivery.running import WRAPPER, Done, by_source, chart, identities, one, run, write
from tests.delivery.samples import HOOK, MESH, NAMESPACE, SERVICE, STRICT, VIRTUAL_SERVICE
from tests.real_tools import ROOT

UMBRELLA = ROOT / "examples" / "integrations" / "helm" / "chart"
TRAFFIC = "charts/cart/templates/traffic.yaml"
FILENAME = re.compile(rb"\n    postrenderer\.helm\.sh/postrender-filename: '?([^'\n]*)'?")
PLUGIN = "apiVersion: v1\nname: {name}\nversion: 1.0.0\ntype: cli/v1\nruntime: subprocess\n"


ODD: dict[str, str | bytes] = MESH | {
    "d-no-newline.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: last}\ndata: {a: '1'}",
    "e-list.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n"
    "      name: listed   # deeper than needed\n",
    "f-ends.yaml": "---\n---\n# two ends\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ends\n...\n",
    "g-keys.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: keys}\ndata:\n  ? a\n  : 0777\n  b: !!str on\n",
}


def test_invariant_01_untouched_documents_keep_their_bytes(
    helm: Helm, streams: Callable[..., Streams]
) -> None:
    before, after = (split(stream) for stream in streams(chart(helm.folder / "demo", ODD)))
    touched = ("kind: Namespace\n", "kind: VirtualService\n", "kind: Service\n")
    untouched = [text for text in before if not any(mark.encode() in text for mark in touched)]
    assert len(untouched) >= 6
    assert [text for text in after if text in untouched] == untouched, "all of them, in their order"
    assert len(after) == len(before)


def test_invariant_01_objects_that_no_rule_is_about_mean_the_same(helm: Helm) -> None:
    folder = chart(helm.folder / "demo", ODD)
    before, after = (
        {
            document["metadata"]["name"]: document
            for document in done.succeeded().documents
            if "metadata" in document
        }
        for done in (helm.plain(folder), helm.template(folder))
    )
    assert set(after) - set(before) == ({"listed"} if helm.version == 4 else set()), (
        "Helm 4 takes lists apart"
    )
    for name in ("settings", "windows", "last", "ends", "keys"):
        assert after[name] == before[name]


def test_invariant_02_derived_documents_stand_where_their_source_stood(
    helm: Helm, streams: Callable[..., Streams]
) -> None:
    before, after = streams(UMBRELLA, "--post-renderer-args", "--namespace=shop")
    name = FILENAME if helm.version == 4 else re.compile(rb"# Source: (\S+)")
    places = [[name.findall(text) for text in split(stream)] for stream in (before, after)]
    assert all(len(found) == 1 for found in places[1]), "every document says where it came from"
    assert consecutive(places[0]) == consecutive(places[1])
    assert places[1].count([f"shop/{TRAFFIC}".encode()]) == 3, (
        "two Services and a route for two objects of Istio"
    )


def test_invariant_02_show_only_finds_what_was_made_of_a_subchart(helm: Helm) -> None:
    done = helm.template(UMBRELLA, "--show-only", TRAFFIC).succeeded()
    assert set(identities(done.documents)) == {"Service/cart-v1", "Service/cart-v2", "HTTPRoute/cart"}
    assert set(by_source(done.out)) == {f"shop/{TRAFFIC}"}


STEERING = {
    "helm.sh/resource-policy": "keep",
    "argocd.argoproj.io/sync-wave": "3",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
NOT_CARRIED = {"argocd.argoproj.io/tracking-id": "demo", "owner": "jo"}


@pytest.mark.parametrize("style", ["block", "flow"])
def test_invariant_02_derived_documents_keep_what_steers_their_delivery(helm: Helm, style: str) -> None:
    hook = {"helm.sh/hook": "post-install", "helm.sh/hook-weight": "5"}
    # Helm 3 would not send a hook.
    carried = STEERING | (hook if helm.version == 4 else {})
    noted = [f"{key}: '{value}'" for key, value in (carried | NOT_CARRIED).items()]
    written = {
        "block": "\n  labels:\n    team: shop\n  annotations:" + "".join(f"\n    {line}" for line in noted),
        "flow": "",
    }[style]
    text = VIRTUAL_SERVICE.replace("  namespace: shop", f"  namespace: shop{written}")
    if style == "flow":
        flow = f"metadata: {{name: cart, namespace: shop, labels: {{team: shop}}, annotations: {{{', '.join(noted)}}}}}"
        text = text.replace("metadata:\n  name: cart\n  namespace: shop", flow)
    done = helm.template(chart(helm.folder / "demo", {"service.yaml": SERVICE, "traffic.yaml": text}))
    route = one(done.succeeded().documents, "HTTPRoute/cart")
    assert route["metadata"]["labels"] == {"team": "shop"}
    assert route["metadata"]["namespace"] == "shop"
    assert route["metadata"]["annotations"] == carried | {"meshshift.dev/from": "VirtualService/shop/cart"}
    assert list(by_source(done.out)) == ["demo/templates/service.yaml", "demo/templates/traffic.yaml"]


def test_invariant_03_without_objects_left_helm_still_gets_an_answer(helm: Helm) -> None:
    """A DestinationRule that only says mutual TLS needs nothing on Linkerd, so nothing takes its place."""
    rule = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: cart\n  namespace: shop\n"
        "spec:\n  host: cart\n  trafficPolicy:\n    tls:\n      mode: ISTIO_MUTUAL\n"
    )
    folder = chart(helm.folder / "demo", {"rule.yaml": rule})
    assert identities(helm.plain(folder).succeeded().documents) == ["DestinationRule/cart"]
    done = helm.template(folder).succeeded()
    assert done.documents == []
    if helm.version == 3:
        assert done.out.strip(), "an empty answer is what a broken program gives, so none is given on purpose"


def test_invariant_03_a_render_past_the_post_renderer_is_told_and_found(helm: Helm) -> None:
    """Helm 3 writes the files of --output-dir first and then sends nothing; Helm 4 sends them."""
    report, folder = helm.folder / "report.txt", helm.folder / "rendered"
    env = {"MESHSHIFT_REPORT_FILE": str(report)}
    helm.template(chart(helm.folder / "demo", MESH), "--output-dir", folder, env=env).succeeded()
    gate = run([helm.program, "check", folder], helm.env | STRICT)
    passed_by = helm.version == 3
    assert ("MS011" in report.read_text()) == passed_by
    assert (gate.code, "MS014" in gate.out.decode() + gate.err) == ((1, True) if passed_by else (0, False))


def test_invariant_03_only_hooks_or_only_definitions(helm: Helm) -> None:
    hooks = chart(helm.folder / "hooks", {"job.yaml": HOOK.replace('inject: "false"', 'x: "false"')})
    assert helm.template(hooks).succeeded().documents == helm.plain(hooks).succeeded().documents
    crd = (UMBRELLA / "crds" / "coupons.yaml").read_text()
    defined = write(chart(helm.folder / "crds", {}), {"crds/coupons.yaml": crd})
    for flags in ((), ("--include-crds",)):
        assert helm.template(defined, *flags).succeeded().documents == helm.plain(defined, *flags).documents


def test_invariant_03_definitions_in_crds_come_only_from_helm_3_and_only_on_demand(
    helm: Helm, streams: Callable[..., Streams]
) -> None:
    for flags, come in (((), False), (("--include-crds",), helm.version == 3)):
        sent, answered = streams(UMBRELLA, *flags)
        assert ((b"CustomResourceDefinition" in sent), (b"CustomResourceDefinition" in answered)) == (
            come,
            come,
        )


def test_invariant_05_unreadable_documents_fail_the_render_and_are_named(helm: Helm) -> None:
    twice = VIRTUAL_SERVICE.replace("    timeout: 3s\n", "    timeout: 3s\n    timeout: 4s\n")
    files = helm.folder / "rendered"
    flags = ("--output-dir", files) if helm.version == 4 else ()
    done = helm.template(chart(helm.folder / "demo", MESH | {"traffic.yaml": twice}), *flags)
    assert (done.code, done.out) == (1, b"")
    assert re.search(r"demo/templates/traffic\.yaml .*error MS002 .*\n.*`timeout` is written twice", done.err)
    assert not files.exists(), "nothing of the chart is written"


def test_invariant_05_helm_3_sends_lists_whole_and_shared_anchors_are_named(helm: Helm) -> None:
    listed = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: shop\n"
        "    labels: &shared\n      istio-injection: enabled\n"
        "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: desk\n    labels: *shared\n"
    )
    done = helm.template(chart(helm.folder / "demo", {"list.yaml": listed}))
    assert (done.code, done.out) == (1, b"")
    named = r"demo/templates/list\.yaml \(line \d+ of the stream\): items of this list share YAML anchors"
    assert re.search(named if helm.version == 3 else "shared", done.err)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("kill -9 $$", "it is killed"),
        ("exit 70", "it fails and says nothing"),
        ("cat; exit 1", "it fails late"),
    ],
)
def test_invariant_05_a_program_that_dies_fails_the_render(helm: Helm, program: str, reason: str) -> None:
    broken = helm.folder / "broken"
    broken.write_text(f"#!/bin/sh\n{program}\n")
    broken.chmod(0o755)
    done = helm.template(chart(helm.folder / "demo", MESH), env={"MESHSHIFT": str(broken)})
    assert (done.code, done.out) == (1, b""), reason


def test_invariant_06_what_another_chart_defines_is_asked_for_and_not_guessed(helm: Helm) -> None:
    text = VIRTUAL_SERVICE.replace("        host: cart\n", "        host: cart\n        subset: v1\n")
    folder = chart(helm.folder / "demo", {"service.yaml": SERVICE, "traffic.yaml": text})
    done = helm.template(folder)
    assert (done.code, done.out) == (1, b"")
    assert re.search(r"error MS\d+ VirtualService shop/cart .*\n.*subset", done.err)
    rule = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: cart, namespace: shop}\n"
        "spec: {host: cart, subsets: [{name: v1, labels: {version: v1}}]}\n"
    )
    context = write(helm.folder / "platform", {"cart.yaml": rule})
    shown = helm.template(folder, env={"MESHSHIFT_CONTEXT": str(context)})
    assert "VirtualService/cart" not in identities(shown.succeeded().documents), (
        "with the other chart as context it moves"
    )


def test_invariant_06_hooks_sent_apart_get_the_same_answer(
    helm: Helm, streams: Callable[..., Streams]
) -> None:
    """Programs built on Helm 4 may send hooks and the rest of a chart in two invocations."""
    sent, together = streams(UMBRELLA)
    hooks = [text for text in split(sent) if b"helm.sh/hook" in text]
    others = [text for text in split(sent) if b"helm.sh/hook" not in text]
    assert len(hooks) == (2 if helm.version == 4 else 0)
    report = helm.folder / "report.jsonl"
    env = helm.env | STRICT | {"HELM_PLUGIN_NAME": "meshshift", "MESHSHIFT_REPORT_FILE": str(report)}
    apart = [run([WRAPPER], env, stdin=b"---\n".join(part)).succeeded().out for part in (hooks, others)]
    answers = [Done(0, stream, "").documents for stream in (b"---\n".join(apart), together)]
    assert sorted(identities(answers[0])) == sorted(identities(answers[1]))
    for document in answers[1]:
        assert one(answers[0], identities([document])[0]) == document
    assert len(report.read_text().splitlines()) >= 2, "the second report does not replace the first"


def test_invariant_07_file_names_do_not_matter(helm: Helm) -> None:
    """Helm 4 goes by file names, Helm 3 by kinds: neither order changes what becomes of a chart."""
    turned = {f"{chr(ord('z') - number)}.yaml": text for number, (_, text) in enumerate(sorted(MESH.items()))}
    first, second = (
        helm.template(chart(helm.folder / str(number), templates)).succeeded().documents
        for number, templates in enumerate((MESH, turned))
    )
    assert in_order(first) == in_order(second)


def test_invariant_07_both_helms_get_the_same_objects(
    helm3: str, helm4: str, home: dict[str, str], tmp_path: Path, program: str
) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "meshshift").symlink_to(ROOT / "helm-postrender")
    old = Helm(3, helm3, home, tmp_path, program)
    new = Helm(4, helm4, home | {"HELM_PLUGINS": str(plugins)}, tmp_path, program)
    given = [helm.template(UMBRELLA).succeeded().documents for helm in (old, new)]
    without_hooks = [[document for document in documents if not hooked(document)] for documents in given]
    assert len(without_hooks[0]) == 8
    assert in_order(without_hooks[0]) == in_order(without_hooks[1])


def test_invariant_10_fifty_megabytes_pass(helm: Helm) -> None:
    lines = '{{- $line := repeat 25 "0123456789abcdef0123456789abcdef" }}\n{{- range $n := until 63 }}\n---\n'
    entry = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: big-{{ $n }}\ndata:\n  text: |\n"
    body = "    {{- range until 1000 }}\n    {{ $line }}\n    {{- end }}\n{{- end }}\n"
    folder = chart(helm.folder / "demo", {"big.yaml": lines + entry + body, "namespace.yaml": NAMESPACE})
    done = helm.template(folder).succeeded()
    assert len(done.out) > 50_000_000
    assert done.out.count(b"\nkind: ConfigMap\n") == 63
    assert done.out.count(b"    " + b"0123456789abcdef" * 50 + b"\n") == 63_000
    assert b"linkerd.io/inject: enabled" in done.out
    assert b"istio-injection" not in done.out


def test_invariant_11_two_helms_share_a_home_when_the_plugin_is_kept_apart(
    helm3: str, helm4: str, home: dict[str, str], tmp_path: Path, mesh_chart: Path
) -> None:
    tool = (
        PLUGIN.format(name="tool")
        .replace("apiVersion: v1\n", "")
        .replace("type: cli/v1\nruntime: subprocess\n", "")
    )
    own = Path(home["HOME"]) / ".local" / "share" / "helm" / "plugins" / "tool"
    write(own, {"plugin.yaml": tool + "usage: x\ndescription: x\ncommand: echo of Helm 3\n"})
    apart = tmp_path / "helm4-plugins"
    apart.mkdir()
    (apart / "meshshift").symlink_to(ROOT / "helm-postrender")

    fourth = home | STRICT | {"HELM_PLUGINS": str(apart)}
    done = run([helm4, "template", "demo", mesh_chart, "--post-renderer", "meshshift"], fourth).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)
    third = run([helm3, "tool"], home)
    assert (third.out.strip(), third.err) == (b"of Helm 3", ""), "Helm 3 keeps its plugins"
    done = run([helm3, "template", "demo", mesh_chart, "--post-renderer", WRAPPER], home | STRICT).succeeded()
    assert "HTTPRoute/cart" in identities(done.documents)

    run([helm4, "plugin", "install", ROOT / "helm-postrender"], home).succeeded()
    broken = run([helm3, "tool"], home)
    assert (broken.code != 0, "failed to load plugins" in broken.err) == (True, True), (
        "why the page says to keep it apart"
    )
    run([helm4, "plugin", "uninstall", "meshshift"], home).succeeded()
    assert run([helm3, "tool"], home).succeeded().out.strip() == b"of Helm 3"


def split(stream: bytes) -> list[bytes]:
    """The documents of a stream, without the separators and without empty ones."""
    parts = re.split(rb"^---[ \t]*\r?\n", stream, flags=re.MULTILINE)
    return [part for part in parts if part.strip()]


def consecutive(places: Sequence[list[bytes]]) -> list[list[bytes]]:
    """The list without repetitions that follow each other."""
    return [place for number, place in enumerate(places) if number == 0 or place != places[number - 1]]


def hooked(document: dict[str, Any]) -> bool:
    """Whether an object is a hook or a test of its chart."""
    return "helm.sh/hook" in document["metadata"].get("annotations", {})


def in_order(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same objects by kind and name."""
    return sorted(documents, key=lambda document: (document["kind"], document["metadata"]["name"]))
