# SPDX-License-Identifier: GPL-2.0-or-later
# The one entry to everything; the work is done by agent/Makefile, kmod's Kbuild
# and the scripts in selftests/host/.  "make help" lists what there is.

O ?= $(CURDIR)/build
PREFIX ?= /usr/local
FUNCTIONS ?= 2
HOST := selftests/host
CACHE := $${XDG_CACHE_HOME:-$$HOME/.cache}/vfio-mig
running_kdir := /lib/modules/$(shell uname -r)/build
export O := $(abspath $(O))

all: agent ## build the agent: build/vfio-agent

agent:
	@$(MAKE) -s --no-print-directory -C agent O=$(O)

demo: ## migrate a mock device in a virtual machine with Debian's kernel
	@$(HOST)/deps.sh demo
	@$(HOST)/demo.sh

check: ## run all tests on all kernels, some with other IOMMUs; T=suite K=kernel select
	@$(HOST)/deps.sh check
	@$(HOST)/check.sh $(if $(T),-T $(T)) $(if $(K),-K $(K))

bench: ## measure in a virtual machine, ratios only; BENCH=name K=kernel RUNS=n
	@$(HOST)/deps.sh check
	@$(HOST)/bench.sh $(if $(BENCH),-B $(BENCH)) $(if $(K),-K $(K)) $(if $(RUNS),-n $(RUNS))

kernel-selftests: ## run the kernel's own vfio selftests on mock functions; K= BDF=
	@$(HOST)/deps.sh check
	@$(if $(BDF),$(HOST)/kernel_vfio.sh run $(BDF),\
		$(HOST)/check.sh -T kernel_vfio -K $(or $(K),debug))

shell: ## a shell in a virtual machine with two mock functions; K=kernel
	@$(HOST)/deps.sh $(if $(filter-out debian,$(K)),check,demo)
	@$(MAKE) -s --no-print-directory agent
	@$(HOST)/modules.sh $(or $(K),debian)
	@$(HOST)/run.sh -k $(or $(K),debian) -i

modules: ## build the modules for K=kernel of the test host, or for KDIR=dir
	@$(HOST)/deps.sh $(if $(filter debug,$(K)),check,demo)
	@$(if $(KDIR),KDIR=$(KDIR)) $(HOST)/modules.sh $(if $(KDIR),host,$(or $(K),debian))

selftests: agent ## build the test programs
	@$(MAKE) -s --no-print-directory -C selftests O=$(O)

install: agent ## install agent, headers, man pages, modules; DESTDIR= PREFIX= KDIR=
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) KDIR=$(KDIR) $(HOST)/install.sh

insmod: ## load the modules on this machine; FUNCTIONS=n KDIR=dir
	@KDIR=$(or $(KDIR),$(running_kdir)) $(HOST)/modules.sh host
	@modprobe -a vfio_iommu_type1 vfio-pci-core
	@insmod $(O)/kmod-host/kmod/vfio_mig/vfio_mig.ko
	@insmod $(O)/kmod-host/kmod/bochs_vfio_pci/bochs_vfio_pci.ko
	@insmod $(O)/kmod-host/kmod/mock_vfio_pci/mock_vfio_pci.ko functions=$(FUNCTIONS)

rmmod: ## unload the modules on this machine
	@rmmod mock_vfio_pci bochs_vfio_pci vfio_mig

clean: ## remove build/
	@rm -rf $(O)

cache-refresh: ## look for newer kernels at the next run
	@rm -rf $(CACHE)/resolved $(CACHE)/apt

cache-clean: ## remove cached kernels and root filesystems
	@rm -rf $(CACHE)

help: ## this text
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
	awk -F '\t' '{ printf "  %-17s %s\n", $$1, $$2 }'
	@echo 'Variables:'
	@sed -n 's/^#: \([^ ]*\) *\(.*\)/\1\t\2/p' Makefile | \
	awk -F '\t' '{ printf "  %-17s %s\n", $$1, $$2 }'

#: T=name            check: this suite only (a program in selftests/, or "build")
#: K=kernel          debian (default) or debug; check: default all, there also
#:                   debian-amd and such, see machines in selftests/host/kernels.conf
#: BENCH=name        bench: this one only (a file in selftests/bench/)
#: RUNS=n            bench: how often each is run (5)
#: BDF=devices       kernel-selftests: on devices of this machine that vfio has
#: O=dir             where builds and logs go (build/)
#: KDIR=dir          kernel build directory for modules, install, insmod
#: FUNCTIONS=n       insmod: mock functions to create (2)
#: DESTDIR=dir       install: root to install into
#: PREFIX=dir        install: prefix of all but the modules (/usr/local)
#: XDG_CACHE_HOME    the cache is vfio-mig/ in here (~/.cache)
#: VFIO_MIG_ACCEL    kvm or tcg, for the virtual machines (default: by trial)
#: VFIO_MIG_CPU      QEMU's -cpu for the virtual machines

.PHONY: all agent demo check bench kernel-selftests shell modules selftests \
	install insmod rmmod clean cache-refresh cache-clean help
