#!/bin/sh
# The same on several machines. Start it on each, with the same arguments; run.folder and the cache
# (TOOLKIT_CACHE, if it is shared at all) lie on a disk that all of them see:
#
#   HEAD=node1:29400 MACHINES=2 PROCESSES=8 recipes/launch/several-machines.sh ner-bert \
#       run.folder=/shared/runs
#
# A signal to any one of the launchers stops all processes of all machines behind the same step.
set -eu
: "${HEAD:?the machine that all can reach, as host:port}"
processes=${PROCESSES:-1}
threads=$(($(nproc) / processes))
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$((threads > 0 ? threads : 1))}"
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${MACHINES:-2}" --nproc_per_node "$processes" \
    --rdzv_backend c10d --rdzv_endpoint "$HEAD" --rdzv_id "${JOB:-toolkit}" \
    --signals_to_handle SIGTERM,SIGINT,SIGUSR1 \
    -m toolkit finetune "$@"
