"""Models by name."""

import jax
import numpy as np
import pytest
from flax import nnx

from synthmix_jax import models


@pytest.mark.parametrize("name", models.NAMES)
def test_every_name_builds_a_model_for_its_shape(name):
    build = models.named(name, input_shape=(16, 16, 1), num_outputs=7)
    made = jax.eval_shape(lambda x: build(nnx.Rngs(0))(x), jax.ShapeDtypeStruct((3, 16, 16), "f4"))
    assert (made.shape, made.dtype) == ((3, 7), np.float32)


def test_vectors_go_to_the_perceptron():
    build = models.named("mlp", input_shape=(5,), num_outputs=2)
    assert build(nnx.Rngs(0))(np.ones((3, 5), np.float32)).shape == (3, 2)


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("resnet_9", (32, 32, 3), "one of 'mlp', .*got 'resnet_9'. Did you mean 'resnet9'"),
        ("transformer", (32, 32, 3), "'vit_tiny', got 'transformer'.$"),
        ("small_cnn", (5,), r"must be \(height, width, channels\).*got \(5,\).*'mlp'"),
        ("small_cnn", (7, 7, 3), "7 x 7 pixels"),
        ("vit_tiny", (30, 30, 3), r"\(30, 30\) is no whole number of patches"),
        ("mlp", (0,), "input_shape.*got 0"),
        ("mlp", (), r"got \(\)"),
    ],
)
def test_what_cannot_be_built_is_refused_at_once(name, shape, said):
    with pytest.raises(ValueError, match=said):
        models.named(name, input_shape=shape, num_outputs=2)
