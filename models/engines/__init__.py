"""What runs networks: the contract, OpenVINO on CPUs, torch on GPUs, and the cache of built graphs."""
