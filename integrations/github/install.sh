#!/usr/bin/env bash
# Puts meshshift on PATH for this job: its locked packages go into an environment of their own, the program runs from the
# folder of the action. For action.yml; PYTHON names the Python to use.
set -euo pipefail

python=${PYTHON:-python3}
home=$RUNNER_TEMP/meshshift
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "::error title=meshshift::$python is older than Python 3.11: set python-version"
  exit 2
}
"$python" -m venv "$home"
"$home/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes \
  -r "$GITHUB_ACTION_PATH/requirements.lock"
"$home/bin/python" - "$GITHUB_ACTION_PATH" <<'PTH'
import pathlib
import sys
import sysconfig

pathlib.Path(sysconfig.get_path("purelib"), "meshshift.pth").write_text(sys.argv[1] + "\n", encoding="utf-8")
PTH

# A folder with nothing else in it: the job's own python stays the first on PATH.
mkdir -p "$home/path"
printf '#!/bin/sh\nexec "%s/bin/python" -I -m transformer "$@"\n' "$home" >"$home/path/meshshift"
chmod +x "$home/path/meshshift"
"$home/path/meshshift" --version
echo "$home/path" >>"$GITHUB_PATH"
