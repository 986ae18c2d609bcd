"""Every format the reader takes, and every way a file can be bad."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from facedistill.data.codec import decode, read_image
from facedistill.data.contract import UnreadableImage
from facedistill.data.header import read_header, suffix_of


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def encode(crop: np.ndarray, suffix: str, *options: int) -> bytes:
    return cv2.imencode(suffix, np.ascontiguousarray(crop[..., ::-1]), options)[1].tobytes()


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", ()),
        (".bmp", ()),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),  # lossless
    ],
)
def test_lossless_files_give_their_pixels_as_rgb(crop, suffix, options):
    data = encode(crop, suffix, *options)
    assert np.array_equal(decode(data), crop)
    assert read_header(data) == (48, 40, True)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", ()),
        (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 95)),
    ],
)
def test_lossy_files_give_nearly_their_pixels_as_rgb(crop, suffix, options):
    data = encode(crop, suffix, *options)
    assert np.abs(decode(data).astype(int) - crop).mean() < 6
    assert read_header(data) == (48, 40, True)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_decoding_to_rgb_gives_the_pixels_that_decoding_to_bgr_gives(crop, suffix):
    for shown in (crop, crop[..., 0], np.dstack([crop, crop[..., :1]])[..., : 4 - (suffix == ".jpg")]):
        data = cv2.imencode(suffix, shown)[1]
        assert np.array_equal(decode(data.tobytes())[..., ::-1], cv2.imdecode(data, cv2.IMREAD_COLOR))


def test_webp_with_alpha_announces_its_size(crop):
    bgra = cv2.cvtColor(crop, cv2.COLOR_RGB2BGRA)
    bgra[:20, :, 3] = 10
    data = cv2.imencode(".webp", bgra, (cv2.IMWRITE_WEBP_QUALITY, 80))[1].tobytes()
    assert data[12:16] == b"VP8X"
    assert read_header(data) == (48, 40, True)


def test_grey_sixteen_bit_and_alpha_become_eight_bit_rgb(crop):
    grey = crop[..., 0]
    assert np.array_equal(decode(cv2.imencode(".png", grey)[1].tobytes()), np.stack([grey] * 3, axis=-1))
    deep = crop[..., ::-1].astype(np.uint16) * 257
    np.testing.assert_allclose(decode(cv2.imencode(".png", deep)[1].tobytes()).astype(int), crop, atol=1)
    clear = np.dstack([crop[..., ::-1], np.zeros((40, 48), np.uint8)])
    assert np.array_equal(decode(cv2.imencode(".png", clear)[1].tobytes()), crop)


@pytest.mark.parametrize(("suffix", "quality"), [(".jpg", 95), (".png", 95), (".webp", 95)])
def test_a_camera_held_upright_gives_an_upright_picture(tmp_path: Path, suffix, quality):
    image = pytest.importorskip("PIL.Image")
    turned = image.Exif()
    turned[0x0112] = 6  # turn by 90 degrees clockwise
    image.fromarray(_left_half_red()).save(tmp_path / f"turned{suffix}", exif=turned, quality=quality)
    shown = read_image(tmp_path / f"turned{suffix}")
    assert shown.shape == (48, 40, 3)
    assert shown[:20, :, 0].mean() > 240 > 20 > shown[28:, :, 0].mean()


def _left_half_red() -> np.ndarray:
    red = np.zeros((40, 48, 3), np.uint8)
    red[:, :24, 0] = 255
    return red


def test_jpegs_of_inks_are_refused_with_or_without_the_mark_that_says_they_are_inverted():
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(_left_half_red()).convert("CMYK").save(file, "jpeg")
    data = file.getvalue()
    mark = data.index(b"\xff\xee")
    unmarked = data[:mark] + data[mark + 16 :]
    assert b"Adobe" in data
    assert b"Adobe" not in unmarked
    for inks in (data, unmarked):
        with pytest.raises(UnreadableImage, match="it is CMYK, made for print"):
            decode(inks)


@pytest.mark.parametrize(("at", "value", "reason"), [(4, 12, "3 channels of 12 bits"), (9, 2, "2 channels of 8 bits")])
def test_jpegs_of_other_depths_and_channels_are_refused(crop, at, value, reason):
    data = bytearray(encode(crop, ".jpg"))
    data[data.index(b"\xff\xc0") + at] = value
    with pytest.raises(UnreadableImage, match=reason):
        decode(bytes(data))


@pytest.mark.parametrize(("suffix", "reason"), [(".png", "animated"), (".webp", "animated"), (".gif", "a GIF image")])
def test_animations_are_refused_and_a_single_picture_is_not_one(crop, suffix, reason):
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    first, second = image.fromarray(crop), image.fromarray(crop[::-1].copy())
    first.save(file, suffix[1:], save_all=True, append_images=[second], duration=100)
    with pytest.raises(UnreadableImage, match=reason):
        decode(file.getvalue())
    if suffix != ".gif":
        still = io.BytesIO()
        first.save(still, suffix[1:])
        assert decode(still.getvalue()).shape == crop.shape


def test_the_word_acTL_among_the_pixels_of_a_png_is_no_animation(crop):
    data = encode(crop, ".png")
    end = data.index(b"IEND") - 4
    text = b"tEXtnote\0acTL"
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    assert np.array_equal(decode(data[:end] + chunk + data[end:]), crop)


def test_sides_of_zero_are_named(crop):
    data = encode(crop, ".jpg").replace(struct.pack(">HH", 40, 48), struct.pack(">HH", 0, 48), 1)
    with pytest.raises(UnreadableImage, match="announces 48 x 0 pixels"):
        decode(data)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_a_files_ending_is_known_from_its_bytes(crop, suffix):
    assert suffix_of(encode(crop, suffix)) == suffix
    with pytest.raises(ValueError, match="a TIFF image"):
        suffix_of(b"II*\0" + bytes(9))


def test_an_end_mark_inside_a_thumbnail_is_not_the_files_end(crop):
    data = encode(crop, ".jpg")
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(data)) + data
    whole = data[:2] + thumbnail + data[2:]
    assert read_header(whole) == (48, 40, True)
    assert not read_header(whole[:-40]).complete


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.98])
def test_truncated_files_are_refused(crop, suffix, share):
    data = encode(np.tile(crop, (4, 4, 1)), suffix)
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(data[: int(share * len(data))])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_no_beginning_of_a_file_is_taken_for_the_whole(crop, suffix):
    data = encode(crop, suffix)
    for length in range(0, len(data) - 1, max(1, len(data) // 60)):
        with pytest.raises(UnreadableImage):
            decode(data[:length])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"this is a letter, not a picture", "not a JPEG"),
        (b"GIF89a" + bytes(40), "it is a GIF image; JPEG, PNG, WebP and BMP are read"),
        (b"MM\0*" + bytes(40), "a TIFF image"),
        (b"\0\0\0\x20ftypheic" + bytes(40), "a HEIC image"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "an AVIF image"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIH", "header is cut off"),
        (b"\xff\xd8\xff", "header is cut off"),
        (b"\xff\xd8\xff\xe0\x00\x04ab" + bytes(40), "segments are damaged"),
        (b"RIFF\x04\x00\x00\x00WAVE" + bytes(40), "not a JPEG"),
    ],
)
def test_what_is_no_image_is_refused_with_its_reason(data, reason):
    with pytest.raises(UnreadableImage, match=reason):
        decode(data)


def _huge_png() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 65000, 65000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x00\x00IEND\xaeB`\x82"


def _huge_jpeg(crop: np.ndarray) -> bytes:
    data = encode(crop, ".jpg")
    return data.replace(struct.pack(">HH", 40, 48), struct.pack(">HH", 65000, 65000), 1)


def _huge_bmp(crop: np.ndarray) -> bytes:
    data = encode(crop, ".bmp")
    return data[:18] + struct.pack("<ii", 65000, -65000) + data[26:]


def test_a_header_that_announces_a_monster_is_refused_before_it_is_decoded(crop):
    for data in (_huge_png(), _huge_jpeg(crop), _huge_bmp(crop)):
        tracemalloc.start()
        with pytest.raises(UnreadableImage, match="65000 x 65000 pixels are more than 40 million"):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        tracemalloc.stop()


def test_an_error_names_the_file(tmp_path: Path):
    (tmp_path / "letter.jpg").write_text("Dear reader")
    with pytest.raises(UnreadableImage, match=r"letter\.jpg: it is not a JPEG"):
        read_image(tmp_path / "letter.jpg")
    with pytest.raises(UnreadableImage, match=r"gone\.jpg: No such file"):
        read_image(tmp_path / "gone.jpg")
