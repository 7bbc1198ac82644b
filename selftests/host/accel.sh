#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Print QEMU's options for machine, accelerator and CPU.  A /dev/kvm that opens
# proves nothing: KVM is used if a trial boot gets as far as user space, and the
# verdict is kept until this machine reboots.  VFIO_MIG_ACCEL=kvm|tcg overrides,
# VFIO_MIG_CPU names another CPU.
#
#   accel.sh KERNEL-DIR
. "$(dirname "$0")/lib.sh"

kernel=$1
marker=vfio-mig-trial-boot-ok

options() {
	case $1 in
	kvm) echo "-machine q35,kernel-irqchip=split -accel kvm -cpu ${VFIO_MIG_CPU:-host}" ;;
	tcg) echo "-machine q35 -accel tcg,thread=multi -cpu ${VFIO_MIG_CPU:-max,la57=off}" ;;
	*) die "VFIO_MIG_ACCEL is kvm or tcg, not $1" ;;
	esac
}

# A root whose init says the marker and powers off.
make_trial_root() {
	mkdir "$1/root"
	cat >"$1/root/init" <<-END
		#!/bin/sh
		echo $marker
		poweroff -f
	END
	chmod 755 "$1/root/init"
	"$host_dir/pack.sh" "$1/root" "$1/trial.cpio"
	cat "$("$host_dir/root-base.sh")" "$1/trial.cpio" >"$1/initrd"
}

kvm_boots() (
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	make_trial_root "$dir"
	# shellcheck disable=SC2046
	timeout -k 2 20 qemu-system-x86_64 $(options kvm) -m 1G -smp 2 -nodefaults \
		-display none -no-reboot -device intel-iommu,intremap=on \
		-serial "file:$dir/log" -kernel "$kernel/vmlinuz" \
		-initrd "$dir/initrd" -append "console=ttyS0 panic=-1" \
		</dev/null >/dev/null 2>&1 || true
	grep -q "$marker" "$dir/log" 2>/dev/null
)

verdict() {
	local file
	file=$cache/accel/$(cat /proc/sys/kernel/random/boot_id)-$(basename "$kernel")
	if [ ! -s "$file" ]; then
		mkdir -p "$cache/accel"
		if kvm_boots; then echo kvm; else echo tcg; fi >"$file.$$"
		mv "$file.$$" "$file"
		say ACCEL "$(cat "$file")"
	fi
	cat "$file"
}

options "${VFIO_MIG_ACCEL:-$(verdict)}"
