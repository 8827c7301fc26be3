"""Who else writes a Secret: what they wrote comes back, so a new value belongs there."""

from collections.abc import Mapping

from paramedic.model.objects import Object, annotations, dig, labels

#: Labels and annotations by which controllers mark what they write, and what the object that they write it from is.
_MARKS: Mapping[str, str] = {
    "argocd.argoproj.io/instance": "Application",
    "argocd.argoproj.io/tracking-id": "Argo CD's application",
    "kustomize.toolkit.fluxcd.io/name": "Kustomization",
    "helm.toolkit.fluxcd.io/name": "HelmRelease",
    "reconcile.external-secrets.io/created-by": "the External Secrets object",
    "reconcile.external-secrets.io/data-hash": "an ExternalSecret",
    "cert-manager.io/certificate-name": "Certificate",
    "sealedsecrets.bitnami.com/managed": "a SealedSecret",
    "reflector.v1.k8s.emberstack.com/reflects": "the Secret it mirrors,",
    "replicator.v1.mittwald.de/replicate-from": "the Secret it mirrors,",
    "app.kubernetes.io/managed-by": "",
}
_RELEASE = "meta.helm.sh/release-name"
_BY_HAND = ("kubectl", "paramedic")


def manager_of(secret: Object) -> str:
    """Where the value is to be changed instead, such as ``ExternalSecret/db``; empty where nothing says so."""
    owners = dig(secret, "metadata", "ownerReferences", default=[])
    if owners:
        return f"{owners[0].get('kind')}/{owners[0].get('name')}"
    marks = labels(secret) | annotations(secret)
    for mark, source in _MARKS.items():
        value = marks.get(mark, "")
        if mark not in marks or value in _BY_HAND or (mark.endswith("managed-by") and value == "Helm"):
            continue
        if not source:
            return f"{value} ({mark})"
        return f"{source}/{value}" if source[0].isupper() and source.isalpha() else f"{source} ({mark}: {value})"
    return ""


def release_of(secret: Object) -> str:
    """The Helm release that it belongs to: nothing writes it back by itself, but the next upgrade may."""
    return annotations(secret).get(_RELEASE, "")
