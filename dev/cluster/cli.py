"""The command line: kind's words, our own options."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import build, controlplane, interrupts, kubeconfig, kwok, lifecycle, state
from .errors import Interrupted, LocalkindError
from .progress import Progress, colours_wanted

Command = Callable[[argparse.Namespace, Progress], None]
DEFAULT_NODES = 2


def main(arguments: Sequence[str]) -> int:
    """Runs one command. Returns 0, 1 on failure, 2 on wrong usage, 128 + N when ended by signal N."""
    options = _parser().parse_args(arguments)
    if platform.system() != "Linux":
        return _fail("dev/localkind runs Kubernetes' programs natively, on Linux only; use kind with Docker here")
    interrupts.install()
    os.umask(0o077)
    try:
        options.run(options, Progress(quiet=options.quiet))
    except LocalkindError as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` closed our output: not an error
    except Interrupted as interruption:
        _fail(f"interrupted by {signal.Signals(interruption.signal_number).name}; everything started was ended")
        return 128 + interruption.signal_number
    return 0


def _create(options: argparse.Namespace, progress: Progress) -> None:
    nodes = options.nodes if options.nodes is not None else (0 if options.real_node else DEFAULT_NODES)
    cluster = lifecycle.create(
        lifecycle.Wishes(
            name=options.name,
            kubeconfig=options.kubeconfig,
            nodes=nodes,
            real_node=options.real_node,
            apiserver_arguments=options.apiserver_arg,
            install_packages=options.install_packages,
            retain=options.retain,
        ),
        progress,
    )
    progress.note(f'cluster "{options.name}" is ready: kubectl cluster-info --context {cluster.context}')


def _get_clusters(_options: argparse.Namespace, progress: Progress) -> None:
    found = [cluster for cluster in map(state.find, state.names()) if cluster]
    for cluster in found:
        if cluster.dead():
            progress.warn(f'cluster "{cluster.name}" no longer runs: delete it, or create it anew')
        else:
            print(cluster.name)
    if not found:
        print("No kind clusters found.", file=sys.stderr)


def _get_kubeconfig(options: argparse.Namespace, _progress: Progress) -> None:
    config = kubeconfig.read(state.require(options.name).path("admin.conf"))
    if not config:
        raise LocalkindError(f'cluster "{options.name}" is still being created; try again in some seconds')
    print(json.dumps(config, indent=2))


def _get_audit_log(options: argparse.Namespace, _progress: Progress) -> None:
    print(controlplane.audit_log(state.require(options.name)))


def _delete(options: argparse.Namespace, progress: Progress) -> None:
    if not lifecycle.delete(options.name, options.kubeconfig, progress):
        progress.note(f'there was no cluster "{options.name}"')


def _build(options: argparse.Namespace, progress: Progress) -> None:
    print(build.programs(progress, with_node=options.node))


def _load(options: argparse.Namespace, _progress: Progress) -> None:
    lifecycle.load_image_archive(options.name, options.archive)


def _version(_options: argparse.Namespace, _progress: Progress) -> None:
    print(f"localkind, Kubernetes {build.kubernetes_version()}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="localkind", description="Throwaway Kubernetes clusters from Kubernetes' own programs, without Docker."
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show nothing but warnings and errors")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_create(_group(verbs, "create", "create a cluster"))
    _add_get(_group(verbs, "get", "list clusters, print a kubeconfig or where the audit log is"))
    removal = _group(verbs, "delete", "delete a cluster")
    delete = _leaf(removal, "cluster", "end a cluster and remove all of it; fine if there is none", _delete)
    _name(delete)
    delete.add_argument("--kubeconfig", metavar="FILE", help="the kubeconfig to take the context out of")
    built = _leaf(verbs, "build", "build the programs, and print the folder that holds them", _build)
    built.add_argument("--node", action="store_true", help="also what a real node needs")
    archive = _leaf(_group(verbs, "load", "load an image into a real node"), "image-archive", "a docker-archive", _load)
    archive.add_argument("archive", type=Path, metavar="FILE", help="a tar as `docker save` and dev/image write it")
    _name(archive)
    _leaf(verbs, "version", "print the version of Kubernetes", _version)
    return parser


def _add_create(creation: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    create = _leaf(creation, "cluster", "create a cluster and make its context the current one", _create)
    _name(create)
    create.add_argument("--kubeconfig", metavar="FILE", help="the file for the context (default: as kubectl)")
    create.add_argument(
        "--nodes", type=_node_count, metavar="N", help="simulated nodes (default 2, or 0 with --real-node)"
    )
    create.add_argument("--real-node", action="store_true", help="one real node that runs containers (root on Linux)")
    create.add_argument(
        "--apiserver-arg", action="append", default=[], metavar="FLAG=VALUE",
        help="a flag for the API server, as --apiserver-arg=--v=4 or --apiserver-arg v=4; may be repeated",
    )  # fmt: skip
    create.add_argument("--install-packages", action="store_true", help="apt-get install what is missing (as root)")
    create.add_argument("--retain", action="store_true", help="keep everything when the start fails, to look into it")
    for ignored in ("--image", "--wait"):
        create.add_argument(ignored, metavar="X", help="ignored; accepted because kind has it")


def _add_get(getting: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _leaf(getting, "clusters", "list the names of all clusters", _get_clusters)
    _name(_leaf(getting, "kubeconfig", "print a cluster's kubeconfig", _get_kubeconfig))
    _name(_leaf(getting, "audit-log", "print the path of the API server's audit log", _get_audit_log))


def _group(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return verbs.add_parser(name, help=text, description=text).add_subparsers(metavar="WHAT", required=True)


def _leaf(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: Command
) -> argparse.ArgumentParser:
    leaf = verbs.add_parser(name, help=text, description=text)
    leaf.set_defaults(run=run)
    return leaf


def _name(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("KIND_CLUSTER_NAME", "kind")
    text = "the cluster's name (default: $KIND_CLUSTER_NAME, else kind)"
    parser.add_argument("-n", "--name", type=_cluster_name, default=default, help=text)


def _cluster_name(text: str) -> str:
    if not state.valid_name(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a valid cluster name: use 1 to 50 of the characters a-z, 0-9, '.' and '-'"
        )
    return text


def _node_count(text: str) -> int:
    if not text.isdigit() or int(text) > kwok.MAX_NODES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {kwok.MAX_NODES}")
    return int(text)


def _fail(message: str) -> int:
    label = "\x1b[31merror:\x1b[0m" if colours_wanted(sys.stderr) else "error:"
    print(f"{label} {message}", file=sys.stderr)
    return 1
