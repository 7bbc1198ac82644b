#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Boot the test host and run one command in it, with the modules, the agent and
# the selftests that have been built.  No file of this machine can be changed
# from within except OUTDIR/results, which the VM has as /results.
#
#   run.sh [-k KERNEL] [-M MACHINE] [-d DEVICE]... [-D] [-t SECONDS]
#          [-m MEMORY] [-o OUTDIR] [-i] -- COMMAND...
#   run.sh -i       a shell, with two mock functions
#
# MACHINE names the IOMMU that real devices are behind: one of $machines in
# kernels.conf.  DEVICE is one more of QEMU's devices, as for its -device;
# -D adds all that are $extra_devices in kernels.conf.
#
# Exit status: the command's; 124 if the time ran out; 125 if the VM died.  The
# kernel's log is OUTDIR/console.log.
. "$(dirname "$0")/lib.sh"

usage() { sed -n '/^#   run/,/^#$/s/^#   *//p' "$0" >&2; exit 2; }

kernel=debian machine=${machines%% *} seconds=300 memory='' out='' job=run
devices=()
while getopts k:M:d:Dt:m:o:ih option; do
	case $option in
	k) kernel=$OPTARG ;;
	M) machine=$OPTARG ;;
	d) devices+=(-device "$OPTARG") ;;
	D) for device in $extra_devices; do devices+=(-device "$device"); done ;;
	t) seconds=$OPTARG ;;
	m) memory=$OPTARG ;;
	o) out=$OPTARG ;;
	i) job=shell seconds=0 ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || [ "$job" = shell ] || usage

case " $machines " in
*" $machine "*) ;;
*) die "no machine $machine; there are: $machines" ;;
esac
machine_device=${machine}_device machine_cmdline=${machine}_cmdline
default_memory=${kernel}_memory
memory=${memory:-${!default_memory}}

# claim DIR - as this run's own, unless another run still uses it
claim() {
	mkdir -p "$1"
	exec {lock}>"$1/lock"
	flock -n "$lock" || return 1
	rm -rf "$1/results" "$1/console.log"
	mkdir "$1/results"
	out=$1
}

# Runs side by side get run-KERNEL, run-KERNEL-2 and so on.
claim_next() {
	local base=$build/log/run-$kernel n=1
	until claim "$base$([ $n -eq 1 ] || echo "-$n")"; do
		n=$((n + 1))
	done
}

if [ -n "$out" ]; then
	claim "$out" || die "in use by another run: $out"
else
	claim_next
fi
kernel_dir=$("$host_dir/kernel.sh" "$kernel")
accel=$("$host_dir/accel.sh" "$kernel_dir")

cmdline="console=ttyS0 loglevel=7 printk.devkmsg=on log_buf_len=4M panic=-1 \
oops=panic no_timer_check hugepagesz=1G hugepages=1 ${!machine_cmdline}"
[ "$kernel" != debug ] || cmdline+=" panic_on_warn=1 kmemleak=on"

# The command, word by word as it was given, and what init has to know.
make_job() {
	local dir=$1/job
	mkdir -p "$dir"
	{
		echo "job=$job"
		echo "export TEST_MACHINE=$machine"
		echo "boot_modules='$boot_modules'"
		echo "preload_modules='$preload_modules'"
	} >"$dir/env"
	shift
	printf "%s " "${@@Q}" >"$dir/command"
}

make_initrd() {
	local dir
	dir=$(mktemp -d)
	make_job "$dir/root" "$@"
	"$host_dir/pack.sh" "$dir/root" "$dir/job.cpio"
	"$host_dir/root-payload.sh" "$kernel" "$dir/payload.cpio"
	cat "$("$host_dir/root-base.sh")" "$("$host_dir/root-modules.sh" "$kernel_dir")" \
		"$dir/payload.cpio" "$dir/job.cpio" >"$out/initrd"
	rm -rf "$dir"
}

# The IOMMU comes first: QEMU puts behind it what comes later.  Virtio devices
# must be told to be, and then the shared folder is a user of it.
boot() {
	local iommu=${!machine_device} behind=disable-legacy=on,iommu_platform=on
	# shellcheck disable=SC2086
	timeout -k 5 --foreground "$seconds" qemu-system-x86_64 $accel \
		-smp 2 -m "$memory" -nodefaults -display none -no-reboot \
		${iommu:+-device "$iommu"} \
		-kernel "$kernel_dir/vmlinuz" -initrd "$out/initrd" -append "$cmdline" \
		-pidfile "$out/pid" -serial "file:$out/console.log" "$@" \
		-fsdev "local,id=results,path=$out/results,security_model=none,multidevs=remap" \
		-device "virtio-9p-pci,fsdev=results,mount_tag=results,$behind" \
		"${devices[@]}"
}

verdict() {
	[ "$1" -ne 124 ] && [ "$1" -ne 137 ] ||
		{ note "run.sh: no end after $seconds s; log: $out/console.log"; return 124; }
	if [ ! -s "$out/results/.status" ] ||
	   grep -q 'Kernel panic - not syncing' "$out/console.log"; then
		note "run.sh: the VM died; log: $out/console.log"
		return 125
	fi
	return "$(cat "$out/results/.status")"
}

make_initrd "$@"
status=0
if [ "$job" = shell ]; then
	boot -serial mon:stdio || status=$?
else
	boot -serial stdio </dev/null || status=$?
fi
rm -f "$out/initrd"
cache_evict
verdict "$status"
