"""From a generator to a balanced data set, and one generator a fold."""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import generators

KEY = jax.random.key(0)


@pytest.fixture
def data(rng):
    return smx.Dataset(rng.normal(size=(30, 4)), np.arange(30) % 3)


def recipe_of(count=12, key=KEY):
    return generators.refit(lambda fold: generators.ClassGaussian.fit(fold, rank=2), count, key=key)


@pytest.mark.parametrize("count", [1, 3, 7, 30])
def test_a_draw_is_balanced(count, data):
    drawn = generators.draw(generators.ClassGaussian.fit(data, rank=2), count, key=KEY)
    assert len(drawn) == count
    assert drawn.num_classes == 3
    for prefix in range(1, count + 1):
        sizes = np.bincount(np.asarray(drawn.y)[:prefix], minlength=3)
        assert sizes.max() - sizes.min() <= 1


def test_a_draw_is_a_sample_of_its_labels(data):
    generator = generators.ClassGaussian.fit(data, rank=2)
    drawn = generators.draw(generator, 8, key=KEY)
    np.testing.assert_array_equal(drawn.x, generator.sample(drawn.y, key=KEY))


@pytest.mark.parametrize(("count", "classes"), [(0, 3), (3, 0), (-1, 2)])
def test_nothing_to_draw(count, classes):
    with pytest.raises(ValueError, match=f"must be positive, got {count} and {classes}"):
        generators.balanced_labels(count, classes)


def test_the_same_fold_draws_the_same(data):
    once, again = recipe_of()(data), recipe_of()(data)
    np.testing.assert_array_equal(once.x, again.x)
    assert len(once) == 12
    assert (once.x != recipe_of(key=jax.random.key(1))(data).x).any()


class Noise:
    """A generator that ignores what it was fitted on: its samples are the noise of their key."""

    num_classes = 3

    def sample(self, labels, *, key):
        return jax.random.normal(key, (len(labels), 4))


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_another_fold_draws_other_noise(scale, rng):
    """Also where every fold has the same sum: one-hot rows, or values close to zero."""
    recipe = generators.refit(lambda fold: Noise(), 6, key=KEY)
    y = np.arange(20) % 3
    for x in (scale * rng.normal(size=(20, 4)), scale * np.eye(20), np.ones((20, 4))):
        data = smx.Dataset(x, y)
        first, second = recipe(data[:10]), recipe(data[10:])
        assert (first.x != second.x).all()
        np.testing.assert_array_equal(first.x, recipe(data[:10]).x)


def test_the_protocol(data):
    generator = generators.ClassGaussian.fit(data, rank=2)
    assert isinstance(generator, generators._sampling.Generator)
    assert isinstance(generators.Shifted(generator), generators._sampling.Generator)
