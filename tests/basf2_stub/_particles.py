"""The table of particles that basf2 comes with: the part of it that events here can hold."""

#: Names by code, without antiparticles that bear the name of their particle.
TABLE = {
    1: "d", 2: "u", 3: "s", 4: "c", 5: "b", 6: "t",
    -1: "anti-d", -2: "anti-u", -3: "anti-s", -4: "anti-c", -5: "anti-b", -6: "anti-t",
    11: "e-", -11: "e+", 12: "nu_e", -12: "anti-nu_e",
    13: "mu-", -13: "mu+", 14: "nu_mu", -14: "anti-nu_mu",
    15: "tau-", -15: "tau+", 16: "nu_tau", -16: "anti-nu_tau",
    21: "g", 22: "gamma", 23: "Z0", 24: "W+", -24: "W-", 25: "Higgs0", 10022: "vpho",
    111: "pi0", 211: "pi+", -211: "pi-", 113: "rho0", 213: "rho+", -213: "rho-",
    221: "eta", 331: "eta'", 223: "omega", 333: "phi", 9010221: "f_0",
    20113: "a_10", 20213: "a_1+", -20213: "a_1-", 225: "f_2",
    130: "K_L0", 310: "K_S0", 311: "K0", -311: "anti-K0", 321: "K+", -321: "K-",
    313: "K*0", -313: "anti-K*0", 323: "K*+", -323: "K*-",
    411: "D+", -411: "D-", 421: "D0", -421: "anti-D0", 431: "D_s+", -431: "D_s-",
    413: "D*+", -413: "D*-", 423: "D*0", -423: "anti-D*0", 433: "D_s*+", -433: "D_s*-",
    511: "B0", -511: "anti-B0", 521: "B+", -521: "B-", 531: "B_s0", -531: "anti-B_s0",
    513: "B*0", -513: "anti-B*0", 523: "B*+", -523: "B*-",
    441: "eta_c", 443: "J/psi", 100443: "psi(2S)", 30443: "psi(3770)",
    553: "Upsilon", 100553: "Upsilon(2S)", 200553: "Upsilon(3S)", 300553: "Upsilon(4S)",
    9000553: "Upsilon(5S)", 9010553: "Upsilon(6S)",
    2112: "n0", -2112: "anti-n0", 2212: "p+", -2212: "anti-p-",
    3122: "Lambda0", -3122: "anti-Lambda0", 3222: "Sigma+", -3222: "anti-Sigma-",
    3112: "Sigma-", -3112: "anti-Sigma+", 3212: "Sigma0", -3212: "anti-Sigma0",
    3312: "Xi-", -3312: "anti-Xi+", 3322: "Xi0", -3322: "anti-Xi0",
    4122: "Lambda_c+", -4122: "anti-Lambda_c-",
    # taken codes of the kind that models like to use for new particles
    9000113: "code 9000113", 9000211: "code 9000211", -9000211: "code -9000211",
    9910610: "code 9910610", 9920443: "code 9920443",
}  # fmt: skip

#: Codes (of particle and antiparticle) that have a lifetime in the table.
LIVE = {
    13, 15, 111, 211, 221, 130, 310, 321, 411, 421, 431, 511, 521, 531,
    2112, 3122, 3222, 3112, 3212, 3312, 3322, 4122,
}  # fmt: skip

#: Codes that do not reach a detector.
QUARKS = {1, 2, 3, 4, 5, 6, 21}

#: What is known now: a name and a lifetime by code. `pdg` adds to it.
known = {code: {"name": name, "lifetime": float(abs(code) in LIVE)} for code, name in TABLE.items()}
