"""What containers state about their length or their end is held against what was heard, and no more."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from tests.audio_files import Recipe, sweep, write_with_ffmpeg
from tests.rare_audio_files import RARE_FILES, by_ffmpeg
from tonearm.transforms.audio.reader import AudioReader, open_audio

SECONDS = 6.0
NOISE = np.random.default_rng(5).bytes


def heard(content: bytes) -> AudioReader:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with open_audio(file.name) as reader:
            for _ in reader.blocks():
                pass
    return reader


def film(container: str, encoder: str, picture: str, *, film_s: float) -> bytes:
    """Six seconds of sound beside pictures of another length."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        sound = output.add_stream(encoder, rate=44100, layout="stereo")
        sound.bit_rate = 128_000
        pictures = output.add_stream(picture, rate=10, width=64, height=64, pix_fmt="yuv420p")
        output.start_encoding()
        images = round(10 * film_s)
        for number in range(images):
            image = np.full((64, 64, 3), number % 200, np.uint8)
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(pictures.encode(None))
        samples = np.ascontiguousarray(sweep(SECONDS).reshape(1, -1))
        whole = av.AudioFrame.from_ndarray(samples, format="flt", layout="stereo")
        whole.sample_rate, whole.pts = 44100, 0
        context = sound.codec_context
        resampler = av.AudioResampler(context.format.name, "stereo", 44100, context.frame_size)
        for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
            output.mux(sound.encode(frame))
    return file.getvalue()


FILMS = {
    "asf": ("asf", "wmav2", "msmpeg4"),
    "wtv": ("wtv", "mp2", "mpeg2video"),
    "matroska": ("matroska", "aac", "mpeg4"),
    "flv": ("flv", "libmp3lame", "flv"),
}


@pytest.mark.parametrize("kind", FILMS)
def test_pictures_that_outlast_the_sound_are_no_loss_of_sound(kind: str) -> None:
    reader = heard(film(*FILMS[kind], film_s=10.0))
    assert reader.decoded_s == pytest.approx(SECONDS, abs=0.15)
    assert not reader.truncated


@pytest.mark.parametrize("kind", FILMS)
def test_a_film_that_is_not_read_to_its_end_is_cut(kind: str) -> None:
    """Half of it is noise, behind which FFmpeg finds no more packets."""
    content = film(*FILMS[kind], film_s=SECONDS)
    start, end = len(content) // 2, len(content) * 3 // 4
    assert heard(content[:start] + NOISE(end - start) + content[end:]).truncated


STATED: dict[str, Callable[[], bytes]] = {
    "wtv": by_ffmpeg("wtv", "mp2", seconds=SECONDS),
    "ast": by_ffmpeg("ast", "pcm_s16be_planar", seconds=SECONDS),
    "adx": by_ffmpeg("adx", "adpcm_adx", seconds=SECONDS),
    "apm": by_ffmpeg("apm", "adpcm_ima_apm", rate_hz=22050, seconds=SECONDS),
    "argonaut": by_ffmpeg("argo_asf", "adpcm_argo", rate_hz=22050, seconds=SECONDS),
    "kvag": by_ffmpeg("kvag", "adpcm_ima_ssi", seconds=SECONDS),
    "smaf": by_ffmpeg("mmf", "adpcm_yamaha", rate_hz=22050, channels=1, seconds=SECONDS),
    "swf": by_ffmpeg("swf", "libmp3lame", seconds=SECONDS),
    "musepack_8": RARE_FILES["musepack_8"].make,
    "gsm": lambda: 12 * RARE_FILES["gsm"].make(),
}


@pytest.mark.parametrize("kind", STATED)
def test_what_states_its_length_is_whole_as_it_was_written(kind: str) -> None:
    assert not heard(STATED[kind]()).truncated


@pytest.mark.parametrize("kind", sorted(STATED.keys() - {"wtv"}))
def test_what_is_shorter_than_it_states_is_cut(kind: str) -> None:
    content = STATED[kind]()
    reader = heard(content[: len(content) * 7 // 10 + 5])
    assert reader.truncated
    assert reader.decoded_s > 0.25


@pytest.mark.parametrize("kind", ["wtv", "swf", "gsm"])
def test_damage_behind_which_nothing_more_is_found_is_told(kind: str) -> None:
    content = STATED[kind]()
    start, end = len(content) // 2, len(content) * 3 // 4 + 7
    assert heard(content[:start] + NOISE(end - start) + content[end:]).truncated


def test_zeros_among_the_tags_of_flash_are_not_its_end() -> None:
    content = STATED["swf"]()
    start = len(content) // 2
    assert heard(content[:start] + bytes(9000) + content[start + 9000 :]).truncated


@pytest.mark.parametrize("encoder", ["ac3", "eac3"])
def test_a_wav_that_carries_a_cables_bursts_is_cut_where_its_data_is(encoder: str) -> None:
    bursts = by_ffmpeg("spdif", encoder, rate_hz=48000, seconds=SECONDS)()
    file = io.BytesIO()
    sf.write(file, np.frombuffer(bursts, np.int16).reshape(-1, 2), 48000, format="WAV", subtype="PCM_16")
    whole = file.getvalue()
    assert not heard(whole).truncated
    cut = heard(whole[: len(whole) * 2 // 3])
    assert cut.info.codec == encoder
    assert cut.truncated


TWICE = {
    "mp4": ("mp4", "aac"),
    "mov": ("mov", "alac"),
    "matroska": ("matroska", "flac"),
    "asf": ("asf", "wmav2"),
    "flv": ("flv", "libmp3lame"),
    "avi": ("avi", "libmp3lame"),
    "aiff": ("aiff", "pcm_s16be"),
    "caf": ("caf", "pcm_s16be"),
    "swf": ("swf", "libmp3lame"),
    "tta": ("tta", "tta"),
}


@pytest.mark.parametrize("kind", TWICE)
def test_a_second_file_behind_the_first_is_heard_or_told(kind: str) -> None:
    content = by_ffmpeg(*TWICE[kind], seconds=2.0)()
    assert not heard(content).truncated
    reader = heard(content + content)
    assert reader.truncated or reader.decoded_s > 3.9


def test_a_film_in_several_parts_of_one_avi_is_no_second_file() -> None:
    content = by_ffmpeg("avi", "libmp3lame", seconds=2.0)()
    later_part = b"RIFF" + (4).to_bytes(4, "little") + b"AVIX"
    assert not heard(content + later_part).truncated


ENDS = {
    "transport stream": ("mpegts", "mp2"),
    "program stream": ("mpeg", "mp2"),
    "bursts of a cable": ("spdif", "ac3"),
    "adts": ("adts", "aac"),
}


@pytest.mark.parametrize("kind", ENDS)
def test_noise_at_the_end_of_a_stream_is_where_sound_was(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "whole"
    rate_hz = 48000
    recipe = Recipe("", "", ffmpeg=ENDS[kind])
    write_with_ffmpeg(path, recipe, sweep(20.0, rate_hz=rate_hz), rate_hz=rate_hz, cover=False)
    content = path.read_bytes()
    lost = max(len(content) // 3, 80_000)
    assert not heard(content).truncated
    assert heard(content[:-lost] + NOISE(lost)).truncated


def test_time_stamps_of_another_clock_are_no_length() -> None:
    """FFmpeg counts the packets of DTS in an AVI 256 times too long."""
    content = Path(__file__).with_name("fixtures").joinpath("tone.dts").read_bytes()
    file = io.BytesIO()
    with av.open(io.BytesIO(content), format="dts") as bare, av.open(file, "w", format="avi") as output:
        stream = output.add_stream_from_template(bare.streams.audio[0])
        for packet in bare.demux(bare.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    reader = heard(file.getvalue())
    assert reader.info.codec == "dts"
    assert not reader.truncated


def test_a_last_packet_that_is_not_full_is_no_loss() -> None:
    """Matroska knows the length of full packets only; a frame of TTA is a second."""
    assert not heard(by_ffmpeg("matroska", "tta", seconds=2.6)()).truncated


def test_a_packet_without_bytes_is_no_loss() -> None:
    """An encoder's last word, a new header, has become a packet of NUT."""
    assert not heard(by_ffmpeg("nut", "flac", seconds=1.0)()).truncated
