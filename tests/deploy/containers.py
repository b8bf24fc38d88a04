"""Images of deploy/, really built and run, where no registry of images can be reached and no daemon runs.

Debian's `debootstrap` makes the base that stands in for Python's public image, Go builds Beam's start from
its source in place of Beam's public image. Debian's `buildah` builds, `podman` runs. All of it needs root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NEEDS = ("buildah", "podman", "runc", "debootstrap", "go")
"""Programs; beside them root, 15 GB of disk, Debian's mirror, PyPI and the Go module proxy."""

DEBIAN = "bookworm"
"""The release whose Python is 3.11."""

_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

BASE, SDK, LAUNCHER = "localhost/base", "localhost/beam-start", "localhost/launcher"


_AS_EVER = (
    "--pull=never",
    "--no-healthcheck",  # it would need systemd
    "--ulimit=nofile=20000:20000",
    "--ulimit=nproc=4000:4000",
)
"""Of every container."""


class BuildError(Exception):
    """A step failed; the message has the end of what it printed."""


@dataclass(frozen=True)
class Containers:
    """Images and containers of their own, in a folder that may be deleted.

    Attributes:
        folder: Holds all of them.
    """

    folder: Path

    def build(self, tag: str, dockerfile: Path, context: Path, **build_args: str) -> None:
        """Build an image, with no other images than those that were built here."""
        arguments = [f"--build-arg={name}={value}" for name, value in build_args.items()]
        how = ["--isolation=chroot", "--pull-never", "--format=docker", "--layers", f"--tag={tag}"]
        self._run("buildah", "bud", *how, *arguments, f"--file={dockerfile}", str(context))

    def make_stand_ins(self, beam_version: str) -> None:
        """Build what stands in for the public images, where it is not there yet."""
        self._make(BASE, self._base_text(), self._debian())
        self._make(
            SDK, "FROM scratch\nCOPY container /opt/apache/beam/boot\n", self._beams_start(beam_version)
        )
        launcher = self.folder / "launcher"
        launcher.mkdir(exist_ok=True)
        (launcher / "launcher").write_text('#!/bin/sh\nexec python "$FLEX_TEMPLATE_PYTHON_PY_FILE" "$@"\n')
        (launcher / "launcher").chmod(0o755)
        place = "/opt/google/dataflow/python_template_launcher"
        self._make(LAUNCHER, f"FROM scratch\nCOPY launcher {place}\n", launcher)

    def run(
        self,
        image: str,
        *command: str,
        volumes: Sequence[str] = (),
        options: Sequence[str] = (),
        check: bool = True,
    ) -> str:
        """Run a command in a container without a network, on a root that is read-only; what it printed.

        Raises:
            BuildError: The command failed, and is not meant to.
        """
        mounts = [f"--volume={volume}" for volume in volumes]
        entry, *rest = command
        how = ["--rm", "--network=none", "--read-only", *_AS_EVER, *mounts, *options, f"--entrypoint={entry}"]
        return self._run("podman", "run", *how, image, *rest, check=check)

    def write_docker(self, folder: Path, *volumes: str) -> None:
        """Write a program `docker` that runs containers of these images, for whoever calls Docker.

        Args:
            folder: Where it is to lie.
            volumes: What each container sees besides.
        """
        podman = shlex.join(["podman", *self._storage("podman")])
        run = shlex.join(["run", *_AS_EVER, *(f"--volume={volume}" for volume in volumes)])
        program = folder / "docker"
        program.write_text(
            "#!/bin/bash\n"
            "case $1 in\n"
            "pull) exit 0;;\n"
            f'run) shift; exec {podman} {run} "$@";;\n'
            f'*) exec {podman} "$@";;\n'
            "esac\n"
        )
        program.chmod(0o755)

    def end_all(self) -> None:
        """End what still runs: a worker whose task manager is gone begins again and again."""
        self._run("podman", "rm", "--all", "--force")

    def gigabytes(self, image: str) -> float:
        """An image's size, unpacked."""
        return int(self._run("podman", "image", "inspect", "--format={{.Size}}", image)) / 1e9

    def remove(self) -> None:
        """Delete all of it, with what is still mounted."""
        self._run("podman", "system", "reset", "--force", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self, tag: str, text: str, context: Path) -> None:
        dockerfile = self.folder / "Dockerfile"
        dockerfile.write_text(text)
        self.build(tag, dockerfile, context)

    def _debian(self) -> Path:
        root = self.folder / "debian"
        if not (root / "usr/bin/python3").exists():
            shutil.rmtree(root, ignore_errors=True)
            packages = "--include=python3,python3-venv,ca-certificates"
            _checked("debootstrap", "--variant=minbase", packages, DEBIAN, str(root))
        for pattern in (
            "dev/*",
            "var/cache/apt/archives/*.deb",
            "var/lib/apt/lists/*",
            "var/cache/apt/*.bin",
        ):
            for path in root.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if certificates := os.environ.get("SSL_CERT_FILE"):
            shutil.copyfile(certificates, root / _CERTIFICATES.lstrip("/"))
        return root

    def _base_text(self) -> str:
        """Some machines reach the registries by certificates of their own."""
        variables = f"ENV PIP_CERT={_CERTIFICATES} SSL_CERT_FILE={_CERTIFICATES}\n"
        return "FROM scratch\nCOPY . /\n" + (variables if os.environ.get("SSL_CERT_FILE") else "")

    def _beams_start(self, version: str) -> Path:
        folder = self.folder / "beam"
        if not (folder / "container").exists():
            module = f"github.com/apache/beam/sdks/v2/python/container@v{version}"
            _checked("go", "install", module, GOBIN=str(folder), CGO_ENABLED="0")
        return folder

    def _run(self, program: str, *arguments: str, check: bool = True) -> str:
        return _checked(program, *self._storage(program), *arguments, check=check)

    def _storage(self, program: str) -> list[str]:
        storage = ["--storage-driver=overlay", f"--root={self.folder}/images", f"--runroot={self.folder}/run"]
        if program == "podman":
            storage += ["--events-backend=file", "--cgroup-manager=cgroupfs", "--runtime=runc"]
        return storage


def missing() -> list[str]:
    """What this machine lacks."""
    lacking = [program for program in NEEDS if shutil.which(program) is None]
    return [*lacking, *([] if os.geteuid() == 0 else ["root"])]


def has_pytorchs_index() -> bool:
    """True if PyTorch's own index, which has it without CUDA, can be reached."""
    address = "https://download.pytorch.org/whl/cpu/torch/"
    done = subprocess.run(
        ["curl", "--silent", "--fail", "--max-time", "20", "--output", "/dev/null", address], check=False
    )
    return done.returncode == 0


def version_in(lock: str, package: str) -> str:
    """The version that a lock file has of a package."""
    (version,) = re.findall(rf"^{package}==(\S+)", lock, flags=re.MULTILINE)
    return str(version)


def _checked(program: str, *arguments: str, check: bool = True, **environment: str) -> str:
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if check and done.returncode:
        raise BuildError(f"{program} {arguments[-1]}: {done.stdout[-2000:]}{done.stderr[-3000:]}")
    return done.stdout + ("" if check else done.stderr)
