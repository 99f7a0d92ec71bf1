"""The one error that is meant for the person at the screen."""


class StudyError(Exception):
    """Something a user can put right: what is wrong, where, and what to do.

    Its message is shown as it stands, without a traceback, so it must be complete in itself
    and fit on one screen.
    """
