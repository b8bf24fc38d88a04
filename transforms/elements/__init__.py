"""What passes from step to step: tracks, failures, settings and times. No step lives here."""
