"""Files of strangers are read in a process of its own, which may take little memory and reads by request."""
