#!/usr/bin/env bash
# Bring up and take down a private one-node SLURM cluster on loopback (no systemd,
# nothing under /etc is touched).   usage: slurm_up.sh start|stop|status STATE_DIR
set -u
cmd=${1:?start|stop|status}; S=${2:?state dir}
mkdir -p "$S" && S=$(cd "$S" && pwd) || exit 2
GPUS=${SLURM_CI_GPUS:-2} CPUS=${SLURM_CI_CPUS:-8} MEM=${SLURM_CI_MEM:-8000}
CTLD_PORT=${SLURM_CI_CTLD_PORT:-26817} SLURMD_PORT=${SLURM_CI_SLURMD_PORT:-26818}
CONF=$S/etc/slurm.conf
die() { echo "slurm_up: $*" >&2; for l in munged slurmctld slurmd; do
          [ -s "$S/log/$l.log" ] && { echo "--- tail $l.log" >&2; tail -n 15 "$S/log/$l.log" >&2; }; done
        [ "${STARTED:-0}" = 1 ] && stop; exit 1; }
alive() { local p; p=$(cat "$S/run/$1.pid" 2>/dev/null) && [ -n "$p" ] && [ "$(cat /proc/$p/comm 2>/dev/null)" = "$1" ]; }
wait_for() { # wait_for SECONDS WHAT CMD...
  local n=$(( $1 * 10 )) what=$2; shift 2
  while ! "$@" >/dev/null 2>&1; do n=$((n-1)); [ $n -gt 0 ] || die "timed out waiting for $what"; sleep 0.1; done; }
stop_one() { # by recorded pid, only if the pid is still that program
  local d=$1 p n=100; alive "$d" || { rm -f "$S/run/$d.pid"; return 0; }
  p=$(cat "$S/run/$d.pid"); kill "$p" 2>/dev/null
  while kill -0 "$p" 2>/dev/null; do n=$((n-1)); [ $n -gt 0 ] || { kill -9 "$p"; break; }; sleep 0.1; done
  rm -f "$S/run/$d.pid"; }

stop() { if alive slurmctld; then
           SLURM_CONF=$CONF timeout 10 scancel -u "$(id -un)" 2>/dev/null   # private cluster: only its own jobs
           n=50; while [ $n -gt 0 ] && [ -n "$(SLURM_CONF=$CONF timeout 5 squeue -h 2>/dev/null)" ]; do n=$((n-1)); sleep 0.2; done
         fi
         stop_one slurmd; stop_one slurmctld; stop_one munged; }

start() {
  [ "$(id -u)" = 0 ] || die "must be root"
  for b in munged slurmctld slurmd sbatch srun squeue scontrol sinfo; do
    command -v $b >/dev/null || die "$b not found: apt-get install -y --no-install-recommends slurm-wlm munge"; done
  for d in munged slurmctld slurmd; do alive $d && die "$d already running from $S (run: $0 stop $S)"; done
  STARTED=1; rm -rf "$S/run" "$S/log" "$S/spool" "$S/state" "$S/dev" "$S/env.sh"
  mkdir -p "$S"/{etc,run,log,spool,state}; chmod 755 "$S" "$S"/{etc,run,log,spool,state}
  H=$(hostname -s)
  # --- munge: own key, socket, log, pid
  [ -s "$S/etc/munge.key" ] || { (umask 077; head -c 1024 /dev/urandom > "$S/etc/munge.key"); }
  # --- slurm config
  cat > "$CONF" <<C
ClusterName=ci
SlurmctldHost=$H(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$S/run/munge.socket,cred_expire=10
CredType=cred/munge
SlurmctldPort=$CTLD_PORT
SlurmdPort=$SLURMD_PORT
SlurmctldPidFile=$S/run/slurmctld.pid
SlurmdPidFile=$S/run/slurmd.pid
SlurmctldLogFile=$S/log/slurmctld.log
SlurmdLogFile=$S/log/slurmd.log
StateSaveLocation=$S/state
SlurmdSpoolDir=$S/spool
MpiDefault=none
MailProg=/bin/true
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$S/log/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_min_interval=0,batch_sched_delay=0
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=300
MaxJobCount=20000
MaxArraySize=10001
EnforcePartLimits=ALL
KillWait=3
OverTimeLimit=0
SlurmctldTimeout=60
SlurmdTimeout=60
PropagateResourceLimits=NONE
SlurmctldDebug=info
SlurmdDebug=info
NodeName=$H NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$MEM Gres=gpu:fake:$GPUS State=UNKNOWN
PartitionName=cpu Nodes=$H Default=YES MaxTime=1-00:00:00 DefMemPerCPU=100 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=gpu Nodes=$H Default=NO  MaxTime=1-00:00:00 DefMemPerCPU=100 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=spot Nodes=$H Default=NO MaxTime=1-00:00:00 DefMemPerCPU=100 State=UP PriorityTier=1 PreemptMode=REQUEUE
C
  mkdir -p "$S/dev"; for i in $(seq 0 $((GPUS-1))); do rm -f "$S/dev/gpu$i"
    mknod "$S/dev/gpu$i" c 1 3 2>/dev/null || : > "$S/dev/gpu$i"; done   # 22.05 gpu GRES needs File=; a fake node (or plain file) is enough
  if [ -n "${GRES_VARIANT:-}" ]; then printf '%s\n' "$GRES_VARIANT" > "$S/etc/gres.conf"
  else echo "Name=gpu Type=fake File=$S/dev/gpu[0-$((GPUS-1))]" > "$S/etc/gres.conf"; fi
  echo "ConstrainDevices=no" > "$S/etc/cgroup.conf"
  # slurm-jobstep 0.6.1 drops SLURM_CONF (every SLURM_* but a few) before its inner srun: a wrapper on
  # PATH puts it back. (A /run/slurm/conf link would do too, but then every process here sees the cluster.)
  mkdir -p "$S/bin"; printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$CONF" "$(command -v srun)" > "$S/bin/srun"; chmod 755 "$S/bin/srun"
  # --- daemons
  munged --socket="$S/run/munge.socket" --key-file="$S/etc/munge.key" --pid-file="$S/run/munged.pid" \
         --log-file="$S/log/munged.log" --seed-file="$S/run/munged.seed" --force >"$S/log/munged.out" 2>&1 \
    || { cat "$S/log/munged.out" >&2; die "munged did not start"; }
  wait_for 10 "munged" sh -c "munge -S '$S/run/munge.socket' -n | unmunge -S '$S/run/munge.socket'"
  export SLURM_CONF=$CONF
  slurmctld -c -f "$CONF" || die "slurmctld did not start"
  wait_for 20 "slurmctld" scontrol ping
  slurmd -f "$CONF" || die "slurmd did not start"
  wait_for 30 "node $H to register" sh -c "sinfo -h -N -n $H -o %t | grep -qvE 'unk|down\\*|idle\\*'"
  [ "$(sinfo -h -N -n $H -o %t | sort -u)" = idle ] || die "node is $(sinfo -h -N -n $H -o '%t: %E' | sort -u)"
  wait_for 20 "a first job" timeout 15 srun -p gpu --gres=gpu:1 -n1 -t1 true
  printf 'export SLURM_CONF=%s PATH=%s:$PATH\n' "$CONF" "$S/bin" > "$S/env.sh"
  echo "slurm_up: ready ($(sinfo -h -o '%P %D %t cpus=%c mem=%m gres=%G' | tr '\n' ';')) ; source $S/env.sh"
}
case $cmd in
  start)  start;;
  stop)   stop;;
  status) for d in munged slurmctld slurmd; do alive $d && echo "$d up" || echo "$d down"; done
          SLURM_CONF=$CONF timeout 5 sinfo;;
  *) echo "usage: $0 start|stop|status STATE_DIR" >&2; exit 2;;
esac
