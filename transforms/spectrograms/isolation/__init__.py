"""Files of strangers, those of manifests too, are read in a process apart, with little memory and by request."""
