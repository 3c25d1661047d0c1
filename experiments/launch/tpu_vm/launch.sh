#!/usr/bin/env bash
# A sweep on Cloud TPU VMs, through a queued resource.
#   bash launch.sh           asks for the machines, runs the job, goes on after preemptions, deletes the machines
#   bash launch.sh delete    deletes the machines
# The same file runs on every machine as `bash launch.sh machine`.
set -euo pipefail

PROJECT=YOUR-PROJECT
ZONE=us-east5-b
ACCELERATOR=v6e-8          # one machine of eight chips; v6e-16 and more are several machines
RUNTIME=v2-alpha-tpuv6e    # goes with the kind of chip
CAPACITY=--spot            # or --guaranteed, --reserved
NAME=synthmix
BUCKET=gs://YOUR-BUCKET    # in the region of ZONE; holds tfds/cifar10/3.0.2 and pool/pool.npz
SOURCE=https://YOUR-GIT-HOST/synthmix-jax.git
VERSION=main
WAIT=60                    # seconds between two looks at the queue

JOB=(synthmix train cifar10 "$HOME/pool/pool.npz" --model resnet9 --ratios 0,0.5,1,2,4,8 --seeds 5
  --num-real 5000 --num-validation 1000 --steps 2000 --batch-size 256 --learning-rate 0.2
  --schedule triangular --label-smoothing 0.1 --flip --shift 4
  --workdir "$BUCKET/train" --out "$HOME/report" --distributed)
# JOB=(python -m experiments.cifar10 --preset gpu --work "$BUCKET/cifar10" --out "$HOME/report" --distributed)

tpu() { gcloud compute tpus "$@" --project="$PROJECT" --zone="$ZONE" --quiet; }

queue_state() { tpu queued-resources describe "$NAME" --format='value(state.state)' 2>/dev/null || echo NONE; }

delete() { tpu queued-resources delete "$NAME" --force; }

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

on_machine() {
  cd "$HOME"
  exec 9>synthmix.lock
  flock -n 9 || { echo "an earlier run still goes on here: one run at a time may use a workdir" >&2; exit 75; }
  export PATH="$HOME/.local/bin:$PATH"
  python3 -m pip install --quiet --user uv
  [ -d synthmix-jax ] || git clone --quiet "$SOURCE" synthmix-jax
  git -C synthmix-jax checkout --quiet "$VERSION"
  uv venv --quiet --allow-existing --python 3.12 env # the machine's own Python may be too old
  . env/bin/activate
  uv pip install --quiet "./synthmix-jax[tpu,gcs]"
  mkdir -p data pool
  gcloud storage rsync --recursive "$BUCKET/tfds" data
  gcloud storage rsync --recursive "$BUCKET/pool" pool
  cd synthmix-jax
  export SYNTHMIX_DATA_DIR="$HOME/data"
  local code=0
  run_job || code=$?
  if [ "$code" = 0 ] && [ -n "$(ls -A "$HOME/report" 2>/dev/null)" ]; then
    gcloud storage rsync --recursive "$HOME/report" "$BUCKET/report"
  fi
  exit "$code"
}

on_all_machines() {
  tpu tpu-vm scp "$0" "$NAME:launch.sh" --worker=all &&
    tpu tpu-vm ssh "$NAME" --worker=all --command='bash launch.sh machine'
}

launch() {
  while true; do
    case "$(queue_state)" in
      NONE)
        tpu queued-resources create "$NAME" --node-id="$NAME" --accelerator-type="$ACCELERATOR" \
          --runtime-version="$RUNTIME" "$CAPACITY" ;;
      ACTIVE)
        local code=0
        on_all_machines || code=$?
        if [ "$code" = 0 ]; then
          delete
          return
        fi
        if [ "$code" != 143 ] && [ "$(tpu tpu-vm describe "$NAME" --format='value(state)')" = READY ]; then
          echo "the job failed ($code). The machines are kept, and cost: look, then bash $0 delete" >&2
          return "$code"
        fi
        delete ;; # preempted: ask for machines again
      SUSPENDED) delete ;;
      FAILED)
        echo "the request failed: see gcloud compute tpus queued-resources describe; then bash $0 delete" >&2
        return 1 ;;
      *) sleep "$WAIT" ;;
    esac
  done
}

case "$PROJECT $BUCKET $SOURCE" in
  *YOUR-*) echo "fill in the settings at the top of $0" >&2; exit 2 ;;
esac
case "${1:-launch}" in
  launch) launch ;;
  machine) on_machine ;;
  delete) delete ;;
  *) echo "bash $0 [delete]" >&2; exit 2 ;;
esac
