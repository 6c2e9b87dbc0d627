"""Picture and sound of one synthetic clip, written as an H.264 + AAC file.

The knobs of a Clip set what has an effect on views: where the cuts lie, the palette, the speed, the
loudness, the timbre. Everything else (textures, shapes, tones, tempo) comes from its `look` and has none.
Not known here: views, effects, metadata or where the file belongs.
"""

from pathlib import Path

import av
import numpy as np

from vvp.synthetic.world import FPS, Clip

WIDTH, HEIGHT = 144, 256
RATE = 22_050  # samples per second
MARGIN = 96  # pixels that a shot's background is larger than the picture, so that it can slide
COLD, WARM = np.array([50.0, 115.0, 215.0]), np.array([215.0, 115.0, 50.0])
SCALE = (1.0, 9 / 8, 5 / 4, 3 / 2, 5 / 3, 2.0)  # pentatonic, as ratios to the key


def write_clip(clip: Clip, path: Path) -> None:
    """Encodes the clip to `path`, as MP4: 144 × 256, 12 fps, mono 22.05 kHz or no audio track."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
        video = out.add_stream(
            "libx264", rate=FPS, options={"preset": "superfast", "crf": "27", "threads": "1"}
        )
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = None
        if clip.loudness is not None:
            audio = out.add_stream("aac", rate=RATE, layout="mono")
            audio.bit_rate = 64_000
            samples = av.AudioFrame.from_ndarray(waveform(clip)[None], format="fltp", layout="mono")
            samples.sample_rate, samples.pts = RATE, 0
            out.mux(audio.encode(samples))
            out.mux(audio.encode(None))
        for picture in pictures(clip):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode(None))


def pictures(clip: Clip) -> np.ndarray:
    """uint8 (frames, 256, 144, 3), RGB."""
    rng = np.random.default_rng([clip.look, 0])
    base = COLD + clip.warmth * (WARM - COLD)
    speed = (3 + 87 * clip.motion) / FPS  # pixels per frame
    frames = np.empty((clip.frames, HEIGHT, WIDTH, 3), np.uint8)
    shade = rng.uniform(0.5, 1.1)
    for start, stop in zip((0, *clip.cuts), (*clip.cuts, clip.frames), strict=True):
        _shot(frames[start:stop], base, shade, speed, rng)
        # The next shot is clearly darker or lighter, as a cut to another place is.
        shade = 0.5 + (shade - 0.5 + rng.uniform(0.2, 0.4)) % 0.6
    return frames


def _shot(frames: np.ndarray, base: np.ndarray, shade: float, speed: float, rng: np.random.Generator) -> None:
    """Fills uint8 (n, HEIGHT, WIDTH, 3) with one shot: a sliding texture and shapes that bounce on it."""
    y, x = np.mgrid[: HEIGHT + MARGIN, : WIDTH + MARGIN]
    angle, wave = rng.uniform(0, np.pi), rng.uniform(50, 110)
    stripes = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wave)
    blotches = np.sin(x / rng.uniform(15, 40) + rng.uniform(0, 6)) * np.sin(y / rng.uniform(15, 40))
    light = shade * (1 + 0.18 * stripes + 0.12 * blotches)
    tint = base + np.array([0.0, rng.uniform(-25, 25), 0.0])
    canvas = np.clip(light[..., None] * tint, 0, 255).astype(np.uint8)
    shapes = [_shape(base, rng) for _ in range(rng.integers(3, 7))]
    drift, origin = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * MARGIN, 2)
    for number, frame in enumerate(frames):
        top, left = _bounce(origin + 0.5 * speed * number * np.array([np.sin(drift), np.cos(drift)]), MARGIN)
        frame[:] = canvas[top : top + HEIGHT, left : left + WIDTH]
        for mask, colour, place, direction in shapes:
            room = np.array(frame.shape[:2]) - mask.shape
            for lag, alpha in ((1.0, 0.35), (0.5, 0.6), (0.0, 1.0)):  # what a slow shutter leaves behind
                row, column = _bounce(place + speed * (number - lag) * direction, room)
                patch = frame[row : row + mask.shape[0], column : column + mask.shape[1]]
                patch[mask] = patch[mask] * (1 - alpha) + colour * alpha


def _shape(
    base: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A mask (bool, h × w), a colour, a place and a direction (row, column; unit length)."""
    height, width = rng.integers(18, 52, 2)
    y, x = np.mgrid[:height, :width]
    disc = ((y + 0.5) / height - 0.5) ** 2 + ((x + 0.5) / width - 0.5) ** 2 <= 0.25
    mask = disc if rng.random() < 0.5 else np.ones((height, width), bool)
    grey = rng.choice([25.0, 235.0])
    heading = rng.uniform(0, 2 * np.pi)
    return mask, 0.7 * grey + 0.3 * base, rng.uniform(0, 500, 2), np.array([np.sin(heading), np.cos(heading)])


def _bounce(place: np.ndarray, room: np.ndarray | int) -> tuple[int, int]:
    """Folds an unbounded place into [0, room] as a ball between two walls."""
    folded = room - np.abs(place % (2 * np.asarray(room)) - room)
    return int(folded[0]), int(folded[1])


def waveform(clip: Clip) -> np.ndarray:
    """float32 (samples,), mono, 22.05 kHz, in [-1, 1]: a tune whose rms and spectrum are the clip's.

    ValueError for a clip without sound.
    """
    if clip.loudness is None or clip.brightness is None:
        raise ValueError(f"{clip.video_id} has no sound")
    rng = np.random.default_rng([clip.look, 1])
    total = round(clip.duration_s * RATE)
    harmonic = np.arange(1, 17)
    cycle = np.arange(4096) / 4096
    turns = harmonic[:, None] * cycle + rng.random((16, 1))  # random phases keep the peaks low
    table = (harmonic[:, None] ** -(2.6 - 2.2 * clip.brightness) * np.sin(2 * np.pi * turns)).sum(0)
    key, beat = rng.uniform(130, 220), round(RATE * 60 / rng.uniform(90, 160))
    sound = np.empty(total)
    for start in range(0, total, beat):
        time = np.arange(min(beat, total - start)) / RATE
        note = table[(time * key * rng.choice(SCALE) % 1 * 4096).astype(int)]
        attack = np.minimum(time / 0.01, 1.0)
        sound[start : start + len(time)] = note * attack * (0.35 + 0.65 * np.exp(-time * 5))
    sound *= 10 ** ((-36 + 22 * clip.loudness) / 20) / np.sqrt(np.mean(sound**2))
    return np.clip(sound, -0.99, 0.99).astype(np.float32)
