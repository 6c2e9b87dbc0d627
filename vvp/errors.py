"""The exceptions a caller of vvp may catch. A bad video is none of these: it is a row (see schema.py)."""


class VvpError(Exception):
    """Base of everything below. Its message is one sentence that can be shown to a user as it stands."""


class UserError(VvpError):
    """The person can mend it: a wrong path, an unknown profile, an empty table. The CLI exits with code 2."""


class WeightsError(UserError):
    """Model weights are absent, or their sha256 is not the one that vvp was written against."""


class SplitError(UserError):
    """The videos do not divide into parts: too few labels, no dates, one channel. Rules need no parts."""


class PlanError(UserError):
    """The machines cannot hold the actors asked for; raised before anything starts, never a hang."""


class TrialError(VvpError):
    """A trial of the sweep failed; the message names it and its cause."""
