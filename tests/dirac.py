"""Dirac matrices and traces in numbers: squared amplitudes without the formulas under test."""

import numpy as np

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.zeros((4, 4, 4), complex)
GAMMA[0] = np.diag([1, 1, -1, -1])
GAMMA[1:, :2, 2:] = _PAULI
GAMMA[1:, 2:, :2] = -_PAULI
ONE = np.eye(4)


def dot(p, q):
    """Minkowski product along the last axis."""
    return np.einsum("...i,ij,...j", p, METRIC, q)


def slash(p):
    """p_mu gamma^mu for momenta of shape (..., 4)."""
    return np.einsum("...i,ij,jab->...ab", p, METRIC, GAMMA)


def trace(*factors):
    """Trace of a product of matrices of shape (..., 4, 4)."""
    product = factors[0]
    for factor in factors[1:]:
        product = product @ factor
    return np.trace(product, axis1=-2, axis2=-1).real


def pair_emission(p1, p2, k, m):
    """Return sum |ubar(p1) [vertex] v(p2)|^2 for two vectors on a fermion line of mass m.

    Both vectors are summed with -g. One takes q = p1 + p2 + k in, the other k out: gamma* -> f f V.
    With p1, p2 negative it is f f -> gamma V.
    """
    d1 = dot(p1 + k, p1 + k) - m * m
    d2 = dot(p2 + k, p2 + k) - m * m
    first = (slash(p1 + k) + m * ONE) / d1[..., None, None]
    second = (-slash(p2 + k) + m * ONE) / d2[..., None, None]
    out1, out2 = slash(p1) + m * ONE, slash(p2) - m * ONE
    total = np.zeros(d1.shape)
    for mu in range(4):
        for nu in range(4):
            sign = METRIC[mu, mu] * METRIC[nu, nu]
            amplitude = GAMMA[nu] @ first @ GAMMA[mu] + GAMMA[mu] @ second @ GAMMA[nu]
            conjugate = GAMMA[mu] @ first @ GAMMA[nu] + GAMMA[nu] @ second @ GAMMA[mu]
            total += sign * trace(out1, amplitude, out2, conjugate)
    return total


def dalitz(m0, m1, m2, m3, n):
    """Return momenta and weights of a three-body decay at rest, (n, n) Gauss-Legendre points.

    The weights integrate the three-body phase space d Phi_3, of an amplitude that does not depend
    on the orientation. Square roots at the ends of both invariants are mapped away.
    """
    node, weight = np.polynomial.legendre.leggauss(n)
    angle, dangle = 0.25 * np.pi * (node + 1.0), 0.25 * np.pi * weight
    low, high = (m1 + m2) ** 2, (m0 - m3) ** 2
    s12 = (low + (high - low) * np.sin(angle) ** 2)[:, None]
    ds12 = ((high - low) * np.sin(2.0 * angle) * dangle)[:, None]
    cos = node[None, :]
    root = np.sqrt(s12)
    e1 = (s12 + m1**2 - m2**2) / (2.0 * root)
    p1 = np.sqrt(np.clip(e1**2 - m1**2, 0.0, None))
    e3 = (m0**2 + m3**2 - s12) / (2.0 * m0)
    p3 = np.sqrt(np.clip(e3**2 - m3**2, 0.0, None))
    # d Phi_3 = d s12/(2 pi) |p1|/(4 pi root) dcos/2 |p3|/(4 pi m0)
    measure = ds12 / (2 * np.pi) * p1 / (4 * np.pi * root) * p3 / (4 * np.pi * m0) * weight / 2
    gamma, boost = (m0 - e3) / root, p3 / root
    shape = np.broadcast_shapes(s12.shape, cos.shape)

    def vector(*parts):
        return np.stack([np.broadcast_to(x, shape) for x in parts], axis=-1)

    sin = np.sqrt(1.0 - cos**2)
    zero = np.zeros(shape)
    first = vector(gamma * e1 + boost * p1 * cos, p1 * sin, zero, gamma * p1 * cos + boost * e1)
    third = vector(e3, zero, zero, -p3)
    second = vector(m0, zero, zero, zero) - first - third
    return first, second, third, measure * np.ones(shape)
