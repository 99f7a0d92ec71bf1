#!/usr/bin/env bash
# Bring up and take down a private SLURM cluster: four slurmd on this machine, with GPUs that are files (no
# systemd, nothing under /etc is touched).   usage: private_slurm.sh start|stop|status STATE_DIR
#   n1   1 GPU    partitions cpu (the default) and gpu
#   n2   1 GPU    partitions wide and spot; a job in wide sends one in spot back to the queue
#   n3   3 GPUs
#   n4   3 GPUs
set -u
cmd=${1:?start|stop|status}; S=${2:?state dir}
mkdir -p "$S" && S=$(cd "$S" && pwd) || exit 2
CPUS=${SLURM_CI_CPUS:-8} MEM=${SLURM_CI_MEM:-8000}
CTLD_PORT=${SLURM_CI_CTLD_PORT:-26817} N1_PORT=${SLURM_CI_N1_PORT:-26818} N2_PORT=${SLURM_CI_N2_PORT:-26819} N3_PORT=${SLURM_CI_N3_PORT:-26820} N4_PORT=${SLURM_CI_N4_PORT:-26821}
CONF=$S/etc/slurm.conf
DAEMONS="munged slurmctld slurmd.n1 slurmd.n2 slurmd.n3 slurmd.n4"
die() { echo "private_slurm: $*" >&2; for l in $DAEMONS; do
          [ -s "$S/log/$l.log" ] && { echo "--- tail $l.log" >&2; tail -n 15 "$S/log/$l.log" >&2; }; done
        [ "${STARTED:-0}" = 1 ] && stop; exit 1; }
alive() { local p; p=$(cat "$S/run/$1.pid" 2>/dev/null) && [ -n "$p" ] && [ "$(cat /proc/$p/comm 2>/dev/null)" = "${1%%.*}" ]; }
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
         for d in slurmd.n1 slurmd.n2 slurmd.n3 slurmd.n4 slurmctld munged; do stop_one $d; done; }

start() {
  [ "$(id -u)" = 0 ] || die "must be root"
  for b in munged slurmctld slurmd sbatch srun squeue scontrol sinfo; do
    command -v $b >/dev/null || die "$b not found: apt-get install -y --no-install-recommends slurm-wlm munge"; done
  for d in $DAEMONS; do alive $d && die "$d already running from $S (run: $0 stop $S)"; done
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
SlurmctldPidFile=$S/run/slurmctld.pid
SlurmdPidFile=$S/run/slurmd.%n.pid
SlurmctldLogFile=$S/log/slurmctld.log
SlurmdLogFile=$S/log/slurmd.%n.log
StateSaveLocation=$S/state
SlurmdSpoolDir=$S/spool/%n
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
SlurmdTimeout=10
PropagateResourceLimits=NONE
SlurmctldDebug=info
SlurmdDebug=info
NodeName=n1 NodeHostname=$H NodeAddr=127.0.0.1 Port=$N1_PORT CPUs=$CPUS RealMemory=$MEM Gres=gpu:fake:1 State=UNKNOWN
NodeName=n2 NodeHostname=$H NodeAddr=127.0.0.1 Port=$N2_PORT CPUs=$CPUS RealMemory=$MEM Gres=gpu:fake:1 State=UNKNOWN
NodeName=n3 NodeHostname=$H NodeAddr=127.0.0.1 Port=$N3_PORT CPUs=$CPUS RealMemory=$MEM Gres=gpu:fake:3 State=UNKNOWN
NodeName=n4 NodeHostname=$H NodeAddr=127.0.0.1 Port=$N4_PORT CPUs=$CPUS RealMemory=$MEM Gres=gpu:fake:3 State=UNKNOWN
PartitionName=cpu Nodes=n1 Default=YES MaxTime=01:00:00 DefMemPerCPU=100 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=gpu Nodes=n1 Default=NO  MaxTime=01:00:00 DefMemPerCPU=100 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=wide Nodes=n[2-4] Default=NO MaxTime=01:00:00 DefMemPerCPU=100 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=spot Nodes=n[2-4] Default=NO MaxTime=01:00:00 DefMemPerCPU=100 State=UP PriorityTier=1 PreemptMode=REQUEUE
C
  mkdir -p "$S/dev"; for i in 0 1 2; do rm -f "$S/dev/gpu$i"
    mknod "$S/dev/gpu$i" c 1 3 2>/dev/null || : > "$S/dev/gpu$i"; done   # 22.05 gpu GRES needs File=; a fake node (or plain file) is enough
  { echo "NodeName=n[1-2] Name=gpu Type=fake File=$S/dev/gpu0"
    echo "NodeName=n[3-4] Name=gpu Type=fake File=$S/dev/gpu[0-2]"; } > "$S/etc/gres.conf"
  echo "ConstrainDevices=no" > "$S/etc/cgroup.conf"
  # --- daemons
  munged --socket="$S/run/munge.socket" --key-file="$S/etc/munge.key" --pid-file="$S/run/munged.pid" \
         --log-file="$S/log/munged.log" --seed-file="$S/run/munged.seed" --force >"$S/log/munged.out" 2>&1 \
    || { cat "$S/log/munged.out" >&2; die "munged did not start"; }
  wait_for 10 "munged" sh -c "munge -S '$S/run/munge.socket' -n | unmunge -S '$S/run/munge.socket'"
  export SLURM_CONF=$CONF
  slurmctld -c -f "$CONF" || die "slurmctld did not start"
  wait_for 20 "slurmctld" scontrol ping
  for n in n1 n2 n3 n4; do mkdir -p "$S/spool/$n"; slurmd -N $n -f "$CONF" || die "slurmd of $n did not start"; done
  wait_for 30 "the nodes" sh -c '[ "$(sinfo -h -N -o %t | sort -u)" = idle ]'
  wait_for 20 "a first job" timeout 15 srun -p gpu --gres=gpu:1 -n1 -t1 true
  printf 'export SLURM_CONF=%s\n' "$CONF" > "$S/env.sh"
  echo "private_slurm: ready ($(sinfo -h -o '%P %D %t cpus=%c mem=%m gres=%G' | tr '\n' ';')) ; source $S/env.sh"
}
case $cmd in
  start)  start;;
  stop)   stop;;
  status) for d in $DAEMONS; do alive $d && echo "$d up" || echo "$d down"; done
          SLURM_CONF=$CONF timeout 5 sinfo;;
  *) echo "usage: $0 start|stop|status STATE_DIR" >&2; exit 2;;
esac
