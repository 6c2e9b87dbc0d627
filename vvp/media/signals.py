"""Five numbers that a person can read, measured on what was decoded. The definitions are the docstrings.

Not known here: files, decoders, statuses. A signal that cannot be measured is absent from the dict (null in
the table), never 0.
"""

import numpy as np

from vvp.media.video import Picture

CUT_COLOUR = 0.3  # at a hard cut, at least this share of the picture changes its colour bin …
CUT_LUMA = 0.06  # … luma moves by at least this much on average, of 1 …
CUT_OVER_AROUND = 2.5  # … and by this many times the median of the second around it: a pan is no cut
EDGE = 0.15  # luma difference over two points, of 1, that counts as an edge


def picture_signals(picture: Picture) -> dict[str, float]:
    """From the small frames, 8 a second, of the first `signals_s` seconds; and the sixteen large ones.

    motion_mean        mean absolute change of luma, of 1, per second, cuts left out. A sum of changes over
                       elapsed time, so that it means the same at 8, 15 or 60 frames a second
    cut_rate_per_min   hard cuts per minute: steps between small frames where colours and luma both jump
    visual_density     share of points on an edge (luma, at half the size, changes by more than 0.15 over two
                       points), mean of the frames
    A single small frame has neither motion nor cut rate.
    """
    found = {"visual_density": _edge_share(picture.frames)}
    if len(picture.thumbs) < 2:
        return found
    luma = _luma(picture.thumbs)
    change = np.abs(np.diff(luma, axis=0)).mean(axis=(1, 2))
    steps = np.diff(picture.times)
    cuts = _cuts(picture.thumbs, change)
    found["cut_rate_per_min"] = float(cuts.sum() / steps.sum() * 60)
    if not cuts.all():
        found["motion_mean"] = float(change[~cuts].sum() / steps[~cuts].sum())
    return found


def sound_signals(waveform: np.ndarray, rate: int) -> dict[str, float]:
    """audio_rms_mean, audio_rms_std: over librosa's frames of 2048 samples, 512 apart; full scale is 1."""
    import librosa  # 1.8 s and 100 MB at its first use, which only the process that decodes should pay

    rms = librosa.feature.rms(y=waveform, frame_length=2048, hop_length=512)
    return {"audio_rms_mean": float(rms.mean()), "audio_rms_std": float(rms.std())}


def _luma(images: np.ndarray) -> np.ndarray:
    """uint8 (n, h, w, 3) → float32 (n, h, w) in [0, 1]."""
    return images @ (np.array([0.299, 0.587, 0.114], np.float32) / 255)


def _edge_share(frames: np.ndarray) -> float:
    """On means of 2 x 2 pixels, where the two decoders' sharpness differs by 1 to 6 %, not by up to 19 %."""
    height, width = (side // 2 for side in frames.shape[1:3])
    fine = _luma(frames[:, : height * 2, : width * 2])
    luma = fine.reshape(len(frames), height, 2, width, 2).mean(axis=(2, 4))
    across = luma[:, 1:-1, 2:] - luma[:, 1:-1, :-2]
    down = luma[:, 2:, 1:-1] - luma[:, :-2, 1:-1]
    return float((across**2 + down**2 > EDGE**2).mean())


def _cuts(thumbs: np.ndarray, change: np.ndarray) -> np.ndarray:
    """bool (m - 1,): which steps between small frames are hard cuts."""
    bins = thumbs.astype(np.uint16) >> 6
    codes = (bins[..., 0] << 4 | bins[..., 1] << 2 | bins[..., 2]).reshape(len(thumbs), -1)
    shares = np.stack([np.bincount(row, minlength=64) for row in codes]) / codes.shape[1]
    colour = np.abs(np.diff(shares, axis=0)).sum(axis=1) / 2
    padded = np.pad(change, 4, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 9)
    usual = np.nanmedian(around, axis=1)
    return (colour > CUT_COLOUR) & (change > CUT_LUMA) & (change > CUT_OVER_AROUND * usual)
