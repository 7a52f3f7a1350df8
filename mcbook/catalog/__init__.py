"""The books: which samples there are, what they were made from and where they lie."""
