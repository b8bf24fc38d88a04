"""From a folder, glob, manifest or message to tracks, and which of them are left to do."""
