#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own VFIO selftests (tools/testing/selftests/vfio), on mock
# functions with our driver for them, or on other devices.  Each of their results
# is one here.
#
#   KERNEL_VFIO=   where their programs are
#   BDF=           run on these devices and leave the modules alone
#   PF=            a mock function with SR-IOV; without it one is made

. "$(dirname "$0")/lib/ktap.sh"

KERNEL_VFIO=${KERNEL_VFIO:-$(dirname "$0")/kernel-vfio}
DRIVER=/sys/bus/pci/drivers/mock_vfio_pci

# --- the machine: what a test wants of it, and as it was before ----------------

# tune FILE VALUE: until the end; where there is no such file, a test will say so
tune()
{
	[ -w "$1" ] || return 0
	echo "$1 $(sed 's/.*\[\(.*\)\].*/\1/' "$1")" >>"$TMP/tuned"
	echo "$2" >"$1"
}

untune()
{
	[ -e "$TMP/tuned" ] || return 0
	while read -r file value; do
		echo "$value" >"$file"
	done <"$TMP/tuned"
}

# The driver test maps 1 GiB of shared memory for each of its tests: in small
# pages that alone takes longer under emulation than a test may.
prepare()
{
	grep -q '^vfio_mig ' /proc/modules || insmod "$MODULES/vfio_mig.ko"
	grep -q '^mock_vfio_pci ' /proc/modules ||
		insmod "$MODULES/mock_vfio_pci.ko" functions=2
	BDF=$(cd $DRIVER && echo *:*:*.*)
	[ -e "$DRIVER/${BDF%% *}" ] || bail "no mock function"
	tune /sys/kernel/mm/transparent_hugepage/shmem_enabled always
	tune /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 1
}

# --- one program of the kernel's ------------------------------------------------

# Of what a program prints, its results come out with numbers of ours, the rest
# as comments.  The kernel's driver test does not look whether a device notices
# DMA without a mapping; ours has to, so that is a result more.
flatten()
{
	awk -v "count=$COUNT" -v "program=$1" -v "files=$TMP" '
	function result(good, text) {
		count++;
		if (!good)
			bad = 1;
		print (good ? "ok " : "not ok ") count " " text;
	}
	/^1\.\.[0-9]+/ {
		plan = substr($1, 4) + 0;
		if (sub(/.*# *SKIP */, ""))
			reason = $0;
		next;
	}
	/^ok / || /^not ok / {
		good = $1 == "ok";
		seen++;
		failed += !good;
		sub(/^(not )?ok [0-9]+ /, "");
		result(good, $0);
		if ($1 ~ /^vfio_pci_driver_test.*_unmapped_iova$/)
			result(noticed, $1 ": our driver says so");
		next;
	}
	/^#  RUN / { noticed = 0; }
	/mock: copy 0 failed: status 2/ { noticed = 1; }
	{
		if (reason == "")
			reason = $0;
		print "# " $0;
		fflush();
	}
	END {
		getline status <(files "/status");
		if (status == 4 && !seen)
			result(1, program " # SKIP " reason);
		else if (!seen || seen != plan)
			result(0, program ": planned " plan + 0 " tests, saw " seen + 0 ", exit status " status);
		else if ((status != 0) != (failed != 0))
			result(0, program ": exit status " status ", " failed + 0 " failed tests");
		print count, bad + 0 >(files "/counts");
	}'
}

# run PROGRAM ARGUMENT...
run()
{
	program=$1
	shift
	{
		"$KERNEL_VFIO/$program" "$@" 2>&1
		echo $? >"$TMP/status"
	} </dev/null | flatten "$program"
	read -r COUNT bad <"$TMP/counts" || bail "no counts of $program"
	[ "$bad" -eq 0 ] || FAILED=1
}

# Options for what cannot work on this kernel; each has its skipped result.
without_iommufd()
{
	[ ! -e /dev/iommu ] || return 0
	"$KERNEL_VFIO/$1" -l "$2" 2>&1 | tr -s ' ' '\n' |
	sed -n 's/^iommufd/-V &/p'
}

# Where map and unmap overflow 7.3 says EOVERFLOW, as the test wants, and 6.12 EINVAL.
without_eoverflow()
{
	case $1-$(uname -r) in
	vfio_dma_mapping_test-6.12.*) echo "-T overflow" ;;
	esac
}

skip_iommufd()
{
	[ -z "$2" ] || skip "$1: iommufd modes" "this kernel has no iommufd"
}

run_devices()
{
	program=$1
	modes=$(without_iommufd "$program" "${BDF%% *}")
	overflow=$(without_eoverflow "$program")
	# shellcheck disable=SC2086
	run "$program" $modes $overflow $BDF
	skip_iommufd "$program" "$modes"
	[ -z "$overflow" ] ||
		skip "$program: overflow" "6.12 says EINVAL, not EOVERFLOW"
}

# --- SR-IOV: the test wants a PF whose driver is vfio-pci -----------------------

# give_to DRIVER OVERRIDE: the PF
give_to()
{
	device=/sys/bus/pci/devices/$PF
	[ ! -e "$device/driver" ] || echo "$PF" >"$device/driver/unbind"
	echo "$2" >"$device/driver_override"
	echo "$PF" >"/sys/bus/pci/drivers/$1/bind"
}

run_sriov()
{
	made=''
	[ -n "$PF" ] || made=$(vfio-agent mock add profile sriov)
	PF=${PF:-$made}
	if [ -z "$PF" ]; then
		ok 1 "$1: make a function with SR-IOV"
		return
	fi
	modprobe vfio-pci
	tune /sys/module/vfio_pci/parameters/enable_sriov 1
	vfs=$(cat "/sys/bus/pci/devices/$PF/sriov_numvfs")
	echo 0 >"/sys/bus/pci/devices/$PF/sriov_numvfs"
	if give_to vfio-pci vfio-pci; then
		modes=$(without_iommufd "$1" "$PF")
		# shellcheck disable=SC2086
		run "$1" $modes "$PF"
		skip_iommufd "$1" "$modes"
	else
		ok 1 "$1: bind $PF to vfio-pci"
	fi
	if [ -n "$made" ]; then
		vfio-agent mock del "$made"
		return
	fi
	give_to mock_pf ""
	[ "$vfs" -eq 0 ] || echo "$vfs" >"/sys/bus/pci/devices/$PF/sriov_numvfs"
}

# --- all --------------------------------------------------------------------------

run_program()
{
	case $1-${GIVEN:-mock} in
	vfio_pci_sriov_uapi_test-mock) run_sriov "$1" ;;
	vfio_iommufd_setup_test-*)
		if [ -e /dev/iommu ]; then
			run_devices "$1"
		else
			skip "$1" "this kernel has no iommufd"
		fi
		;;
	*) run_devices "$1" ;;
	esac
}

GIVEN=${BDF-}
echo "TAP version 13"
set -- "$KERNEL_VFIO"/*_test
[ -x "$1" ] || bail "the kernel's programs are not built: $KERNEL_VFIO"
[ -n "$GIVEN" ] || prepare
for path in "$@"; do
	run_program "$(basename "$path")"
done
echo "1..$COUNT"

untune
rm -rf "$TMP"
[ -n "$GIVEN" ] || { rmmod mock_vfio_pci && rmmod vfio_mig; } || FAILED=1
exit $FAILED
