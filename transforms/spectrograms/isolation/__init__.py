"""Files of strangers, and manifests, are read in a process of its own, with little memory and by request."""
