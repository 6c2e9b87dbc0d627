"""A process with a sandbox whose child is busy: prints the child's id and waits to be killed."""

import time

import decoder_poison

from vvp.media.decode import DecodeSettings
from vvp.media.sandbox import Sandbox

if __name__ == "__main__":
    sandbox = Sandbox(DecodeSettings(), decoder_poison.decode)
    print(sandbox.decode("pid").error_detail, sandbox._folder, flush=True)  # noqa: T201
    sandbox.submit("hang")
    time.sleep(600)
