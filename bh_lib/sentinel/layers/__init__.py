"""The layers: each reads a document and says which flags it mentions, and where."""
