"""What all line protocols share: bounded buffers of lines, and the signals of the sans-IO cores."""
