#!/bin/sh
# Runs one fuzzer for some seconds: tests/fuzz/run.sh TARGET SECONDS BUILD_DIR
# TARGET is a part of its name after fuzz_: frame, tcp_options, responder, bulk, framing, http, http_response, rpc_once,
# onc_rpc, nfs, tftp, talk, sum, dns, zone, image, transfer, zone_transfer, forward. What it finds is kept in BUILD_DIR/found/TARGET and used again the next
# time; an input that breaks something goes to BUILD_DIR/found/TARGET-*.
set -eu
if [ $# -ne 3 ]; then
  echo "usage: $0 TARGET SECONDS BUILD_DIR" >&2
  exit 2
fi
target=$1 seconds=$2 build=$3
here=$(cd "$(dirname "$0")" && pwd)
fuzzer=$build/tests/fuzz/fuzz_$target
if [ ! -x "$fuzzer" ]; then
  echo "$fuzzer: not built (CXX=clang++ meson setup $build -Dfuzzers=true -Dtests=false -Dbenchmarks=false)" >&2
  exit 2
fi
mkdir -p "$build/found/$target"
log=$build/fuzz_$target.log
if "$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=4200 -artifact_prefix="$build/found/$target-" \
  "$build/found/$target" "$here/corpus/$target" >"$log" 2>&1; then
  echo "fuzz_$target: $(grep '^Done' "$log"), $(find "$build/found/$target" -type f | wc -l) inputs kept"
else
  tail -n 60 "$log"
  exit 1
fi
