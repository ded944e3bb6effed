"""The files of one demo: their names, the records, the video, and writing them so that a crash loses little."""
