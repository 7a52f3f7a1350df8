"""Events of a tree-level process, with weights that are all the same.

From particles, vertices and chains as plain data to momenta. Units are GeV; cross sections pb.
"""
