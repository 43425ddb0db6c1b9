"""Video files that stand for all ways in which frame numbers, packets and key frames can disagree."""

import numpy as np

X265 = "libx265"
# A jittery camera: no two neighbouring frames are equally far apart in time.
UNEVEN = np.cumsum([7, 40, 33, 90, 41, 11, 47, 39, 45, 20] * 3).tolist()

# file name -> what writes it. Each stands for one way in which frame numbers, packets and key frames can disagree.
CLIPS: dict[str, dict] = {
    "b_frames.mp4": {"options": {"bf": "3", "g": "12"}},
    "b_frames.mov": {"options": {"bf": "3", "g": "12"}},
    "fragments.mp4": {"options": {"bf": "3", "g": "12"}, "container": {"movflags": "frag_keyframe+empty_moov"}},
    "open_groups.mp4": {"options": {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"}},
    "open_groups.mkv": {"options": {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"}},
    "intra_refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}},
    "interlaced.mp4": {"options": {"x264-params": "tff=1:bframes=2:keyint=12"}},
    "ten_bit.mp4": {"options": {"g": "10"}, "pixels": "yuv420p10le"},
    "broadcast.ts": {"options": {"bf": "3", "g": "12"}},
    "no_times.h264": {"options": {"bf": "3", "g": "12"}},
    "numbered_packets.avi": {"options": {"bf": "3", "g": "12"}},
    "uneven.mp4": {"options": {"bf": "2", "g": "12"}, "times": UNEVEN},
    "uneven.mkv": {"options": {"bf": "2", "g": "12"}, "times": UNEVEN},
    "late_start.mkv": {"options": {"bf": "2", "g": "12"}, "times": [5000 + 40 * i for i in range(30)]},
    "late_start.mp4": {"options": {"bf": "2", "g": "12"}, "times": [5000 + 40 * i for i in range(30)]},
    "one_frame.mp4": {"frames": 1},
    "open_groups_hevc.mp4": {
        "codec": X265,
        "options": {"x265-params": "log-level=none:keyint=10:min-keyint=10:open-gop=1:bframes=4:scenecut=0"},
    },
    "layers_hevc.mkv": {
        "codec": X265,
        "options": {"x265-params": "log-level=none:keyint=10:bframes=4:temporal-layers=3"},
    },
    "ten_bit_hevc.mp4": {
        "codec": X265,
        "options": {"x265-params": "log-level=none:keyint=10:bframes=4"},
        "pixels": "yuv420p10le",
    },
    "hidden_frames.webm": {
        "codec": "libvpx-vp9",
        "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "cpu-used": "8"},
    },
    "vp8.webm": {
        "codec": "libvpx",
        "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "4"},
    },
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "13", "g": "15"}, "size": (64, 64)},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "9"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"bf": "2", "g": "9"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2", "g": "9"}},
    "mpeg2.mp4": {"codec": "mpeg2video", "options": {"bf": "2", "g": "9"}},
    "motion_jpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "windows.wmv": {"codec": "wmv2", "options": {"g": "9"}},
    "animation.gif": {"codec": "gif", "pixels": "rgb8", "frames": 20},
    "odd_size.gif": {"codec": "gif", "pixels": "rgb8", "frames": 12, "size": (47, 63)},
    "odd_size.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "yuv444p", "size": (47, 63)},
    "odd_size_mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "9"}, "size": (47, 63)},
    "odd_size.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}, "size": (47, 63)},
    "alpha.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime"}, "pixels": "yuva420p", "frames": 9},
    "alpha.mov": {"codec": "prores_ks", "pixels": "yuva444p10le", "frames": 6},
    "alpha_png.mov": {"codec": "png", "pixels": "rgba", "frames": 6},
    "grey.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "gray"},
    "full_range.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "yuvj420p"},
    "half_chroma.mp4": {"options": {"bf": "3", "g": "12"}, "pixels": "yuv422p10le"},
    "uncompressed.avi": {"codec": "rawvideo", "pixels": "bgr24", "frames": 6},
    "lossless.mkv": {"codec": "ffv1", "pixels": "yuv422p10le", "frames": 9},
    "flash.flv": {"options": {"bf": "3", "g": "12"}},
    "phone.3gp": {"codec": "h263", "size": (144, 176), "frames": 12},
    "no_times.m4v": {"codec": "mpeg4", "options": {"bf": "2", "g": "9"}, "format": "m4v"},
    "no_times.hevc": {"codec": X265, "options": {"x265-params": "log-level=none:keyint=10:bframes=4"}},
    "camera.m2ts": {"options": {"bf": "3", "g": "12"}, "format": "mpegts", "container": {"mpegts_m2ts_mode": "1"}},
    "mpeg1.mpg": {"codec": "mpeg1video", "options": {"bf": "2", "g": "9"}},
    "interlaced.mpg": {"codec": "mpeg2video", "options": {"flags": "+ilme+ildct", "bf": "2", "g": "9"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "13", "g": "15"}, "size": (64, 64)},
    "hidden_frames_vp9.mp4": {
        "codec": "libvpx-vp9",
        "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "cpu-used": "8"},
    },
    "early_start.mkv": {"options": {"bf": "3", "g": "12"}, "times": [40 * i - 400 for i in range(30)]},
    "early_start.mp4": {
        "options": {"bf": "3", "g": "12"},
        "times": [40 * i - 400 for i in range(30)],
        "container": {"avoid_negative_ts": "disabled"},
    },
    "early_offsets.mp4": {"options": {"bf": "3", "g": "12"}, "container": {"movflags": "negative_cts_offsets"}},
    "one_fragment_each.mp4": {
        "options": {"bf": "3", "g": "12"},
        "container": {"movflags": "frag_every_frame+empty_moov"},
    },
    # Times have 33 bits of 1/90000 s, and begin anew after 26.5 hours: here half a second after the start.
    "clock_wraps.ts": {"options": {"bf": "3", "g": "12"}, "times": [95_443_000 + 40 * i for i in range(30)]},
    "12:30 50%d é.mp4": {"options": {"bf": "3", "g": "12"}},
}
