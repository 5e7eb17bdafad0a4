"""What the writer of the shipped networks and their readers agree on; who reads need not load the writer."""

GRAPH_VERSION = 1  # raise it with any change of `graph.py`: caches of the older graph are then left alone
CHIP = 150  # pixels a side of an aligned face
EMBEDDING = 128

INPUT = "chips"
OUTPUT = "embeddings"

PICTURE = "picture"
SCORES = "scores"
STRIDE = 8  # pixels of the picture from one score of the detecting network to the next
FIRST = 14  # where the middle of the first score's window lies, from the edge of the picture
