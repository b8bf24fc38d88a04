"""The streaming graph's own parts, driven by Beam's TestStream."""

import json
from collections import Counter

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing import test_stream
from apache_beam.testing.util import assert_that, equal_to

from tonearm.pipelines.graphs.stream import ArrivalsOfMessages
from tonearm.pipelines.runs.metrics import counters
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.sources.object_filter import ObjectFilter


def _message(number: int, name: str, generation: int, event: str = "OBJECT_FINALIZE") -> PubsubMessage:
    attributes = {
        "eventType": event,
        "bucketId": "music",
        "objectId": name,
        "objectGeneration": str(generation),
    }
    return PubsubMessage(json.dumps({"size": "10"}).encode(), attributes, message_id=str(number))


def _in_short(announced: Arrival) -> tuple[str, str]:
    if isinstance(announced, Failure):
        return announced.track.track_id, str(announced.error)
    return announced.uri, announced.generation


def _announced(
    stream: test_stream.TestStream, wanted: ObjectFilter, expected: list[tuple[str, str]]
) -> Counter[str]:
    """Check what is announced; returns the counters of what is not."""
    options = PipelineOptions(["--streaming"])
    with beam.Pipeline("BundleBasedDirectRunner", options=options) as pipeline:
        announced = pipeline | stream | ArrivalsOfMessages(wanted) | beam.Map(_in_short)
        assert_that(announced, equal_to(expected))
    return counters(pipeline.result.metrics())


def test_each_object_and_generation_is_announced_once_however_late_it_comes_again() -> None:
    stream = (
        test_stream.TestStream()
        .add_elements([_message(1, "a.mp3", 1), _message(2, "a.mp3", 1)])
        .advance_processing_time(600)
        .advance_watermark_to(10**6)
        .add_elements([_message(3, "a.mp3", 2), _message(1, "a.mp3", 1), _message(4, "b.mp3", 1)])
        .advance_watermark_to_infinity()
    )
    expected = [("gs://music/a.mp3", "1"), ("gs://music/a.mp3", "2"), ("gs://music/b.mp3", "1")]
    _announced(stream, ObjectFilter(), expected)


def test_only_new_objects_of_wanted_names_are_announced_and_malformed_messages_are_failures() -> None:
    stream = (
        test_stream.TestStream()
        .add_elements(
            [
                _message(1, "in/a.FLAC", 1),
                _message(2, "in/a.flac", 1, event="OBJECT_DELETE"),
                _message(3, "other/a.flac", 1),
                _message(4, "in/cover.jpg", 1),
                _message(5, "in/", 1),
                _message(7, "in/gcloud/tmp/parallel_composite_uploads/a.flac", 1),
                _message(8, "in/tags/a.flac", 1),
                PubsubMessage(b"\xff", {"eventType": "OBJECT_FINALIZE"}, message_id="6"),
            ]
        )
        .advance_watermark_to_infinity()
    )
    wanted = ObjectFilter(("gs://music/in/",), (".flac",), outputs=("gs://music/in/tags",))
    expected = [("gs://music/in/a.FLAC", "1"), ("message:6", "malformed_message")]
    counted = _announced(stream, wanted, expected)
    assert counted == {"skipped_LEFT_OUT": 2, "skipped_UPLOAD_PART": 1, "skipped_IN_OUTPUT": 1}
