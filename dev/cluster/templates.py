"""The statuses that kwok writes, as Go templates over the Pod or Node (functions: sprig's and kwok's own)."""

from __future__ import annotations

from collections.abc import Sequence

NOW = "{{ $now := Now }}\n"

POD_ADDRESSES = """
startTime: {{ or .status.startTime $now | Quote }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ if .status.podIP }}
podIP: {{ .status.podIP | Quote }}
{{ else }}
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) .metadata.uid .metadata.name .metadata.namespace }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ end }}
"""

INIT_CONTAINERS = """
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ printf "%s@sha256:%s" .image (sha256sum .image) | Quote }}
  containerID: {{ printf "kwok://%s" (sha256sum (printf "%s/%s" $.metadata.uid .name)) | Quote }}
  ready: true
  restartCount: 0
  {{ if eq (toString .restartPolicy) "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  started: false
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
{{ end }}
"""

# $tag is the image's tag, $restarts and $started come from the status before. The last lines of each entry follow.
CONTAINER_HEAD = """
containerStatuses:
{{ $before := or .status.containerStatuses list }}
{{ range $i, $container := .spec.containers }}
{{ $parts := splitList ":" (last (splitList "/" (first (splitList "@" $container.image)))) }}
{{ $tag := "" }}{{ if gt (len $parts) 1 }}{{ $tag = index $parts 1 }}{{ end }}
{{ $old := dict }}{{ if gt (len $before) $i }}{{ $old = index $before $i }}{{ end }}
{{ $restarts := int (toString (dig "restartCount" 0 $old)) }}
{{ $started := dig "state" "running" "startedAt" $now $old }}
{{ $id := printf "kwok://%s" (sha256sum (printf "%s/%s" $.metadata.uid $container.name)) }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
"""

IMAGE_ID = """
  imageID: {{ printf "%s@sha256:%s" $container.image (sha256sum $container.image) | Quote }}
  containerID: {{ $id | Quote }}
"""

RUNNING = """
  ready: %s
  started: true
  restartCount: {{ $restarts }}
  state: {running: {startedAt: {{ $started | Quote }}}}
"""

EXITED = """
    containerID: {{ $id | Quote }}
    exitCode: %d
    reason: %s
    startedAt: {{ $started | Quote }}
    finishedAt: {{ $now | Quote }}
"""

CRASHED = (
    """
  ready: false
  started: false
  restartCount: {{ add1 $restarts }}
  state:
    waiting:
      reason: CrashLoopBackOff
      message: {{ printf "back-off restarting failed container=%s pod=%s_%s(%s)" $container.name $.metadata.name
        $.metadata.namespace $.metadata.uid | Quote }}
  lastState:
   terminated:
"""
    + EXITED % (1, "Error")
)

NOT_PULLED = """
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state:
    waiting:
      reason: %s
      message: {{ printf "%s" $container.image | Quote }}
"""

# In containerd's and the kubelet's words, so that what reads them need not tell a simulated Pod from a real one.
PULL_FAILURE = "failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: %[1]s: not found"


def running_ready() -> str:
    """Every container runs and is ready."""
    return NOW + "phase: Running\n" + _conditions(True) + POD_ADDRESSES + INIT_CONTAINERS + _containers()


def running_unready() -> str:
    """Every container runs, none is ready."""
    return NOW + "phase: Running\n" + _conditions(False) + POD_ADDRESSES + INIT_CONTAINERS + _containers(ready=False)


def crash(tags: Sequence[str]) -> str:
    """The containers with these tags have failed for the first time; the others run."""
    return NOW + "phase: Running\n" + _conditions(False) + POD_ADDRESSES + INIT_CONTAINERS + _containers(CRASHED, tags)


def crash_again(tags: Sequence[str]) -> str:
    """One more restart has failed."""
    return NOW + _containers(CRASHED, tags)


def failed(tags: Sequence[str]) -> str:
    """Failed for good, as the restart policy Never has it."""
    entry = IMAGE_ID_AND_STATE % (1, "Error")
    return NOW + "phase: Failed\n" + _conditions(False) + POD_ADDRESSES + INIT_CONTAINERS + _containers(entry, tags)


def pull_error(tags: Sequence[str]) -> str:
    """The image could not be pulled just now. The Pod stays Pending."""
    entry = NOT_PULLED % ("ErrImagePull", "rpc error: code = NotFound desc = " + PULL_FAILURE)
    return NOW + _conditions(False) + POD_ADDRESSES + INIT_CONTAINERS + _containers(entry, tags, image_id=False)


def pull_back_off(tags: Sequence[str]) -> str:
    """The image could not be pulled, and the next try waits."""
    words = "Back-off pulling image %[1]q: ErrImagePull: rpc error: code = NotFound desc = " + PULL_FAILURE
    return NOW + _containers(NOT_PULLED % ("ImagePullBackOff", words), tags, image_id=False)


def succeeded() -> str:
    """Every container has ended with exit code 0."""
    entry = IMAGE_ID_AND_STATE % (0, "Completed")
    return NOW + "phase: Succeeded\n" + _conditions(False, "PodCompleted") + _containers(entry)


def node_conditions(ready: bool) -> str:
    """A node's conditions, with the reasons a kubelet gives; the time of change moves only when Ready changes."""
    status, reason, message = (
        ("True", "KubeletReady", "kubelet is posting ready status")
        if ready
        else ("False", "KubeletNotReady", "container runtime is down")
    )
    return f"""{NOW}
{{{{ $status := {status!r} }}}}
{{{{ $since := $now }}}}
{{{{ range .status.conditions }}}}{{{{ if and (eq .type "Ready") (eq .status $status) }}}}
{{{{ $since = .lastTransitionTime }}}}{{{{ end }}}}{{{{ end }}}}
conditions:
- type: Ready
  status: {status!r}
  reason: {reason}
  message: {message}
  lastHeartbeatTime: {{{{ $now | Quote }}}}
  lastTransitionTime: {{{{ $since | Quote }}}}
""".replace("'", '"')


IMAGE_ID_AND_STATE = (
    """
  ready: false
  started: false
  restartCount: {{ $restarts }}
  state:
   terminated:
"""
    + EXITED
)


def _conditions(ready: bool, reason: str = "ContainersNotReady") -> str:
    """Pod conditions. Nulls take away the reason that a condition had while it was false."""
    simple = [("PodReadyToStartContainers", "True"), ("Initialized", "True")]
    lines = ["conditions:"]
    for kind, status in simple:
        lines.append(f'- {{type: {kind}, status: "{status}", lastTransitionTime: {{{{ $now | Quote }}}}}}')
    for kind in ("Ready", "ContainersReady"):
        status = '"True", reason: null, message: null' if ready else f'"False", reason: {reason}'
        lines.append(f"- {{type: {kind}, status: {status}, lastTransitionTime: {{{{ $now | Quote }}}}}}")
    return "\n".join(lines) + "\n"


def _containers(special: str = "", tags: Sequence[str] = (), *, ready: bool = True, image_id: bool = True) -> str:
    """Container statuses: `special` for containers with one of the tags (for all, without tags), else running."""
    running = IMAGE_ID + RUNNING % str(ready).lower()
    chosen = (IMAGE_ID if image_id else "") + special
    if not special:
        body = running
    elif not tags:
        body = chosen
    else:
        quoted = " ".join(f'"{tag}"' for tag in tags)
        body = f"{{{{ if has $tag (list {quoted}) }}}}{chosen}{{{{ else }}}}{running}{{{{ end }}}}"
    return CONTAINER_HEAD + body + "{{ end }}\n"
