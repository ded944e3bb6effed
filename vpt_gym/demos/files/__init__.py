"""The files of one demo: their names, the records, the video, and a writer whose work survives a crash."""
