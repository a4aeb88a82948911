"""Numbers from microcontrollers: from an emulated core (`emulated.py`), from an attached board (`attached.py`), as measurements."""
