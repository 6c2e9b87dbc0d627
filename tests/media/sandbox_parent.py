"""A process with a sandbox whose child is busy: prints the child's id and waits to be killed."""

import time

import decoder_poison

from vvp.media.decode import DecodeSettings

if __name__ == "__main__":
    sandbox = decoder_poison.Words(DecodeSettings())
    print(sandbox.decode("pid").error_detail, flush=True)  # noqa: T201
    sandbox.submit("hang")
    time.sleep(600)
