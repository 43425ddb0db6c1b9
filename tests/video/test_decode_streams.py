"""What streams can hold besides pictures one after the other: pairs, other sizes, covers, gaps and wrong claims."""

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from internvideo_pl.video import decode
from internvideo_pl.video.decode import DecodeError, num_frames, probe, read_frames

from .conftest import assert_equals_full_decode, picture

X264 = "libx264"


def test_two_pictures_in_a_packet(tmp_path, write_clip, decode_all):
    """DivX's packed bitstream: a picture travels with the one shown before it, and an empty picture follows."""
    plain = write_clip("plain.avi", "mpeg4", options={"bf": "1", "g": "9"})
    expected, _ = decode_all(plain)
    packed = tmp_path / "packed.avi"
    with av.open(str(plain)) as file, av.open(str(packed), "w") as out:
        stream = file.streams.video[0]
        copied = out.add_stream_from_template(stream)
        for number, (data, is_key) in enumerate(_pack([bytes(p) for p in file.demux(stream) if p.size])):
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = stream.time_base, copied, is_key
            out.mux(packet)
    marked = re.sub(rb"Lavc[\d.]{9}", b"DivX503b1393p", packed.read_bytes())  # the encoder whose habit it is
    assert b"DivX503b1393p" in marked
    packed.write_bytes(marked)
    np.testing.assert_array_equal(decode_all(packed)[0], expected)
    assert num_frames(packed) == len(expected)
    assert_equals_full_decode(packed, decode_all)


def _pack(packets: list[bytes]) -> list[tuple[bytes, bool]]:
    """(data, is a key packet): each B picture moves into the packet before, and leaves an uncoded picture behind."""

    def kind(data: bytes) -> int:  # 0 I, 1 P, 2 B: two bits after the start code of a picture
        return data[data.index(b"\0\0\1\xb6") + 4] >> 6

    packed: list[tuple[bytes, bool]] = []
    for data in packets:
        if kind(data) == 2:
            before, is_key = packed.pop()
            # P, no whole second, marker, five bits of time, marker, not coded, padding
            packed += [(before + data, is_key), (b"\0\0\1\xb6\x50\x4f", False)]
        else:
            packed.append((data, kind(data) == 0))
    return packed


def test_the_main_one_of_two_streams_is_read(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as file:
        streams = [file.add_stream(X264, rate=25) for _ in range(2)]
        for stream, side in zip(streams, (32, 64), strict=True):
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
        streams[1].disposition = Disposition.default
        for number in range(6):
            for stream, side in zip(streams, (32, 64), strict=True):
                noise = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        for stream in streams:
            file.mux(stream.encode(None))
    assert read_frames(path, [0, 5]).shape == (2, 64, 64, 3)


@pytest.mark.parametrize("name", ["sizes.mkv", "sizes.ts", "sizes.mp4", "sizes.h264"])
def test_pictures_of_another_size_are_scaled_to_the_first(name, tmp_path):
    path = _of_two_sizes(tmp_path / name)
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    assert {(f.height, f.width) for f in frames} == {(48, 64), (64, 96)}
    expected = [f.reformat(64, 48, "rgb24", threads=1).to_ndarray() for f in frames]
    assert num_frames(path) == 24
    np.testing.assert_array_equal(read_frames(path, range(24)).numpy(), expected)
    for index in (2, 11, 12, 20):  # also where only frames of the other size are asked for
        np.testing.assert_array_equal(read_frames(path, [index]).numpy()[0], expected[index])


def _of_two_sizes(path: Path) -> Path:
    packets = [*_encoded((48, 64), 0), *_encoded((64, 96), 12)]
    if path.suffix == ".h264":
        path.write_bytes(b"".join(bytes(packet) for packet in packets))
        return path
    with av.open(str(path), "w") as file:
        stream = file.add_stream(X264, rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for packet in packets:
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            file.mux(packet)
    return path


def _encoded(size: tuple[int, int], first: int) -> list[av.Packet]:
    """Twelve frames from number `first` on, with their parameters in the stream."""
    context = av.CodecContext.create(X264, "w")
    context.height, context.width, context.pix_fmt = *size, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), 25
    context.options = {"g": "6", "bf": "0"}
    packets = []
    for number in range(first, first + 12):
        frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        packets += context.encode(frame)
    return packets + context.encode(None)


def test_a_container_that_is_wrong_about_the_size_is_not_believed(tmp_path, write_clip, decode_all):
    path = write_clip("a.mp4")
    data = bytearray(path.read_bytes())
    place = data.rindex(b"avc1") + 4 + 24  # width and height of the sample entry
    assert struct.unpack(">HH", data[place : place + 4]) == (64, 48)
    data[place : place + 4] = struct.pack(">HH", 128, 32)
    path.write_bytes(data)
    expected = assert_equals_full_decode(path, decode_all)
    assert expected.shape[1:3] == (48, 64)
    assert (probe(path).height, probe(path).width) == (48, 64)


@pytest.mark.parametrize("name", ["silent_about_delay.mp4", "silent_about_delay.mkv"])
@pytest.mark.parametrize("options", [{"bf": "3", "g": "12"}, {"bf": "3", "g": "250", "refs": "4"}])
def test_streams_that_do_not_say_how_far_they_reorder(options, name, write_clip, decode_all):
    """FFmpeg guesses, and leaves out pictures of the Matroska files; the truth is the stream that does say it."""
    path = write_clip(name, frames=60, options=options)
    expected, _ = decode_all(path)
    data = path.read_bytes()
    parameters = re.search(rb"\xe1\0(.)(\x67.*)", data, re.DOTALL)  # one set of so many bytes
    told = parameters[2][: parameters[1][0]]
    path.write_bytes(data.replace(told, _without_delay(told).ljust(len(told), b"\0"), 1))
    assert num_frames(path) == 60
    for index in range(60):
        np.testing.assert_array_equal(read_frames(path, [index]).numpy()[0], expected[index])


def _without_delay(parameters: bytes) -> bytes:
    """x264's sequence parameters without their last part, which tells the delay (ITU-T H.264, E.1.1)."""
    bits = "".join(f"{byte:08b}" for byte in parameters.replace(b"\0\0\3", b"\0\0"))
    end = bits.rindex("1")  # the bit that ends it all
    # That part is a flag, a bit that lets vectors leave the picture, no limits of bytes and bits, the longest vectors
    # (twice 7 to 14, seven bits each), how many pictures come out of order, and how many are kept.
    number = "(1|01[01]|001[01]{2}|0001[01]{3}|00001[01]{4})"
    start = re.search(rf"1111(0001[01]{{3}}){{2}}{number}{number}$", bits[:end]).start()
    kept = bits[:start] + "0" + "1"
    kept += "0" * (-len(kept) % 8)
    data = bytes(int(kept[place : place + 8], 2) for place in range(0, len(kept), 8))
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", data)


def test_a_frame_that_an_avi_file_leaves_out(tmp_path, write_clip, decode_all):
    """A chunk of no bytes repeats the picture before; FFmpeg does not show it."""
    data = write_clip("plain.avi", "mpeg4", frames=12, options={"g": "4"}).read_bytes()
    head = data.index(b"movi") + 4
    chunks, place = [], head
    while data[place : place + 4] == b"00dc":
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        chunks.append(data[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    chunks[5] = b""
    movie, index = b"", b""
    for number, chunk in enumerate(chunks):
        index += struct.pack("<4sIII", b"00dc", 16 if number % 4 == 0 else 0, 4 + len(movie), len(chunk))
        movie += b"00dc" + len(chunk).to_bytes(4, "little") + chunk + b"\0" * (len(chunk) % 2)
    size = (4 + len(movie)).to_bytes(4, "little")
    path = tmp_path / "dropped.avi"
    path.write_bytes(data[: head - 8] + size + b"movi" + movie + b"idx1" + len(index).to_bytes(4, "little") + index)
    assert len(assert_equals_full_decode(path, decode_all)) == 11


def test_the_picture_on_the_cover_is_no_video(tmp_path):
    song, film = tmp_path / "song.mp3", tmp_path / "film.mp4"
    _with_cover(song, "libmp3lame", film=False)
    with pytest.raises(DecodeError, match="holds no video"):
        num_frames(song)
    _with_cover(film, "aac", film=True)
    assert read_frames(film, range(num_frames(film))).shape == (10, 48, 64, 3)


def _with_cover(path: Path, sound: str, film: bool) -> None:
    """A second of silence with a cover, and ten frames of film."""
    with av.open(str(path), "w") as file:
        audio = file.add_stream(sound, rate=44100)
        cover = file.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 96, 96, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        video = file.add_stream(X264, rate=25) if film else None
        if video:
            video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        still = av.VideoFrame.from_ndarray(picture(0, 96, 96), format="rgb24")
        packets = [*cover.encode(still), *cover.encode(None)]
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 44100), dtype=np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        packets += [*audio.encode(silence), *audio.encode(None)]
        for number in range(10 if video else 0):
            packets += video.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24"))
        packets += video.encode(None) if video else []
        for packet in packets:
            file.mux(packet)


def test_a_film_without_pictures(tmp_path):
    path = tmp_path / "empty.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(X264, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        file.start_encoding()
    with pytest.raises(DecodeError, match=r"shows no frame|no video stream|cannot be"):
        num_frames(path)


def test_a_list_of_other_files_is_not_followed(tmp_path, write_clip):
    """A text file named as a video must not make FFmpeg read whatever it names."""
    write_clip("secret.mp4")
    lists = {
        "list.mp4": "ffconcat version 1.0\nfile secret.mp4\n",
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\nhttp://localhost:1/secret.ts\n#EXT-X-ENDLIST\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(DecodeError):
            num_frames(tmp_path / name)


def test_packets_after_a_seek_are_those_of_the_index(write_clip, monkeypatch, decode_all):
    """MPEG program streams time few of their packets: after a seek FFmpeg counts on from a wrong one, so that the times
    of other frames come out. Bytes tell."""
    path = write_clip("a.mpg", "mpeg1video", options={"bf": "2", "g": "9"})
    monkeypatch.setattr(decode, "_in_sequence", lambda *_: pytest.fail("decoded in sequence"))
    assert_equals_full_decode(path, decode_all)
