"""MXNet RecordIO without MXNet: ``.rec`` and ``.idx`` files, read where they lie and written."""
