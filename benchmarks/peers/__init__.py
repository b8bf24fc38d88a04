"""What the sections measure against: the original musicnn, bare kernels, plain loops, matrix products."""
