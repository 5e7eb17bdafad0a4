"""What the writer of the shipped network and its reader agree on; the reader need not load the writer."""

GRAPH_VERSION = 1  # raise it with any change of `graph.py`: caches of the older graph are then left alone
CHIP = 150  # pixels a side of an aligned face
EMBEDDING = 128

INPUT = "chips"
OUTPUT = "embeddings"
