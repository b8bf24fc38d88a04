"""Records what the original musicnn says about the synthetic signal, in ``golden_synthetic.json``.

Run in an environment of its own, since TensorFlow has no place in the product's::

    python3.11 -m venv /tmp/orig
    /tmp/orig/bin/pip install uv
    /tmp/orig/bin/uv pip install --python /tmp/orig/bin/python \
        tensorflow==2.15.1 'numpy<2' librosa==0.10.2 soundfile
    /tmp/orig/bin/uv pip install --python /tmp/orig/bin/python --no-deps musicnn==0.1.0
    /tmp/orig/bin/python tests/models/musicnn/make_golden_synthetic.py

The graph and the checkpoints are the original's, and so are the calls to librosa. One thing differs from its
``extractor``: the spectrogram stays float32. The original rounds mel power to float16 on the way, which moves
a patch's score by up to 1e-4 and, from NumPy 2 on, overflows.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import librosa
import musicnn
import numpy as np
import tensorflow as tf
from musicnn import configuration, models
from numpy.typing import NDArray
from synthetic import SAMPLE_RATE_HZ, synthetic_signal

PATCH_FRAMES = 187
Array = NDArray[np.float32]
NETWORKS = ("MTT_musicnn", "MSD_musicnn")


def spectrogram_patches(samples: Array) -> Array:
    """Compute what the original's ``batch_data`` does, in float32: ``[patches, frames, bands]``."""
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=configuration.SR,
        hop_length=configuration.FFT_HOP,
        n_fft=configuration.FFT_SIZE,
        n_mels=configuration.N_MELS,
    )
    log_mel = np.log10(10000 * mel.T.astype(np.float32) + 1)
    count = len(log_mel) // PATCH_FRAMES
    return log_mel[: count * PATCH_FRAMES].reshape(count, PATCH_FRAMES, configuration.N_MELS)


def run_original(
    network: str, patches: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run the original graph: scores ``[patches, 50]`` and penultimate layer ``[patches, 200]``."""
    tf.compat.v1.disable_eager_execution()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        with tf.name_scope("model"):
            inputs = tf.compat.v1.placeholder(tf.float32, [None, PATCH_FRAMES, configuration.N_MELS])
            logits, *_, penultimate = models.define_model(inputs, False, network, 50)
            scores = tf.nn.sigmoid(logits)
        folder = Path(musicnn.__file__).parent / network
        tf.compat.v1.train.Saver().restore(session, f"{folder}/")
        return session.run([scores, penultimate], feed_dict={inputs: patches})


def main() -> None:
    """Write ``golden_synthetic.json`` beside this script."""
    signal = synthetic_signal()
    samples = signal.astype(np.float32) / 32768
    patches = spectrogram_patches(samples)
    golden = {
        "source": "musicnn 0.1.0 (PyPI, ISC): its graph, checkpoints and librosa calls, in float32",
        "made_by": "tests/models/musicnn/make_golden_synthetic.py",
        "made_on": datetime.now(UTC).date().isoformat(),
        "versions": {"tensorflow": tf.__version__, "librosa": librosa.__version__, "numpy": np.__version__},
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "signal_sha256": hashlib.sha256(signal.astype("<i2").tobytes()).hexdigest(),
    }
    for network in NETWORKS:
        scores, embedding = run_original(network, patches)
        golden[network] = {
            "scores": np.round(scores.astype(float), 7).tolist(),
            "embedding_mean": np.round(embedding.mean(axis=0).astype(float), 5).tolist(),
        }
    Path(__file__).with_name("golden_synthetic.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
