"""The original musicnn over files, warm, as a peer; runs in the environment that ``original`` sets up.

Its own graph and checkpoints, and its own calls of librosa. In its favour, what its ``extractor`` does again
for every file and network is done once here: sessions are opened once, a file is decoded once for both.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import librosa
import musicnn
import numpy as np
import tensorflow as tf
from musicnn import configuration, models

PATCH_FRAMES = 187
NETWORKS = ("MTT_musicnn", "MSD_musicnn")


def open_network(name, threads):  # noqa: ANN001, ANN201 - TensorFlow's types are not at hand
    """A session with a network's weights, its input and its outputs."""
    settings = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
    )
    graph = tf.Graph()
    with graph.as_default():
        with tf.name_scope("model"):
            inputs = tf.compat.v1.placeholder(tf.float32, [None, PATCH_FRAMES, configuration.N_MELS])
            logits, *_, penultimate = models.define_model(inputs, False, name, 50)
            outputs = [tf.nn.sigmoid(logits), penultimate]
        session = tf.compat.v1.Session(config=settings)
        tf.compat.v1.train.Saver().restore(session, f"{Path(musicnn.__file__).parent / name}/")
    return session, inputs, outputs


def patches_of(path: str) -> np.ndarray:
    """Log-mel patches, as the original's ``batch_data`` makes them."""
    samples, rate = librosa.load(path, sr=configuration.SR)
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=rate,
        hop_length=configuration.FFT_HOP,
        n_fft=configuration.FFT_SIZE,
        n_mels=configuration.N_MELS,
    ).T.astype(np.float16)
    log_mel = np.log10(10000 * mel.astype(np.float32) + 1)
    count = len(log_mel) // PATCH_FRAMES
    return log_mel[: count * PATCH_FRAMES].reshape(count, PATCH_FRAMES, configuration.N_MELS)


def score(networks, patches, batch):  # noqa: ANN001, ANN201
    """Scores and embeddings of a file's patches by both networks."""
    return [
        session.run(outputs, {inputs: patches[first : first + batch]})
        for session, inputs, outputs in networks
        for first in range(0, len(patches), batch)
    ]


def main() -> None:
    """Score the files named after the number of threads and of patches a batch; print seconds as JSON."""
    threads, batch, *paths = sys.argv[1:]
    tf.compat.v1.disable_eager_execution()
    networks = [open_network(name, int(threads)) for name in NETWORKS]
    score(networks, patches_of(paths[0])[: 2 * int(batch)], int(batch))
    begun = time.perf_counter()
    for path in paths:
        score(networks, patches_of(path), int(batch))
    print(json.dumps(time.perf_counter() - begun))


if __name__ == "__main__":
    main()
