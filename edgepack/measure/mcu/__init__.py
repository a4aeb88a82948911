"""Numbers from microcontrollers: an emulated core (`emulated.py`), an attached board (`attached.py`), both as measurements."""
