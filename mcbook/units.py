"""Units of mcbook and the only place that converts them.

Inside mcbook masses and widths are in GeV, lengths in mm, cross sections in fb, luminosities in
fb^-1. Other units appear only in names that say so (``lifetime_cm``, ``cross_section_pb``).
"""

#: hbar * c [GeV mm]. CODATA 2018: 197.3269804 MeV fm.
HBARC_GEV_MM = 1.973269804e-13

#: hbar [GeV ps]: a lifetime times a width in GeV over this is a number. CODATA 2018.
HBAR_GEV_PS = 6.582119569e-13

#: (hbar c)^2 [GeV^2 fb]: a cross section in GeV^-2 times this is in fb. Source: PDG 2024.
GEV2_FB = 3.893793721e11

#: fb in a pb; generators report cross sections in pb.
FB_PER_PB = 1000.0

#: fb in a nb.
FB_PER_NB = 1.0e6
