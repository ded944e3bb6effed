#!/usr/bin/env bash
# Installs the programs that the tests run and that pip does not bring, by apt and as root. It does nothing where
# all of them are there. Where it may not install, it names what is missing; in CI (CI=true) it fails then.
set -euo pipefail

packages=()
tests=()

need() {  # need PACKAGE TESTS PROGRAM...: one of the programs must exist
  local package=$1 what=$2 program
  shift 2
  for program in "$@"; do
    if command -v "$program" >/dev/null; then return; fi
  done
  packages+=("$package")
  tests+=("$what")
}

need chromium "the page of vpt-gym view" chromium google-chrome chromium-browser
need xvfb "the window of vpt-gym play" Xvfb
need default-jre-headless "vpt-gym doctor with a real Java" java
if ! "${PYTHON:-python3}" -c "import ensurepip" 2>/dev/null; then
  packages+=(python3-venv)
  tests+=("everything else (Python has no ensurepip)")
fi

if [ ${#packages[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq </dev/null
  apt-get install -qq --yes --no-install-recommends "${packages[@]}" </dev/null >/dev/null
  exit 0
fi
left_out=$(printf '; %s' "${tests[@]}")
echo "Tests left out: ${left_out:2}. To run them: sudo apt-get install ${packages[*]} (or the like)." >&2
[ "${CI:-}" != true ]
