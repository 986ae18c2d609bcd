"""From checkpoint to device: files that other runtimes run, each proven to be the student before it is handed over."""
