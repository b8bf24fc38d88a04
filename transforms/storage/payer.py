"""Who pays for requests to buckets whose readers pay."""

from __future__ import annotations

import os
from dataclasses import dataclass

_BILLING_PROJECT = "TONEARM_BILLING_PROJECT"
_S3_REQUESTER_PAYS = "TONEARM_S3_REQUESTER_PAYS"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays; handed to the storages by the environment, as credentials are.

    On a cluster, set the variables where its workers run.

    Attributes:
        billing_project: Google project that pays, ``TONEARM_BILLING_PROJECT``; empty for none.
        s3: True if this AWS account pays, ``TONEARM_S3_REQUESTER_PAYS``.
    """

    billing_project: str = ""
    s3: bool = False

    @classmethod
    def of_environment(cls) -> Payer:
        """The payer that the environment names."""
        return cls(os.environ.get(_BILLING_PROJECT, ""), bool(os.environ.get(_S3_REQUESTER_PAYS)))

    def export(self) -> None:
        """Name this payer in the environment; what is not set here stays as the environment has it."""
        if self.billing_project:
            os.environ[_BILLING_PROJECT] = self.billing_project
        if self.s3:
            os.environ[_S3_REQUESTER_PAYS] = "1"
