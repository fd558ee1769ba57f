# shellcheck shell=bash
# Shared by the scripts here; sourced, never run. It finds the project's root, says things, and builds.
# A script that sources this runs under `set -euo pipefail`.
set -euo pipefail

# Debian's own tools, whatever else the caller has in front of them (pyenv's python3 lacks dnspython).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

# A heading: what happens next.
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

need_root() { [[ $(id -u) == 0 ]] || die "run this as root: it makes network namespaces and installs packages"; }

# build_in DIR TARGET... [-- MESON-OPTION...]: configures once, then brings the targets (default: all) up to date.
build_in() {
  local dir=$1 targets=()
  shift
  while (( $# )) && [[ $1 != -- ]]; do targets+=("$1"); shift; done
  (( $# )) && shift
  [[ -f $dir/build.ninja ]] || meson setup "$dir" "$@"
  ninja -C "$dir" "${targets[@]}"
}
