"""Stand-ins for devices that are not at hand: a loopback sshd, an emulated Pi, an Android-like userland behind adb."""
