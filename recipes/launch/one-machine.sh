#!/bin/sh
# Several processes on one machine, a GPU each where there are GPUs:
#
#   PROCESSES=4 recipes/launch/one-machine.sh ner-bert train.epochs=5
#
# `exec` makes the launcher this very process: a signal to it reaches all processes, they stop
# behind the same step, save it, and the same command goes on. The launcher kills who has not ended
# 30 s after a signal; what was saved before stays.
set -eu
processes=${PROCESSES:-2}
threads=$(($(nproc) / processes))
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$((threads > 0 ? threads : 1))}"
exec "${PYTHON:-python}" -m torch.distributed.run --standalone \
    --nproc_per_node "$processes" --signals_to_handle SIGTERM,SIGINT,SIGUSR1 \
    -m toolkit finetune "$@"
