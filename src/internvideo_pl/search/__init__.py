"""Search in one's own videos by sentences: a folder embedded once, an index in memory, a page of thumbnails."""
