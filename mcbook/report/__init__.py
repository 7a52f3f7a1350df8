"""From limits to what is published: tables for HEPData, comparisons, figures.

Everything here takes the *limits document*, the JSON of ``limits.json``; `document` reads it.
"""
