"""What an Android app takes: the files (app.py) and the Kotlin class among them (kotlin.py)."""
