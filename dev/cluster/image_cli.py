"""The command line of dev/image."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import operator_image
from .errors import LocalkindError
from .golang import REPOSITORY
from .progress import Progress


def main(arguments: Sequence[str]) -> int:
    """Builds the image; prints its file and id. Returns 0, 1 on failure, 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="image", description="Build the operator's container image as a docker-archive, without Docker."
    )
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "build the image from this Python, the locked requirements and operator/paramedic"
    build = verbs.add_parser("build", help=text, description=text)
    build.add_argument("--output", type=Path, metavar="FILE", default=REPOSITORY / "dist" / "paramedic-image.tar")
    build.add_argument("--tag", default="localhost/paramedic:dev", help="the image's name (default: %(default)s)")
    build.add_argument(
        "--requirements", type=Path, metavar="FILE", default=REPOSITORY / "requirements.txt",
        help="the dependencies, locked with hashes (default: requirements.txt)",
    )  # fmt: skip
    build.add_argument("-q", "--quiet", action="store_true", help="show nothing but errors")
    options = parser.parse_args(arguments)
    try:
        wishes = operator_image.Wishes(options.output, options.tag, options.requirements)
        identity = operator_image.build(wishes, Progress(quiet=options.quiet))
    except LocalkindError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; nothing was written", file=sys.stderr)
        return 130
    print(options.output, identity)
    return 0
