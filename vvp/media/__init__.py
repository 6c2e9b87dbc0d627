"""One media file: frames, sound and signals, decoded in a process of its own."""
