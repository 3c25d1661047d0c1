"""Networks to train on real and synthetic data: Flax NNX modules from images or vectors to (b, num_outputs).

    model = smx.models.SmallCNN(10, rngs=nnx.Rngs(0))
    scores = model(images)  # (b, 10) in float32

    build = smx.models.named("resnet9", input_shape=(32, 32, 3), num_outputs=10)
    model = build(nnx.Rngs(0))

Parameters, batch statistics and outputs are float32; the computation is in bfloat16 on accelerators. `train()` and
`eval()` switch batch normalisation and dropout. Many models train in one program: `nnx.split` gives a state that
`jax.vmap` and `jax.lax.map` take, and the convolutions are in forms that are fast there.

`UNet` labels every pixel of an image, or every voxel of a volume: (b, h, w, num_outputs).

`VelocityUNet` and `ResidualMLP` are velocity fields for flow matching, from points, times and classes to
velocities.
"""

from ._cnn import SmallCNN as SmallCNN
from ._conv import conv2d as conv2d
from ._conv import max_pool2 as max_pool2
from ._conv3d import conv3d as conv3d
from ._conv_layer import Conv as Conv
from ._mlp import MLP as MLP
from ._named import NAMES as NAMES
from ._named import named as named
from ._residual_mlp import ResidualMLP as ResidualMLP
from ._resnet import ResNet9 as ResNet9
from ._resnet import ResNet18 as ResNet18
from ._unet import UNet as UNet
from ._velocity_unet import VelocityUNet as VelocityUNet
from ._vit import ViTTiny as ViTTiny
