"""Ways to run a catalog: one machine, a cluster of CPUs, or GPUs, and what each comes to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tonearm.pipelines.reports.planning.plan import Catalog, Prices, Rates

_READ_PIECE_MB = 8.0
"""A track is read in pieces of so many megabytes, a request each."""

_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Size:
    """How much is hired.

    Attributes:
        machine_cores: Cores of one machine that does it all.
        cluster_cores: Cores of a cluster.
        gpu_machine_cores: Cores of each machine with a GPU.
    """

    machine_cores: int
    cluster_cores: int
    gpu_machine_cores: int


@dataclass(frozen=True, slots=True)
class Interruptions:
    """How often machines at a spot price are taken away, and what that costs.

    Attributes:
        a_day: How often, each machine.
        minutes_lost: Work that is done again, and the time until another machine works.
    """

    a_day: float
    minutes_lost: float

    @property
    def factor(self) -> float:
        """What hours grow by; infinite if machines never get to work.

        >>> Interruptions(a_day=2, minutes_lost=36).factor
        1.0526315789473684
        """
        lost = self.a_day * self.minutes_lost / _MINUTES_A_DAY
        return 1 / (1 - lost) if lost < 1 else math.inf


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run a catalog.

    Attributes:
        name: What it is.
        cores: Cores that are hired.
        gpus: GPUs that are hired.
        wall_hours: How long it takes.
        tracks_a_second: How fast it is.
        requests_a_second: Requests to storage.
        shuffled_gigabytes: Patches that travel between machines.
    """

    name: str
    cores: int
    gpus: int
    wall_hours: float
    tracks_a_second: float
    requests_a_second: float
    shuffled_gigabytes: float = 0.0

    def cost(self, prices: Prices) -> float | None:
        """Cost of the machines and of what travels between them; None without their prices."""
        return self._cost(prices.core_hour, prices.gpu_hour, prices.shuffled_gigabyte, 1.0)

    def spot_cost(self, prices: Prices, interruptions: Interruptions) -> float | None:
        """The same at spot prices, with what is worked again; None without their prices."""
        hours = (prices.spot_core_hour, prices.spot_gpu_hour)
        return self._cost(*hours, prices.shuffled_gigabyte, interruptions.factor)

    def _cost(
        self, core_hour: float | None, gpu_hour: float | None, shuffled: float | None, factor: float
    ) -> float | None:
        terms = (
            (self.cores * self.wall_hours, core_hour, factor),
            (self.gpus * self.wall_hours, gpu_hour, factor),
            (self.shuffled_gigabytes, shuffled, 1.0),
        )
        needed = [term for term in terms if term[0]]
        if any(price is None for _, price, _ in needed):
            return None
        return sum(amount * (price or 0.0) * factor for amount, price, factor in needed)


def ways(catalog: Catalog, rates: Rates, size: Size) -> list[Way]:
    """All ways; those with GPUs if a GPU's speed is known.

    >>> catalog = Catalog(tracks=1_000_000, minutes=3.0, megabytes=8.0)
    >>> rates = Rates(200.0, 700.0, gpu_speed=35_000.0, row_bytes=6000.0, segment_bytes=3000.0)
    >>> for way in ways(catalog, rates, Size(64, 500, 8)):
    ...     print(way.name, way.cores, way.gpus, round(way.wall_hours, 2))
    one machine 64 0 3.91
    a cluster of CPUs 500 0 0.5
    GPUs that decode too (fused) 496 62 0.14
    GPUs fed by CPUs (right-fitted) 580 10 0.14
    """
    found = [
        _way("one machine", catalog, size.machine_cores * rates.core_speed, size.machine_cores),
        _way("a cluster of CPUs", catalog, size.cluster_cores * rates.core_speed, size.cluster_cores),
    ]
    if rates.gpu_speed:
        found += [_fused(catalog, rates, rates.gpu_speed, size), _fed(catalog, rates, rates.gpu_speed, size)]
    return found


def _fused(catalog: Catalog, rates: Rates, gpu_speed: float, size: Size) -> Way:
    """As many machines with a GPU as the cores make; each is as fast as its GPU or its decoders."""
    machines = max(1, size.cluster_cores // size.gpu_machine_cores)
    speed = machines * min(gpu_speed, size.gpu_machine_cores * rates.front_end_speed)
    return _way(
        "GPUs that decode too (fused)", catalog, speed, machines * size.gpu_machine_cores, gpus=machines
    )


def _fed(catalog: Catalog, rates: Rates, gpu_speed: float, size: Size) -> Way:
    """The cores decode for as many GPUs as they keep busy, whose own machines have cores too."""
    decoded = size.cluster_cores * rates.front_end_speed
    gpus = math.ceil(decoded / gpu_speed)
    cores = size.cluster_cores + gpus * size.gpu_machine_cores
    name = "GPUs fed by CPUs (right-fitted)"
    return _way(name, catalog, decoded, cores, gpus=gpus, shuffled=rates.patch_bytes)


def _way(
    name: str, catalog: Catalog, speed: float, cores: int, *, gpus: int = 0, shuffled: float = 0.0
) -> Way:
    tracks_a_second = speed / (60 * catalog.minutes)
    return Way(
        name,
        cores,
        gpus,
        wall_hours=catalog.audio_hours / speed,
        tracks_a_second=tracks_a_second,
        requests_a_second=tracks_a_second * math.ceil(catalog.megabytes / _READ_PIECE_MB),
        shuffled_gigabytes=catalog.tracks * catalog.minutes * shuffled / 1e9,
    )
