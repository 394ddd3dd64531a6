#!/bin/sh
# Makes the private environment (default .venv) of this checkout, or keeps the one that is there and sound.
#
#   scripts/private_venv.sh [FOLDER]       PYTHON=/path/to/python3.12 chooses the Python
#
# Plain POSIX sh, because it runs before anything else exists. Says one clear line and exits 1 when it cannot.
set -eu

venv=${1:-.venv}
here=$(pwd -P)

say() {
    printf '%s\n' "springtide: $*" >&2
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_venvs() {
    # Some distributions ship Python without ensurepip; `venv` imports there, and fails half-way.
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

sound() {
    # Its scripts carry absolute paths, so an environment that was copied or moved runs somebody else's code.
    # A hand-made environment counts too, and so does one that an interrupted run left without pip: rebuild that.
    [ -f "$venv/bin/activate" ] &&
        grep -qF "$here/$venv" "$venv/bin/activate" &&
        new_enough "$venv/bin/python" &&
        "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

chosen_is_inside() {
    # PYTHON=... given and another minor version is installed in the environment: follow the person, and rebuild.
    [ -z "${PYTHON:-}" ] && return 0
    of='import sys; print(sys.version_info[:2])'
    [ "$("$PYTHON" -c "$of" 2>/dev/null)" = "$("$venv/bin/python" -c "$of")" ]
}

choose() {
    lacking=
    if [ -n "${PYTHON:-}" ]; then
        candidates=$PYTHON
    else
        candidates='python3.13 python3.12 python3.11 python3.14 python3 python'
    fi
    for candidate in $candidates; do
        new_enough "$candidate" || continue
        if can_make_venvs "$candidate"; then
            chosen=$candidate
            return 0
        fi
        lacking=$candidate
    done
    if [ -n "$lacking" ]; then
        say "$lacking cannot make environments with pip (ensurepip is missing); install it (Debian, Ubuntu: the package python3-venv) or set PYTHON=/path/to/another/python"
    elif [ -n "${PYTHON:-}" ]; then
        say "PYTHON=$PYTHON is not a Python 3.11 or newer"
    else
        say "no Python 3.11 or newer found; install one or set PYTHON=/path/to/python3"
    fi
    return 1
}

if sound && chosen_is_inside; then
    exit 0
fi
choose
say "making $venv with $("$chosen" -c 'import platform; print("Python", platform.python_version())')"
rm -rf "$venv"
"$chosen" -m venv "$venv" || {
    say "$chosen could not make $venv (see above); set PYTHON=/path/to/another/python"
    exit 1
}
