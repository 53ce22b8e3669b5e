"""Where the machine's screen can be looked at: a window of QEMU's where there is a display and QEMU
can open one, else VNC on a unix socket."""
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOCKET = os.path.join(TOP, "build", "screen.vnc")


def backends():
    """The kinds of window that this QEMU has been installed with."""
    listed = subprocess.run(["qemu-system-i386", "-display", "help"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout.decode().split()
    return [name for name in ("gtk", "sdl") if name in listed]


def choose(gui):
    """QEMU's options for GUI=1 or GUI=vnc, and what to tell the user, or None."""
    desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    windows = backends() if desktop and gui != "vnc" else []
    if windows:
        return ["-display", windows[0]], None
    why = ("" if gui == "vnc" else "no display here; " if not desktop else
           "no window without Debian's package qemu-system-gui; ")
    return (["-display", "vnc=unix:" + os.path.relpath(SOCKET)],
            f"{why}the machine's screen is on VNC:\n"
            f"  vncviewer {SOCKET}\n"
            f"or, from another computer:\n"
            f"  ssh -L 5900:{SOCKET} THIS_HOST and vncviewer localhost:5900")
