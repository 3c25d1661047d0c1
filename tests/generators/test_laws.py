"""Laws that all generators keep. A new one is tested by a line in `GENERATORS`."""

import jax
import lesion_phantom as made_up
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import generators
from synthmix_jax.generators import (
    SMOTE,
    ClassGaussian,
    ClassMixture,
    Flow,
    FlowConfig,
    JointGaussian,
    LesionDials,
    Lesions,
    Shifted,
)

KEY, OTHER = jax.random.key(0), jax.random.key(1)
IMAGES, LABELLED = "images with labels", "vectors with labels"
SCALARS, VECTORS = "vectors with a target", "images with two targets"
TISSUE = "patches of a brain"
DIALS = dict.fromkeys(("label_noise", "noise", "offset", "memorize"), 0.3)


FLOW = FlowConfig(steps=3, batch_size=8, width=8, depth=1)


def mixture(data):
    return ClassMixture.fit(data, components=2, rank=2, key=KEY)


def lesions(data):
    """Its data are all patches that can be cut from its anatomy."""
    dials = LesionDials.together(0.3)
    return Lesions.fit(made_up.phantom(noise=0.05), library=made_up.library(), size=7, dials=dials)


GENERATORS = {
    "ClassGaussian": (IMAGES, lambda d: ClassGaussian.fit(d, rank=3, shrinkage="auto")),
    "ClassMixture": (IMAGES, mixture),
    "Flow": (LABELLED, lambda data: Flow.fit(data, key=KEY, config=FLOW)),
    "Lesions": (TISSUE, lesions),
    "SMOTE": (IMAGES, lambda data: SMOTE.fit(data, neighbours=3)),
    "JointGaussian": (SCALARS, lambda data: ClassGaussian.fit(data, rank=2)),
    "JointGaussian, two targets": (VECTORS, lambda data: JointGaussian.fit(data, rank=2)),
    "SMOTE, regression": (SCALARS, lambda data: SMOTE.fit(data, neighbours=3)),
    "Shifted": (
        IMAGES,
        lambda data: Shifted(
            mixture(data), training=data, drop_modes=0.3, imbalance=0.5, blur=0.5, **DIALS
        ),
    ),
    "Shifted, regression": (
        SCALARS,
        lambda data: Shifted(JointGaussian.fit(data, rank=3), training=data, **DIALS),
    ),
}


def data_of(kind):
    if kind == TISSUE:
        anatomy = made_up.phantom(noise=0.05)
        places = np.argwhere(anatomy.brain)
        wide = np.pad(anatomy.images, [(3, 3), (3, 3), (0, 0), (0, 0)])
        x = np.stack([wide[i : i + 7, j : j + 7, k] for i, j, k in places])
        return smx.Dataset(x, anatomy.lesions[tuple(places.T)].astype(int))
    rng = np.random.default_rng(7)
    x = rng.uniform(size=(36, 4, 4)) if kind in (IMAGES, VECTORS) else rng.normal(size=(36, 5))
    if kind == IMAGES:
        return smx.Dataset((x * 255).astype(np.uint8), np.arange(36) % 3)
    if kind == LABELLED:
        return smx.Dataset(x, np.arange(36) % 3)
    y = x.reshape(36, -1)[:, :2] + 0.1 * rng.normal(size=(36, 2))
    return smx.Dataset(x, y if kind == VECTORS else y[:, 0])


@pytest.fixture(scope="module", params=GENERATORS)
def case(request):
    """A fitted generator, its data, and a set of twenty points drawn from it."""
    kind, fit = GENERATORS[request.param]
    data = data_of(kind)
    generator = fit(data)
    return generator, data, generators.draw(generator, 20, key=KEY)


def test_it_is_a_generator(case):
    generator, data, drawn = case
    assert isinstance(generator, generators._sampling.Generator)
    assert generator.num_classes == data.num_classes == drawn.num_classes
    assert repr(generator).startswith(type(generator).__name__)
    assert len(repr(generator)) < 700  # no arrays in it


def test_samples_have_shape_and_dtype(case):
    generator, data, drawn = case
    assert drawn.x.shape == (20, *data.x.shape[1:])
    assert drawn.y.shape == (20, *data.y.shape[1:])
    assert np.isfinite(drawn.x).all()
    assert drawn.x.dtype == np.float32
    none = generator.sample(drawn.y[:0], key=KEY)
    assert none.shape == (0, *data.x.shape[1:])
    assert none.dtype == np.float32


def test_samples_are_a_function_of_the_key(case):
    generator, _, drawn = case
    np.testing.assert_array_equal(generator.sample(drawn.y, key=KEY), drawn.x)
    other = np.asarray(generator.sample(drawn.y, key=OTHER))
    assert (other != drawn.x).reshape(20, -1).any(axis=1).mean() > 0.7
    if generator.num_classes is None:
        assert (np.asarray(generator.labels(20, key=OTHER)) != drawn.y).any()


def test_compiled_is_eager(case):
    """The generator is an argument of the compiled function: a pytree."""
    generator, _, drawn = case
    y = jax.numpy.asarray(drawn.y)
    compiled = jax.jit(lambda g, y, key: g.sample(y, key=key))
    np.testing.assert_allclose(compiled(generator, y, KEY), drawn.x, rtol=2e-5, atol=2e-5)


def test_files_and_leaves_keep_it(case, tmp_path):
    generator, _, drawn = case
    generators.save(generator, tmp_path / "g.npz")
    leaves, structure = jax.tree.flatten(generator)
    assert all(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves)
    for back in (generators.load(tmp_path / "g.npz"), jax.tree.unflatten(structure, leaves)):
        assert type(back) is type(generator)
        assert back.seen == generator.seen
        np.testing.assert_array_equal(back.sample(drawn.y, key=KEY), drawn.x)
        np.testing.assert_array_equal(generators.draw(back, 20, key=KEY).y, drawn.y)


def test_it_knows_what_it_has_seen(case):
    generator, data, _ = case
    assert len(generator.seen) == len(data)
    assert generator.seen.share_of(data) == 1.0
    assert generator.seen.share_of(smx.Dataset(data.x.astype(float) + 5.0, data.y)) == 0.0


def test_bad_labels_are_refused(case):
    generator, data, drawn = case
    if data.num_classes is None:
        shape = (3, 3) if data.y.ndim == 2 else (3, 1)
        bad = [(np.zeros(shape), "got shape"), (drawn.y * np.nan, r"[24]0 non-finite")]
    else:
        last = data.num_classes - 1
        bad = [
            (np.array([0, 3]), rf"labels must lie in 0\.\.{last}, got 0 to 3"),
            (np.array([-1]), rf"labels must lie in 0\.\.{last}, got -1 to -1"),
            (np.array([0.0, 1.0]), r"whole numbers, got dtype float64; convert them"),
            (np.zeros((2, 2), int), r"must be \(m,\), got shape \(2, 2\)"),
        ]
    for labels, message in bad:
        with pytest.raises(ValueError, match=message):
            generator.sample(labels, key=KEY)
    for count in (0, -1):
        with pytest.raises(ValueError, match="count must be a whole number of at least 1, got"):
            generators.draw(generator, count, key=KEY)
