"""Les Houches event files: blocks of numpy arrays to text, and text back to what it holds."""
