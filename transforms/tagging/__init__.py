"""From patches to tags: batched inference, and what a track's scores come to."""
