"""The planner: what a catalog costs in core-hours, wall time and storage, from measured rates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is to be tagged.

    Attributes:
        tracks: How many.
        minutes: Their mean length.
        megabytes: Their mean size.
    """

    tracks: int
    minutes: float
    megabytes: float

    @property
    def audio_hours(self) -> float:
        """Length of the whole catalog."""
        return self.tracks * self.minutes / 60


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast things are.

    Attributes:
        core_speed: Hours of audio that one core tags in an hour, all stages and tables included.
        front_end_speed: The same without the network: what cores that feed a GPU do.
        gpu_speed: Hours of audio whose patches one GPU scores in an hour; None if unknown.
        row_bytes: Parquet bytes of a track's rows, whatever its length.
        segment_bytes: Parquet bytes of a minute's segments.
        patch_bytes: Bytes of a minute's patches, as they travel from decoders to GPUs.
    """

    core_speed: float
    front_end_speed: float
    gpu_speed: float | None
    row_bytes: float
    segment_bytes: float
    patch_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, in whatever currency; None where no price is given.

    Spot prices are those of machines that may be taken away.
    """

    core_hour: float | None = None
    gpu_hour: float | None = None
    gigabyte_month: float | None = None
    spot_core_hour: float | None = None
    spot_gpu_hour: float | None = None
    shuffled_gigabyte: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a catalog comes to.

    Attributes:
        core_hours: On CPUs alone.
        gpu_hours: Of the network on GPUs; None if the GPU's speed is unknown.
        feeding_core_hours: Of decoding and spectrograms beside the GPUs.
        cores_a_gpu: Cores that keep one GPU busy.
        table_gigabytes: Size of the tables.
        read_gigabytes: What is read from storage.
    """

    core_hours: float
    gpu_hours: float | None
    feeding_core_hours: float
    cores_a_gpu: float | None
    table_gigabytes: float
    read_gigabytes: float

    def wall_hours(self, cores: int) -> float:
        """Wall time on so many cores."""
        return self.core_hours / cores

    def cpu_cost(self, prices: Prices) -> float | None:
        """Cost on CPUs alone; None without a price."""
        return None if prices.core_hour is None else self.core_hours * prices.core_hour

    def gpu_cost(self, prices: Prices) -> float | None:
        """Cost with GPUs and the cores that feed them; None without prices or the GPU's speed."""
        if self.gpu_hours is None or prices.gpu_hour is None or prices.core_hour is None:
            return None
        return self.gpu_hours * prices.gpu_hour + self.feeding_core_hours * prices.core_hour

    def monthly_storage_cost(self, prices: Prices) -> float | None:
        """Cost of keeping the tables for a month; None without a price."""
        return None if prices.gigabyte_month is None else self.table_gigabytes * prices.gigabyte_month


def plan(catalog: Catalog, rates: Rates) -> Plan:
    """Turn rates into hours and gigabytes; all grow in proportion, as the measured cost per track is flat.

    >>> catalog = Catalog(tracks=1_000_000, minutes=3.0, megabytes=8.0)
    >>> rates = Rates(200.0, 700.0, gpu_speed=None, row_bytes=6000.0, segment_bytes=3000.0)
    >>> planned = plan(catalog, rates)
    >>> planned.core_hours, planned.table_gigabytes, planned.wall_hours(cores=50)
    (250.0, 15.0, 5.0)
    """
    gpu_hours = catalog.audio_hours / rates.gpu_speed if rates.gpu_speed else None
    table_bytes = catalog.tracks * (rates.row_bytes + catalog.minutes * rates.segment_bytes)
    return Plan(
        core_hours=catalog.audio_hours / rates.core_speed,
        gpu_hours=gpu_hours,
        feeding_core_hours=catalog.audio_hours / rates.front_end_speed,
        cores_a_gpu=rates.gpu_speed / rates.front_end_speed if rates.gpu_speed else None,
        table_gigabytes=table_bytes / 1e9,
        read_gigabytes=catalog.tracks * catalog.megabytes / 1e3,
    )
