"""Public data sets as they lie on disk, one file each: their layout, known faults, licence and citation."""
