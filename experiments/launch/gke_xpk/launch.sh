#!/usr/bin/env bash
# A sweep on a GKE cluster of TPUs, through xpk. Called from the root of a clean clone, which goes into the image.
#   bash experiments/launch/gke_xpk/launch.sh           puts the job into the queue of the cluster
#   bash experiments/launch/gke_xpk/launch.sh delete    takes it out again, or stops it
# The same file runs on every machine as `... machine`.
set -euo pipefail

PROJECT=YOUR-PROJECT
ZONE=us-east5-b
CLUSTER=YOUR-CLUSTER
TPU=v6e-16
SLICES=1
NAME=synthmix
BUCKET=gs://YOUR-BUCKET    # in the region of ZONE; holds tfds/cifar10/3.0.2 and pool/pool.npz
IMAGE=python:3.12          # what the clone is put into
RESTARTS=100               # preemptions survived
GRACE=120                  # seconds from SIGTERM to SIGKILL, where the node lives as long (a Spot node may not)

JOB=(synthmix train cifar10 "$HOME/pool/pool.npz" --model resnet9 --ratios 0,0.5,1,2,4,8 --seeds 5
  --num-real 5000 --num-validation 1000 --steps 2000 --batch-size 256 --learning-rate 0.2
  --schedule triangular --label-smoothing 0.1 --flip --shift 4
  --workdir "$BUCKET/train" --out "$HOME/report" --distributed)
# JOB=(python -m experiments.cifar10 --preset gpu --work "$BUCKET/cifar10" --out "$HOME/report" --distributed)

launch() {
  xpk workload create --workload="$NAME" --cluster="$CLUSTER" --project="$PROJECT" --zone="$ZONE" \
    --tpu-type="$TPU" --num-slices="$SLICES" --base-docker-image="$IMAGE" --script-dir=. \
    --max-restarts="$RESTARTS" --termination-grace-period-seconds="$GRACE" \
    --command="bash experiments/launch/gke_xpk/launch.sh machine"
}

# Exit code of the job, which hears of a SIGTERM that this shell is sent.
run_job() {
  "${JOB[@]}" &
  local job=$! code=0
  trap 'kill -TERM "$job"' TERM
  wait "$job" || code=$?
  while kill -0 "$job" 2>/dev/null; do # a signal ends wait early
    code=0
    wait "$job" || code=$?
  done
  return "$code"
}

# Copies a folder from or to the bucket; the image has no gcloud.
copy() {
  python -c 'import sys, gcsfs
how, source, target = sys.argv[1:]
getattr(gcsfs.GCSFileSystem(), how)(source, target, recursive=True)' "$@"
}

on_machine() {
  pip install --quiet ".[tpu,gcs]"
  mkdir -p "$HOME/data" "$HOME/pool"
  copy get "$BUCKET/tfds/" "$HOME/data/"
  copy get "$BUCKET/pool/" "$HOME/pool/"
  export SYNTHMIX_DATA_DIR="$HOME/data"
  local code=0
  run_job || code=$?
  if [ "$code" = 0 ] && [ -n "$(ls -A "$HOME/report" 2>/dev/null)" ]; then
    copy put "$HOME/report/" "$BUCKET/report/"
  fi
  exit "$code"
}

case "$PROJECT $CLUSTER $BUCKET" in
  *YOUR-*) echo "fill in the settings at the top of $0" >&2; exit 2 ;;
esac
case "${1:-launch}" in
  launch) launch ;;
  machine) on_machine ;;
  delete) xpk workload delete --workload="$NAME" --cluster="$CLUSTER" --project="$PROJECT" --zone="$ZONE" ;;
  *) echo "bash $0 [delete]" >&2; exit 2 ;;
esac
