import re

import numpy as np
import pytest
from PIL import Image

import synthmix_jax as smx
from synthmix_jax.loaders import _images

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5)
COLOUR = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture
def put(tmp_path):
    """A function that saves an image or pixels under a name in the folder, and gives its path."""

    def put(name, image=GREY, **options):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
        image.save(path, **options)
        return path

    return put


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "set"


def test_folders_are_classes_and_names_give_the_order(put, folder):
    for name in ("dog/b.png", "dog/a.png", "cat/10.png", "cat/9.png"):
        put(name, np.full((4, 5), len(name) * ord(name[4]) % 251, np.uint8))
    (folder / "cat/.hidden.png").write_text("no image")
    (folder / "cat/notes.txt").write_text("no image")
    (folder / ".git").mkdir()
    data = smx.load(folder)
    assert data.class_names == ("cat", "dog")
    assert data.x.shape == (4, 4, 5)
    assert data.x.dtype == np.uint8
    np.testing.assert_array_equal(data.y, [0, 0, 1, 1])
    np.testing.assert_array_equal(
        data.x[:, 0, 0], [ord("1") * 10 % 251, ord("9") * 9 % 251, ord("a") * 9 % 251, 98 * 9 % 251]
    )


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "PNG"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossless_formats_give_the_pixels_back(put, suffix, pixels):
    np.testing.assert_array_equal(_images.decode(put(f"a/1.{suffix}", pixels)), pixels)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp"])
def test_lossy_formats_give_them_back_nearly(put, suffix):
    smooth = np.full((16, 16, 3), 90, np.uint8)
    pixels = _images.decode(put(f"a/1.{suffix}", smooth, quality=95))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels.astype(int) - 90).max() <= 3


def test_grey_among_colour_becomes_colour(put, folder):
    put("a/1.png", GREY)
    put("a/2.png", COLOUR)
    x = smx.load(folder).x
    assert x.shape == (2, 4, 5, 3)
    np.testing.assert_array_equal(x[0], np.stack([GREY] * 3, -1))
    np.testing.assert_array_equal(x[1], COLOUR)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_to_one(put, folder, suffix):
    deep = GREY.astype(np.uint16) * 3449
    put(f"a/1.{suffix}", deep)
    x = smx.load(folder).x
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[0], deep / 65535, rtol=1e-6)


def test_depths_that_meet_are_floats_of_one_scale(put, folder):
    put("a/1.png", np.full((4, 5), 65535, np.uint16))
    put("a/2.png", np.full((4, 5), 255, np.uint8))
    put("a/3.tif", np.full((4, 5), 0.25, np.float32))
    np.testing.assert_array_equal(smx.load(folder).x[:, 0, 0], np.float32([1.0, 1.0, 0.25]))


def test_bilevel_palette_and_other_colour_spaces(put):
    assert set(np.unique(_images.decode(put("a/1.png", Image.new("1", (5, 4), 1))))) == {255}
    palette = Image.fromarray(COLOUR).convert("P")
    pixels = _images.decode(put("a/2.png", palette))
    np.testing.assert_array_equal(pixels, palette.convert("RGB"))
    assert _images.decode(put("a/3.jpg", Image.new("CMYK", (5, 4)))).shape == (4, 5, 3)


def test_what_is_transparent_is_white(put):
    alpha = np.full((4, 5), 255, np.uint8)
    alpha[0, 0] = 0
    colour = _images.decode(put("a/1.png", np.dstack([COLOUR, alpha])))
    grey = _images.decode(put("a/2.png", Image.fromarray(np.dstack([GREY, alpha]))))
    keyed = Image.fromarray(GREY).convert("P")
    palette = _images.decode(put("a/3.png", keyed, transparency=0))
    for pixels, original in ((colour, COLOUR), (grey, GREY), (palette[..., 0], GREY)):
        assert (pixels[0, 0] == 255).all()
        np.testing.assert_array_equal(pixels[1:], original[1:])


def test_a_camera_held_sideways_is_followed(put):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert _images.decode(put("a/1.png", GREY, exif=exif)).shape == (5, 4)


def test_train_and_test_folders_are_splits_that_share_their_classes(put, folder):
    for name in ("train/cat/1.png", "train/dog/1.png", "train/dog/2.png", "test/dog/1.png"):
        put(name)
    train, test = smx.load(folder), smx.load(folder, split="test")
    assert (len(train), len(test)) == (3, 1)
    assert train.class_names == test.class_names == ("cat", "dog")
    np.testing.assert_array_equal(test.y, [1])
    with pytest.raises(ValueError, match=r"no split 'all'; it has 'test', 'train'"):
        smx.load(folder, split="all")


def test_without_them_the_folder_is_one_part(put, folder):
    put("cat/1.png")
    assert len(smx.load(folder, split="all")) == 1
    with pytest.raises(ValueError, match="comes as one part"):
        smx.load(folder, split="test")


def test_sizes_that_differ_name_both_files_and_the_way_out(put, folder):
    first, second = put("a/1.png"), put("b/1.png", np.zeros((6, 7), np.uint8))
    with pytest.raises(ValueError, match=r"is 7 x 6 pixels") as caught:
        smx.load(folder)
    message = str(caught.value)
    assert str(first) in message
    assert str(second) in message
    assert "is 5 x 4" in message
    assert "resize((5, 4))" in message


@pytest.mark.parametrize("content", [b"", b"no image", None], ids=["empty", "text", "truncated"])
def test_a_damaged_image_is_named(put, folder, content):
    path = put("a/1.png", np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:2000] if content is None else content)
    with pytest.raises(ValueError, match=re.escape(str(path)) + " cannot be read as an image"):
        smx.load(folder)


def test_a_small_file_that_unfolds_into_a_huge_image_is_refused(put, folder, monkeypatch):
    path = put("a/1.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15)  # 20 pixels: Pillow would only warn
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*decompression bomb"):
        smx.load(folder)


def test_kinds_that_are_not_read_are_named(put, folder):
    path = put("a/1.tif", np.full((4, 5), 70_000, np.int32))
    with pytest.raises(ValueError, match=re.escape(str(path)) + " holds 32-bit integers"):
        smx.load(folder)
    path = put(
        "a/1.tif", Image.new("L", (5, 4)), save_all=True, append_images=[Image.new("L", (5, 4))]
    )
    with pytest.raises(ValueError, match=re.escape(str(path)) + " holds 2 frames"):
        smx.load(folder)
    path.unlink()
    path = put("a/1.gif")
    with pytest.raises(ValueError, match=re.escape(str(path)) + " is of a type that is not read"):
        smx.load(folder)


def test_an_empty_class_is_named(put, folder):
    put("cat/1.png")
    (folder / "dog").mkdir()
    (folder / "dog/notes.txt").touch()
    with pytest.raises(ValueError, match=r"the class 'dog' is empty: .*/dog holds no images\."):
        smx.load(folder)


def test_folders_within_a_class_are_pointed_out(put, folder):
    put("train/cat/1.png")
    with pytest.raises(ValueError, match=r"'train' is empty: .* no images but further folders"):
        smx.load(folder)


def test_a_folder_without_classes_explains_the_layout(put, folder):
    put("1.png")
    with pytest.raises(ValueError, match=r"images without sub-folders.*FOLDER/cat/1\.png"):
        smx.load(folder)
    (folder / "1.png").unlink()
    with pytest.raises(ValueError, match=r"holds no images\..*FOLDER/cat/1\.png"):
        smx.load(folder)
