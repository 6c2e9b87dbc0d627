"""What importing and making an encoder loads: a process pays for the libraries it uses and no others."""

import subprocess
import sys

HEAVY = ["torch", "transformers", "sentence_transformers", "faster_whisper", "ctranslate2", "huggingface_hub"]


def loaded(*steps: str) -> list[set[str]]:
    """Which of HEAVY a fresh Python holds after each of `steps`, one after another in one process."""
    report = f"print(*(m for m in {HEAVY} if m in sys.modules))"
    program = "\n".join(["import sys", *(f"{step}\n{report}" for step in steps)])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_an_encoder_loads_its_own_libraries_when_it_is_made() -> None:
    imported, found, whisper, efficientnet = loaded(
        "from vvp.encoders.profiles import profile; offline = profile('offline')",
        "weights = offline.locate()",
        # Offered float32 only, it has nothing to compare and is made in a third of the time.
        "import ctranslate2; ctranslate2.get_supported_compute_types = lambda device: {'float32'}\n"
        "offline.encoders['audio'](weights['audio'])",
        "offline.encoders['video'](weights['video'])",
    )
    assert imported == set()
    assert found == set()  # wheels: no hub is asked
    assert whisper == {"faster_whisper", "ctranslate2", "huggingface_hub"}
    assert efficientnet == {*whisper, "torch"}
