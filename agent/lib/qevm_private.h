/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that begin the elements of the container, besides the sections. */
#ifndef VFM_QEVM_PRIVATE_H
#define VFM_QEVM_PRIVATE_H

enum qevm_element {
	QEVM_EOF = 0x00,
	QEVM_SUBSECTION = 0x05,
	QEVM_VMDESC = 0x06,
	QEVM_CONFIGURATION = 0x07,
	QEVM_COMMAND = 0x08,
	QEVM_FOOTER = 0x7e,
};

#endif
