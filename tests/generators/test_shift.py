"""Each dial does what it says and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian, Shifted

KEY = jax.random.key(0)
DIALS = [f.name for f in dataclasses.fields(Shifted) if isinstance(f.default, float)]
OF_INPUTS = [dial for dial in DIALS if dial != "imbalance"]  # that one turns labels


@dataclasses.dataclass(frozen=True)
class Echo:
    """A generator whose sample tells the label it was drawn for."""

    num_classes: int

    def sample(self, labels, *, key):
        return jnp.asarray(labels, jnp.float32)[:, None]


@dataclasses.dataclass(frozen=True, eq=False)
class Fixed:
    """A generator that always returns the same images."""

    images: np.ndarray
    num_classes: int = 2

    def sample(self, labels, *, key):
        return jnp.asarray(self.images)


@pytest.fixture
def images(rng):
    return rng.uniform(size=(5, 40, 36)).astype(np.float32)


def turned(images, **dials):
    return np.asarray(Shifted(Fixed(images), **dials).sample(np.zeros(5, int), key=KEY))


def test_all_dials_at_zero_change_no_bit(rng):
    pixels = rng.uniform(size=(30, 6, 6))
    generator = ClassGaussian.fit(smx.Dataset(pixels, np.arange(30) % 3), rank=4)
    y = np.arange(20) % 3
    for zeros in ({}, dict.fromkeys(DIALS, 0.0)):
        np.testing.assert_array_equal(
            Shifted(generator, **zeros).sample(y, key=KEY), generator.sample(y, key=KEY)
        )


@pytest.mark.parametrize("dial", OF_INPUTS)
def test_each_dial_changes_something(dial, rng):
    data = smx.Dataset(rng.uniform(size=(30, 6, 6)), np.arange(30) % 3)
    generator = ClassGaussian.fit(data, rank=4)
    y = np.arange(20) % 3
    moved = Shifted(generator, training=data, **{dial: 0.5})
    assert moved.num_classes == 3
    sample = np.asarray(moved.sample(y, key=KEY))
    assert sample.shape == (20, 6, 6)
    assert sample.dtype == np.float32
    assert (sample != np.asarray(generator.sample(y, key=KEY))).any()
    np.testing.assert_array_equal(sample, moved.sample(y, key=KEY))


def test_all_dials_compile(rng):
    data = smx.Dataset(rng.uniform(size=(30, 6, 6)), np.arange(30) % 3)
    generator = ClassGaussian.fit(data, rank=4)
    moved = Shifted(generator, training=data, **dict.fromkeys(DIALS, 0.5))
    compiled = jax.jit(lambda labels, key: moved.sample(labels, key=key))
    y = np.arange(20) % 3
    np.testing.assert_allclose(
        compiled(jnp.asarray(y), KEY), moved.sample(y, key=KEY), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("sigma", [0.7, 1.5])
def test_blur_is_a_gaussian_filter(sigma, images):
    blurred = turned(images, blur=sigma)
    wanted = ndimage.gaussian_filter(images.astype(np.float64), (0, sigma, sigma), truncate=8)
    edge = int(np.ceil(6 * sigma))  # further in, under 1e-8 of the weights leaves the image
    inside = (slice(None), slice(edge, -edge), slice(edge, -edge))
    np.testing.assert_allclose(blurred[inside], wanted[inside], atol=1e-6)
    # At the edge the weights are renormalised: a constant image stays as it is.
    np.testing.assert_allclose(turned(np.ones_like(images), blur=sigma), 1.0, rtol=1e-6)


def test_colour_images_are_blurred_channel_by_channel(rng):
    colours = rng.uniform(size=(5, 12, 10, 3)).astype(np.float32)
    blurred = turned(colours, blur=1.0)
    for channel in range(3):
        np.testing.assert_allclose(
            blurred[..., channel], turned(colours[..., channel], blur=1.0), atol=1e-6
        )


@pytest.mark.parametrize("pixels", [1.0, 2.5, -3.25])
def test_translate_moves_the_centre_of_mass(pixels):
    blob = np.zeros((5, 40, 36), np.float32)
    blob[:, 17:21, 14:20] = np.random.default_rng(0).uniform(size=(5, 4, 6))
    moved = turned(blob, translate=pixels)
    for before, after in zip(blob, moved, strict=True):
        step = np.subtract(ndimage.center_of_mass(after), ndimage.center_of_mass(before))
        np.testing.assert_allclose(step, pixels, atol=1e-4)  # down and to the right
        np.testing.assert_allclose(after.sum(), before.sum(), rtol=1e-5)


def test_translate_by_whole_pixels_is_a_shift_with_zeros_behind(images):
    moved = turned(images, translate=3.0)
    np.testing.assert_allclose(moved[:, 3:, 3:], images[:, :-3, :-3], atol=1e-7)
    assert (moved[:, :3] == 0).all()
    assert (moved[:, :, :3] == 0).all()


def test_contrast_keeps_the_mean_and_scales_what_is_about_it(images):
    flat = turned(images, contrast=-0.4)
    mean = images.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(flat, mean + 0.6 * (images - mean), atol=1e-6)
    np.testing.assert_allclose(flat.mean(axis=(1, 2)), mean.ravel(), rtol=1e-6)


def test_scale_offset_and_the_order_of_the_dials(images):
    np.testing.assert_allclose(turned(images, scale=0.5), 1.5 * images, rtol=1e-6)
    np.testing.assert_allclose(turned(images, offset=2.0), images + 2.0, rtol=1e-6)
    np.testing.assert_allclose(
        turned(images, scale=-0.5, offset=1.0), 0.5 * images + 1.0, rtol=1e-6
    )


def test_noise_is_white_with_the_stated_deviation(images):
    added = turned(images, noise=0.3) - images
    count = added.size
    # Five standard errors of a mean and of a standard deviation.
    assert abs(added.mean()) < 5 * 0.3 / np.sqrt(count)
    assert abs(added.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * count)
    assert np.abs(np.corrcoef(added.reshape(5, -1)) - np.eye(5)).max() < 5 / np.sqrt(count / 5)


@pytest.mark.parametrize("rate", [0.1, 0.6, 1.0])
def test_label_noise_draws_another_class_uniformly(rate):
    classes, count = 5, 20_000
    y = np.arange(count) % classes
    drawn = np.asarray(Shifted(Echo(classes), label_noise=rate).sample(y, key=KEY))[:, 0]
    steps = np.bincount((drawn.astype(int) - y) % classes, minlength=classes) / count
    wanted = np.array([1 - rate, *[rate / (classes - 1)] * (classes - 1)])
    # Five binomial standard deviations.
    assert (np.abs(steps - wanted) <= 5 * np.sqrt(wanted * (1 - wanted) / count)).all()


@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_label_shift_draws_the_previous_class(rate):
    classes, count = 4, 10_000
    y = np.arange(count) % classes
    drawn = np.asarray(Shifted(Echo(classes), label_shift=rate).sample(y, key=KEY))[:, 0]
    back = (y - drawn.astype(int)) % classes
    assert set(back) <= {0, 1}
    assert abs(back.mean() - rate) <= 5 * np.sqrt(rate * (1 - rate) / count)


def test_one_class_has_no_other():
    drawn = Shifted(Echo(1), label_noise=1, label_shift=1.0).sample(np.zeros(9, int), key=KEY)
    assert (np.asarray(drawn) == 0).all()


def test_dials_nest():
    outer = Shifted(Shifted(Echo(3), offset=1.0), scale=1.0)
    np.testing.assert_array_equal(
        outer.sample(np.array([0, 2]), key=KEY), np.array([[2.0], [6.0]], np.float32)
    )


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"label_noise": 1.5}, r"label_noise is a probability in \[0, 1\], got 1.5"),
        ({"label_shift": -0.1}, r"label_shift is a probability in \[0, 1\], got -0.1"),
        ({"label_noise": float("nan")}, "got nan"),
        ({"blur": -1.0}, "blur must be zero or more, got -1.0"),
        ({"noise": float("nan")}, "noise must be zero or more, got nan"),
        ({"offset": float("nan")}, "offset must be a finite number, got nan"),
        ({"scale": float("inf")}, "scale must be a finite number, got inf"),
        ({"drop_modes": 1.0}, r"drop_modes must lie in \[0, 1\), got 1.0"),
        ({"imbalance": float("nan")}, r"imbalance must lie in \[0, 1\), got nan"),
        ({"memorize": 1.1}, r"memorize is a probability in \[0, 1\], got 1.1"),
    ],
)
def test_refused_dials(dials, message):
    with pytest.raises(ValueError, match=message):
        Shifted(Echo(2), **dials)


@pytest.mark.parametrize("dial", ["blur", "translate"])
def test_vectors_have_no_pixels(dial):
    with pytest.raises(ValueError, match=r"need images .* got shape \(4, 1\)"):
        Shifted(Echo(2), **{dial: 1.0}).sample(np.zeros(4, int), key=KEY)


@pytest.mark.parametrize("labels", [[3], [-1, 0]])
def test_labels_of_no_class(labels):
    for dials in ({}, {"label_shift": 1.0}):
        with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2"):
            Shifted(Echo(3), **dials).sample(np.array(labels), key=KEY)
